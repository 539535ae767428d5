//! Running an ended job again, as a new generation.

use std::fmt;

use event::{EventId, EventRef, JobState, Lane};
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;

use super::list::PAGE_EVENTS_MAX;
use crate::lanes::Lanes;
use crate::statements::{INSERT_AUDIT, REPLAY_JOB, REPLAY_STATE};
use crate::transaction::{Ends, Transaction};
use crate::wire::{get, to_sql, without_nul};
use crate::{EventFilter, Queue, QueueError};

/// Which events to replay.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// These.
    Ids(Vec<EventId>),
    /// All that match.
    Filter(EventFilter),
}

/// How to replay.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayOptions {
    /// Who asks, for the audit.
    pub actor: String,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Only say what would happen.
    pub dry_run: bool,
    /// At most this many of a filter's matches.
    pub limit: u32,
}

/// Why an event was not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It runs right now.
    Running,
    /// Its job has not ended.
    Live,
    /// It was never owed work.
    NoWork,
    /// The log does not hold it.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Running => "it is running; cancel it first or wait for its end",
            Refusal::Live => "its job has not ended yet",
            Refusal::NoWork => "it was stored without work to do",
            Refusal::Unknown => "the log does not hold it",
        })
    }
}

/// What a replay did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplayReport {
    /// The events with their new generations.
    pub replayed: Vec<(EventId, i32)>,
    /// The events left alone, and why.
    pub refused: Vec<(EventId, Refusal)>,
    /// Whether a filter matched more than its limit.
    pub more: bool,
}

impl Queue {
    /// Makes new generations of ended jobs, each in a transaction of its own with its audit row.
    /// Replaying what is live is refused, so that repeating a replay, or two at once, makes one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn replay(
        &self,
        selection: &Selection,
        options: &ReplayOptions,
    ) -> Result<ReplayReport, QueueError> {
        let mut report = ReplayReport::default();
        let ids = match selection {
            Selection::Ids(ids) => ids.clone(),
            Selection::Filter(filter) => {
                let (ids, more) = self.matching(filter, options.limit).await?;
                report.more = more;
                ids
            }
        };
        for id in ids {
            match self.replay_one(id, options).await? {
                Ok(generation) => report.replayed.push((id, generation)),
                Err(refusal) => report.refused.push((id, refusal)),
            }
        }
        if !options.dry_run && !report.replayed.is_empty() {
            self.hint().await;
        }
        Ok(report)
    }

    /// A filter's matches, oldest first, so that lanes are refilled in their order.
    async fn matching(
        &self,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<(Vec<EventId>, bool), QueueError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut filter = filter.clone();
        let mut ids = Vec::new();
        // One more than wanted tells whether there is more.
        while ids.len() <= wanted {
            let page = self.events(&filter, PAGE_EVENTS_MAX).await?;
            ids.extend(page.iter().map(|summary| summary.event.id));
            match page.last() {
                Some(last) => filter.before = Some(last.event),
                None => break,
            }
        }
        let more = ids.len() > wanted;
        ids.truncate(wanted);
        ids.reverse();
        Ok((ids, more))
    }

    async fn replay_one(
        &self,
        id: EventId,
        options: &ReplayOptions,
    ) -> Result<Result<i32, Refusal>, QueueError> {
        let Some(event) = self.find(id).await? else { return Ok(Err(Refusal::Unknown)) };
        let occurred_at = to_sql(event.occurred_at);
        let rows = self.query(REPLAY_STATE, vec![&occurred_at, &id.0]).await?;
        let start = match Start::read(rows.first(), id)? {
            Ok(start) if !options.dry_run => start,
            answer => return Ok(answer.map(|start| start.generation)),
        };
        let lanes = Lanes::of([(id, start.lane)]);
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let again = transaction.step(REPLAY_STATE, vec![&occurred_at, &id.0]).await?;
        let answers = transaction.pipeline(&[lock, again], Ends::Begin).await?;
        // Under the lock: whoever replayed at the same time has committed.
        match Start::read(answers.last().and_then(|rows| rows.first()), id)? {
            Ok(start) => self.make(transaction, event, &start, &lanes, options).await.map(Ok),
            Err(refusal) => transaction.rollback().await.map(|()| Err(refusal)),
        }
    }

    async fn make(
        &self,
        mut transaction: Transaction,
        event: EventRef,
        start: &Start,
        lanes: &Lanes,
        options: &ReplayOptions,
    ) -> Result<i32, QueueError> {
        let occurred_at = to_sql(event.occurred_at);
        let lane = start.lane.map(|lane| lane.0);
        let subject = json!({"event": event, "generation": start.generation});
        let actor = without_nul(&options.actor);
        let reason = options.reason.as_deref().map(without_nul);
        let id = &event.id.0;
        let Start { lane_order, kind, generation, .. } = start;
        let job = transaction
            .step(REPLAY_JOB, vec![id, &occurred_at, &lane, lane_order, kind, generation])
            .await?;
        let audit =
            transaction.step(INSERT_AUDIT, vec![&actor, &"replay", &reason, &subject]).await?;
        let demote = lanes.demote(&transaction).await?;
        let promote = lanes.promote(&transaction).await?;
        transaction.pipeline(&[job, audit, demote, promote], Ends::Commit).await?;
        Ok(start.generation)
    }
}

/// What a replay starts from.
struct Start {
    lane: Option<Lane>,
    lane_order: i64,
    kind: String,
    /// The new generation.
    generation: i32,
}

impl Start {
    fn read(row: Option<&Row>, event: EventId) -> Result<Result<Self, Refusal>, QueueError> {
        let Some(row) = row else { return Ok(Err(Refusal::Unknown)) };
        if let Some(word) = get::<Option<&str>>(row, "live_state")? {
            let state = JobState::from_word(word);
            return match state.ok_or(QueueError::Unreadable { event, what: "its job's state" })? {
                JobState::Running => Ok(Err(Refusal::Running)),
                JobState::Waiting | JobState::Ready | JobState::Suspended => Ok(Err(Refusal::Live)),
            };
        }
        let Some(generation) = get::<Option<i32>>(row, "generation")? else {
            return Ok(Err(Refusal::NoWork));
        };
        Ok(Ok(Start {
            lane: get::<Option<i64>>(row, "lane")?.map(Lane),
            lane_order: get(row, "lane_order")?,
            kind: get(row, "kind")?,
            generation: generation.saturating_add(1),
        }))
    }
}
