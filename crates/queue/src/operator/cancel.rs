//! Calling jobs off.

use chrono::{DateTime, Utc};
use event::{EventId, Lane};
use serde::Serialize;
use tokio_postgres::Row;

use super::Scope;
use crate::children;
use crate::lanes::Lanes;
use crate::statements::{
    CANCEL_END, CANCEL_REQUEST, CANCEL_STATES, INSERT_AUDITS, LANE_JOBS, LIVE_JOBS, NEWEST_EVENT,
};
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get, without_nul};
use crate::{Queue, QueueError};

/// What a cancellation did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CancelReport {
    /// Ended at once, never to run.
    pub cancelled: Vec<EventId>,
    /// Running: their workers are asked to stop.
    pub requested: Vec<EventId>,
    /// Without a live job: nothing to call off.
    pub not_live: Vec<EventId>,
}

/// Jobs called off in one transaction.
const BATCH_MAX: usize = 200;

/// Live jobs read at once in search of those of a kind.
const WINDOW_ROWS_MAX: i64 = 20_000;

impl Queue {
    /// Calls jobs off: what has not started ends at once, what runs is asked to stop. In batches,
    /// each a transaction with its audit rows.
    ///
    /// # Errors
    /// Those of the database; the batches before stand.
    pub async fn cancel(
        &self,
        ids: &[EventId],
        actor: &str,
        reason: &str,
    ) -> Result<CancelReport, QueueError> {
        let (actor, reason) = (without_nul(actor), without_nul(reason));
        let mut report = CancelReport::default();
        for batch in ids.chunks(BATCH_MAX) {
            report.add(self.cancel_batch(batch, &actor, &reason).await?);
        }
        if !report.cancelled.is_empty() {
            // A lane may have moved on.
            self.rouse().await;
        }
        if !report.requested.is_empty() {
            self.hint_at_stops().await;
        }
        Ok(report)
    }

    /// [`Queue::cancel`] for every job that a scope covers and that is there at the start, telling
    /// `progress` what is done after each batch. What arrives later is left alone: pause it.
    ///
    /// # Errors
    /// Those of the database; the batches before stand, and repeating the call goes on.
    pub async fn cancel_all(
        &self,
        scope: &Scope,
        actor: &str,
        reason: &str,
        mut progress: impl FnMut(&CancelReport) + Send,
    ) -> Result<CancelReport, QueueError> {
        let newest = self.ask(NEWEST_EVENT, vec![]).await?;
        let mut search = Search { after: 0, newest: first(&newest, "newest")?, done: false };
        let mut report = CancelReport::default();
        while !search.done {
            let ids = self.search(scope, &mut search).await?;
            for batch in ids.chunks(BATCH_MAX) {
                report.add(self.cancel(batch, actor, reason).await?);
                progress(&report);
            }
        }
        // Who ended in between is no failure of a command that did not name them.
        report.not_live.clear();
        Ok(report)
    }

    /// The next jobs that a scope covers.
    async fn search(&self, scope: &Scope, search: &mut Search) -> Result<Vec<EventId>, QueueError> {
        let rows = match scope {
            Scope::Event(id) => {
                search.done = true;
                return Ok(vec![*id]);
            }
            Scope::Lane(name) => {
                let (lane, limit) = (Lane::of(name).0, WINDOW_ROWS_MAX);
                let rows = self.ask(LANE_JOBS, vec![&lane, &search.newest, &limit]).await?;
                // Each that is found ends or is marked, and is not found again.
                search.done = rows.is_empty();
                rows
            }
            Scope::Kind(_) | Scope::Fleet => {
                let kind = match scope {
                    Scope::Kind(kind) => Some(kind),
                    Scope::Fleet | Scope::Lane(_) | Scope::Event(_) => None,
                };
                let window: Params<'_> =
                    vec![&search.after, &search.newest, &kind, &WINDOW_ROWS_MAX];
                let rows = self.ask(LIVE_JOBS, window).await?;
                search.done = rows.is_empty();
                if let Some(last) = rows.first() {
                    search.after = get(last, "last")?;
                }
                rows
            }
        };
        let ids = rows.iter().map(|row| Ok(get::<Option<i64>>(row, "event_id")?.map(EventId)));
        Ok(ids.collect::<Result<Vec<_>, QueueError>>()?.into_iter().flatten().collect())
    }

    async fn cancel_batch(
        &self,
        ids: &[EventId],
        actor: &str,
        reason: &str,
    ) -> Result<CancelReport, QueueError> {
        let numbers: Vec<i64> = ids.iter().map(|id| id.0).collect();
        let found = self.query(CANCEL_STATES, vec![&numbers]).await?;
        let live = found.iter().map(LiveJob::read).collect::<Result<Vec<_>, _>>()?;
        let mut report = CancelReport::default();
        if !live.is_empty() {
            report = self.cancel_locked(&live, actor, reason).await?;
        }
        let touched = |id: &EventId| report.cancelled.contains(id) || report.requested.contains(id);
        report.not_live = ids.iter().copied().filter(|id| !touched(id)).collect();
        Ok(report.in_order_of(ids))
    }

    async fn cancel_locked(
        &self,
        live: &[LiveJob],
        actor: &str,
        reason: &str,
    ) -> Result<CancelReport, QueueError> {
        let lanes = Lanes::of(live.iter().map(|job| (job.id, job.lane)));
        let ids: Vec<i64> = live.iter().map(|job| job.id.0).collect();
        let times: Vec<DateTime<Utc>> = live.iter().map(|job| job.occurred_at).collect();
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let end = transaction.step(CANCEL_END, vec![&ids]).await?;
        let request = transaction.step(CANCEL_REQUEST, vec![&ids]).await?;
        let answers = transaction.pipeline(&[lock, end, request], Ends::Begin).await?;
        let [_, cancelled, requested] = answers.as_slice() else { return Err(QueueError::Closed) };
        let report = CancelReport {
            cancelled: events(cancelled)?,
            requested: events(requested)?,
            not_live: vec![],
        };
        let touched: Vec<i64> =
            report.cancelled.iter().chain(&report.requested).map(|id| id.0).collect();
        if touched.is_empty() {
            transaction.rollback().await?;
            return Ok(report);
        }
        let audits =
            transaction.step(INSERT_AUDITS, vec![&actor, &"cancel", &reason, &touched]).await?;
        let [families, ends] = children::count(&transaction, &ids, &times).await?;
        let mut steps = vec![audits, families, ends];
        if !lanes.is_empty() {
            steps.push(lanes.promote(&transaction).await?);
        }
        let answers = transaction.pipeline(&steps, Ends::Commit).await?;
        if answers.get(2).is_some_and(|rows| children::completed(rows)) {
            self.continue_parents().await?;
        }
        Ok(report)
    }
}

/// How far a search for jobs is.
struct Search {
    after: i64,
    newest: i64,
    done: bool,
}

impl CancelReport {
    fn add(&mut self, other: CancelReport) {
        self.cancelled.extend(other.cancelled);
        self.requested.extend(other.requested);
        self.not_live.extend(other.not_live);
    }

    fn in_order_of(mut self, ids: &[EventId]) -> Self {
        for list in [&mut self.cancelled, &mut self.requested] {
            *list = ids.iter().copied().filter(|id| list.contains(id)).collect();
        }
        self
    }
}

/// A job that may be called off.
struct LiveJob {
    id: EventId,
    lane: Option<Lane>,
    occurred_at: DateTime<Utc>,
}

impl LiveJob {
    fn read(row: &Row) -> Result<Self, QueueError> {
        let lane = get::<Option<i64>>(row, "lane")?.map(Lane);
        Ok(LiveJob {
            id: EventId(get(row, "event_id")?),
            lane,
            occurred_at: get(row, "occurred_at")?,
        })
    }
}

fn events(rows: &[Row]) -> Result<Vec<EventId>, QueueError> {
    rows.iter().map(|row| get(row, "event_id").map(EventId)).collect()
}

fn first(rows: &[Row], column: &str) -> Result<i64, QueueError> {
    rows.first().map_or(Ok(0), |row| get(row, column))
}
