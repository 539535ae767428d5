//! Deleting events with all that is known of them.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use event::{EventId, EventRef, Lane};
use serde::Serialize;
use tokio_postgres::Row;

use super::Refusal;
use super::generation::live;
use super::select::{Selection, columns};
use crate::children;
use crate::lanes::Lanes;
use crate::statements::{CANCEL_END, CANCEL_REQUEST, INSERT_AUDITS, PURGE, PURGE_STATES};
use crate::transaction::{Ends, Transaction};
use crate::wire::{get, without_nul};
use crate::{Queue, QueueError};

/// How to purge.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PurgeOptions {
    /// Who asks, for the audit.
    pub actor: String,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Only say what would happen.
    pub dry_run: bool,
    /// At most this many of a filter's matches.
    pub limit: u32,
    /// Call off first what has not ended. What runs is asked to stop and left for the next time.
    pub cancel: bool,
}

/// What a purge did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PurgeReport {
    /// Nothing of these is left: not in the log, the history, the steps, the effects, the keys. The
    /// audit keeps their numbers.
    pub purged: Vec<EventId>,
    /// The events left alone, and why.
    pub refused: Vec<(EventId, Refusal)>,
    /// Whether a filter matched more than its limit.
    pub more: bool,
}

/// Events purged in one transaction.
const BATCH_MAX: usize = 100;

impl Queue {
    /// Deletes events that have ended or were never owed work, in batches, each a transaction with
    /// its audit rows. A purge that was cut off is continued by repeating it.
    ///
    /// With the keys goes the memory that an event was delivered: a source that delivers it again
    /// makes a new event.
    ///
    /// # Errors
    /// Those of the database; the batches before stand.
    pub async fn purge(
        &self,
        selection: &Selection,
        options: &PurgeOptions,
    ) -> Result<PurgeReport, QueueError> {
        let selected = self.select(selection, options.limit).await?;
        let mut report = PurgeReport { more: selected.more, ..PurgeReport::default() };
        for batch in selected.events.chunks(BATCH_MAX) {
            self.purge_batch(batch, options, &mut report).await?;
        }
        report.refused.extend(selected.unknown.iter().map(|id| (*id, Refusal::Unknown)));
        Ok(report)
    }

    async fn purge_batch(
        &self,
        events: &[EventRef],
        options: &PurgeOptions,
        report: &mut PurgeReport,
    ) -> Result<(), QueueError> {
        let (times, ids) = columns(events);
        let rows = self.query(PURGE_STATES, vec![&times, &ids]).await?;
        let plan = Plan::read(&rows, options.cancel)?;
        let purged = match options.dry_run || plan.is_idle() {
            true => plan.willing.clone(),
            false => self.purge_locked(events, &plan, options).await?,
        };
        for EventRef { id, .. } in events {
            match plan.refused.get(id) {
                _ if purged.contains(id) => report.purged.push(*id),
                Some(refusal) => report.refused.push((*id, *refusal)),
                None if plan.willing.contains(id) => report.refused.push((*id, Refusal::Live)),
                None => report.refused.push((*id, Refusal::Unknown)),
            }
        }
        Ok(())
    }

    /// Under the locks nobody makes a job for these events, and what a claim took meanwhile is left
    /// alone by the statements themselves.
    async fn purge_locked(
        &self,
        events: &[EventRef],
        plan: &Plan,
        options: &PurgeOptions,
    ) -> Result<HashSet<EventId>, QueueError> {
        let meant = |event: &&EventRef| plan.willing.contains(&event.id);
        let willing: Vec<EventRef> = events.iter().filter(meant).copied().collect();
        let (times, ids) = columns(&willing);
        let (actor, reason) =
            (without_nul(&options.actor), options.reason.as_deref().map(without_nul));
        // The keys of an event are found by a BRIN index, which a job's life does without.
        let mut transaction = Transaction::on(&self.questions).await?;
        let mut steps = vec![plan.lanes.lock(&transaction).await?];
        if options.cancel {
            steps.push(transaction.step(CANCEL_END, vec![&plan.live]).await?);
            steps.push(transaction.step(CANCEL_REQUEST, vec![&plan.live]).await?);
            steps.extend(children::count(&transaction, &plan.live, &plan.live_times).await?);
        }
        steps.push(transaction.step(PURGE, vec![&times, &ids]).await?);
        let answers = transaction.pipeline(&steps, Ends::Begin).await?;
        drop(steps);
        let rows = answers.last().map(Vec::as_slice).unwrap_or_default();
        let purged: Vec<i64> = rows.iter().map(|row| get(row, "id")).collect::<Result<_, _>>()?;
        let audits =
            transaction.step(INSERT_AUDITS, vec![&actor, &"purge", &reason, &purged]).await?;
        let mut steps = vec![audits];
        if !plan.lanes.is_empty() {
            steps.push(plan.lanes.promote(&transaction).await?);
        }
        transaction.pipeline(&steps, Ends::Commit).await?;
        Ok(purged.into_iter().map(EventId).collect())
    }
}

/// Which of a batch can go.
#[derive(Default)]
struct Plan {
    willing: HashSet<EventId>,
    refused: HashMap<EventId, Refusal>,
    /// Those with a live job that is to be called off.
    live: Vec<i64>,
    live_times: Vec<DateTime<Utc>>,
    lanes: Lanes,
}

impl Plan {
    fn read(rows: &[Row], cancel: bool) -> Result<Self, QueueError> {
        let (mut plan, mut lanes) = (Plan::default(), Vec::new());
        for row in rows {
            let id = EventId(get(row, "id")?);
            let refusal = live(row, id)?;
            if refusal.is_some() && cancel {
                plan.live.push(id.0);
                plan.live_times.push(get(row, "occurred_at")?);
            }
            // The job's lane and the event's own: a replay takes the latter.
            let lane = |column| Ok::<_, QueueError>(get::<Option<i64>>(row, column)?.map(Lane));
            lanes.extend([(id, lane("lane")?), (id, lane("job_lane")?)]);
            let awaited = get::<bool>(row, "awaited")?.then_some(Refusal::Awaited);
            match refusal.filter(|refusal| !cancel || *refusal == Refusal::Running).or(awaited) {
                Some(refusal) => drop(plan.refused.insert(id, refusal)),
                None => drop(plan.willing.insert(id)),
            }
        }
        plan.lanes = Lanes::of(lanes);
        Ok(plan)
    }

    /// Whether there is nothing to write.
    fn is_idle(&self) -> bool {
        self.willing.is_empty() && self.live.is_empty()
    }
}
