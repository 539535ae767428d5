//! The sweep's chores: what time, deadlines and the death of others bring about. Each is driven by
//! what the tables say, never by a message, so that a chore that was broken off is done by whoever
//! sweeps next.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event::{ErrorChain, EventId, Lane};
use tokio_postgres::Row;

use crate::children;
use crate::lanes::Lanes;
use crate::settle::json;
use crate::statements::{
    CANCEL_CHILDREN, CHORES, COMPLETE_LATE, MISSED_ENDS, ORPHAN_GROUPS, REST_OF_FAMILIES,
};
use crate::transaction::{Ends, Transaction};
use crate::wire::get;
use crate::{Queue, QueueError};

/// How often a process looks for chores.
pub(crate) const CHORES_EVERY: Duration = Duration::from_millis(100);

/// How often a process looks after living families: deadlines, parents that have gone, the rest.
pub(crate) const FAMILIES_EVERY: Duration = Duration::from_millis(500);

/// How often a process looks for ends that nobody counted.
pub(crate) const RECOUNT_EVERY: Duration = Duration::from_secs(30);

/// Groups dealt with in one statement.
const GROUPS_MAX: i64 = 100;

/// Children called off or counted in one transaction.
const CHILDREN_AT_ONCE: i64 = 200;

/// Transactions of children called off by one sweep; more wait for the next.
const ROUNDS_MAX: usize = 10;

/// What an outcome says of a child that was called off.
const CALLED_OFF: &str = "its parent needs it no more";

impl Queue {
    /// Wakes sleepers whose time has come, expires what nobody began, completes groups whose deadline
    /// has passed, tells parents, calls children off. Bounded; returns how many jobs became ready or
    /// ended.
    ///
    /// A thorough call looks after families in any case and for long; a claim on its way does a little
    /// of it, now and then.
    pub(crate) async fn tend(&self, thorough: bool) -> Result<u64, QueueError> {
        let rows = self.query(CHORES, vec![]).await?;
        let Some(row) = rows.first() else { return Ok(0) };
        let (sleepers, expired) = (get(row, "sleepers")?, get(row, "expired")?);
        let (families, complete) = (get(row, "families")?, get(row, "complete")?);
        let mut done = 0;
        if sleepers {
            done += self.wake_due().await?;
        }
        if expired {
            done += self.expire().await?;
        }
        if families && (thorough || self.families.is_due()) {
            done += self.tend_families(if thorough { ROUNDS_MAX } else { 1 }).await?;
        }
        if complete || families {
            done += self.continue_parents().await?;
        }
        Ok(done)
    }

    async fn tend_families(&self, rounds: usize) -> Result<u64, QueueError> {
        self.execute(COMPLETE_LATE, vec![&GROUPS_MAX]).await?;
        self.execute(ORPHAN_GROUPS, vec![&GROUPS_MAX]).await?;
        let mut ended = 0;
        for _ in 0..rounds {
            match self.call_off_rest().await? {
                0 => break,
                some => ended += some,
            }
        }
        if self.recounts.is_due() {
            self.count_missed().await?;
        }
        Ok(ended)
    }

    /// Calls off a bounded number of children that are not needed any more. Returns how many it
    /// found.
    async fn call_off_rest(&self) -> Result<u64, QueueError> {
        let rows = self.query(REST_OF_FAMILIES, vec![&CHILDREN_AT_ONCE]).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            let lane = get::<Option<i64>>(row, "lane")?.map(Lane);
            jobs.push((EventId(get(row, "event_id")?), lane));
        }
        let times = times(&rows)?;
        let ids: Vec<i64> = jobs.iter().map(|(event, _)| event.0).collect();
        let lanes = Lanes::of(jobs);
        let error = json(&ErrorChain::message(CALLED_OFF));
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let cancel = transaction.step(CANCEL_CHILDREN, vec![&ids, &error]).await?;
        let [families, ends] = children::count(&transaction, &ids, &times).await?;
        let promote = lanes.promote(&transaction).await?;
        transaction.pipeline(&[lock, cancel, families, ends, promote], Ends::Both).await?;
        if !lanes.is_empty() {
            self.rouse().await;
        }
        Ok(rows.len() as u64)
    }

    /// Counts a bounded number of children whose end nobody counted.
    async fn count_missed(&self) -> Result<(), QueueError> {
        let rows = self.query(MISSED_ENDS, vec![&CHILDREN_AT_ONCE]).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let ids = rows.iter().map(|row| get(row, "event_id")).collect::<Result<Vec<i64>, _>>()?;
        let times = times(&rows)?;
        let mut transaction = Transaction::on(&self.pool).await?;
        let steps = children::count(&transaction, &ids, &times).await?;
        transaction.pipeline(&steps, Ends::Both).await.map(drop)
    }
}

fn times(rows: &[Row]) -> Result<Vec<DateTime<Utc>>, QueueError> {
    rows.iter().map(|row| get(row, "occurred_at")).collect()
}
