//! One batch of replays: new generations under their lanes' locks.

use std::collections::HashMap;

use event::{EventId, EventRef, JobState, Lane};
use tokio_postgres::Row;

use super::select::columns;
use super::{Refusal, ReplayOptions};
use crate::lanes::Lanes;
use crate::statements::{
    COPY_STEPS, INSERT_PAYLOADS, REPLAY_AUDITS, REPLAY_JOBS, REPLAY_STATES, STEPS_RECORDED,
};
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get, without_nul};
use crate::{Queue, QueueError};

/// What became of an event: its new generation, or why it has none.
type Answer = (EventRef, Result<i32, Refusal>);

impl Queue {
    /// Replays some events in one transaction, or says what would happen.
    pub(super) async fn replay_batch(
        &self,
        events: &[EventRef],
        options: &ReplayOptions,
    ) -> Result<Vec<Answer>, QueueError> {
        let (times, ids) = columns(events);
        let rows = self.query(REPLAY_STATES, vec![&times, &ids]).await?;
        let mut starts = read_starts(&rows)?;
        let willing: Vec<(EventId, Option<Lane>)> = starts
            .iter()
            .filter_map(|(id, start)| start.as_ref().ok().map(|start| (*id, start.lane)))
            .collect();
        if !options.dry_run && !willing.is_empty() {
            let lanes = Lanes::of(willing);
            starts = self.replay_locked(events, &lanes, options).await?;
        } else if let Some(step) = options.from_step {
            let rows = self.query(STEPS_RECORDED, vec![&times, &ids, &step]).await?;
            refuse_without_step(&mut starts, &rows)?;
        }
        let answer = |event: &EventRef| match starts.get(&event.id) {
            Some(Ok(start)) => (*event, Ok(start.generation)),
            Some(Err(refusal)) => (*event, Err(*refusal)),
            None => (*event, Err(Refusal::Unknown)),
        };
        Ok(events.iter().map(answer).collect())
    }

    /// Under the locks, looks again — whoever replayed at the same time has committed — and makes
    /// the generations.
    async fn replay_locked(
        &self,
        events: &[EventRef],
        lanes: &Lanes,
        options: &ReplayOptions,
    ) -> Result<HashMap<EventId, Result<Start, Refusal>>, QueueError> {
        let (times, ids) = columns(events);
        let mut transaction = Transaction::on(&self.pool).await?;
        let mut steps = vec![
            lanes.lock(&transaction).await?,
            transaction.step(REPLAY_STATES, vec![&times, &ids]).await?,
        ];
        if let Some(step) = &options.from_step {
            steps.push(transaction.step(STEPS_RECORDED, vec![&times, &ids, step]).await?);
        }
        let answers = transaction.pipeline(&steps, Ends::Begin).await?;
        drop(steps);
        let mut answers = answers.iter().skip(1);
        let mut starts = read_starts(answers.next().map(Vec::as_slice).unwrap_or_default())?;
        if let Some(recorded) = answers.next() {
            refuse_without_step(&mut starts, recorded)?;
        }
        let batch = Batch::of(events, &starts);
        match batch.ids.is_empty() {
            true => transaction.rollback().await?,
            false => batch.make(transaction, lanes, options).await?,
        }
        Ok(starts)
    }
}

/// The generations to be made, as columns.
#[derive(Default)]
struct Batch {
    times: Vec<chrono::DateTime<chrono::Utc>>,
    ids: Vec<i64>,
    lanes: Vec<Option<i64>>,
    orders: Vec<i64>,
    kinds: Vec<String>,
    generations: Vec<i32>,
    priorities: Vec<i16>,
}

impl Batch {
    fn of(events: &[EventRef], starts: &HashMap<EventId, Result<Start, Refusal>>) -> Self {
        let mut batch = Batch::default();
        for event in events {
            let Some(Ok(start)) = starts.get(&event.id) else { continue };
            batch.ids.push(event.id.0);
            batch.lanes.push(start.lane.map(|lane| lane.0));
            batch.orders.push(start.lane_order);
            batch.kinds.push(start.kind.clone());
            batch.generations.push(start.generation);
            batch.priorities.push(start.priority);
            batch.times.push(crate::wire::to_sql(event.occurred_at));
        }
        batch
    }

    /// Writes the jobs with what they work on and their audit, and commits.
    async fn make(
        &self,
        mut transaction: Transaction,
        lanes: &Lanes,
        options: &ReplayOptions,
    ) -> Result<(), QueueError> {
        let Batch { times, ids, lanes: lane, orders, kinds, generations, priorities } = self;
        let actor = without_nul(&options.actor);
        let reason = options.reason.as_deref().map(without_nul);
        let edited = options.payload.is_some();
        let before: Vec<i32> = generations.iter().map(|generation| generation - 1).collect();
        let jobs: Params<'_> = vec![ids, times, lane, orders, kinds, generations, priorities];
        let mut steps = vec![transaction.step(REPLAY_JOBS, jobs).await?];
        if let Some(raw) = &options.payload {
            let payloads: Params<'_> = vec![times, ids, generations, raw];
            steps.push(transaction.step(INSERT_PAYLOADS, payloads).await?);
        }
        if let Some(step) = &options.from_step {
            for (((time, id), from), to) in times.iter().zip(ids).zip(&before).zip(generations) {
                steps.push(transaction.step(COPY_STEPS, vec![time, id, from, to, step]).await?);
            }
        }
        let audits: Params<'_> =
            vec![&actor, &reason, times, ids, generations, &options.from_step, &edited];
        steps.push(transaction.step(REPLAY_AUDITS, audits).await?);
        if !lanes.is_empty() {
            steps.push(lanes.demote(&transaction).await?);
            steps.push(lanes.promote(&transaction).await?);
        }
        transaction.pipeline(&steps, Ends::Commit).await.map(drop)
    }
}

/// What a replay starts from.
struct Start {
    lane: Option<Lane>,
    lane_order: i64,
    kind: String,
    /// The new generation.
    generation: i32,
    /// The last one's.
    priority: i16,
}

fn read_starts(rows: &[Row]) -> Result<HashMap<EventId, Result<Start, Refusal>>, QueueError> {
    rows.iter()
        .map(|row| {
            let id = EventId(get(row, "id")?);
            Ok((id, Start::read(row, id)?))
        })
        .collect()
}

impl Start {
    fn read(row: &Row, event: EventId) -> Result<Result<Self, Refusal>, QueueError> {
        if let Some(refusal) = live(row, event)? {
            return Ok(Err(refusal));
        }
        let Some(generation) = get::<Option<i32>>(row, "generation")? else {
            return Ok(Err(Refusal::NoWork));
        };
        Ok(Ok(Start {
            lane: get::<Option<i64>>(row, "lane")?.map(Lane),
            lane_order: get(row, "lane_order")?,
            kind: get(row, "kind")?,
            generation: generation.saturating_add(1),
            priority: get(row, "priority")?,
        }))
    }
}

/// Why an event's live job is in the way, if it has one: the column `live_state`.
pub(super) fn live(row: &Row, event: EventId) -> Result<Option<Refusal>, QueueError> {
    let Some(word) = get::<Option<&str>>(row, "live_state")? else { return Ok(None) };
    let state = JobState::from_word(word);
    Ok(Some(match state.ok_or(QueueError::Unreadable { event, what: "its job's state" })? {
        JobState::Running => Refusal::Running,
        JobState::Waiting | JobState::Ready | JobState::Suspended => Refusal::Live,
    }))
}

/// Refuses those whose last generation recorded nothing to go on from.
fn refuse_without_step(
    starts: &mut HashMap<EventId, Result<Start, Refusal>>,
    recorded: &[Row],
) -> Result<(), QueueError> {
    let ids: Result<Vec<i64>, _> = recorded.iter().map(|row| get(row, "id")).collect();
    let ids = ids?;
    for (id, start) in starts.iter_mut() {
        if start.is_ok() && !ids.contains(&id.0) {
            *start = Err(Refusal::NoStep);
        }
    }
    Ok(())
}
