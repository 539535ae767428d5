//! Sleep without a worker: how a job lies down, and how its time wakes it.
//!
//! No wake-up is lost because both sides hold the job's row when they look. Who is about to suspend a
//! job holds it (`hold`) and then, with a fresh snapshot, looks for a signal it has not read or a
//! complete group; who brings one holds the row too (`hold_live`) and then looks whether the job
//! sleeps. Whichever comes second sees what the first did.

use event::{ErrorChain, EventId, Lane, Outcome, Refusal, Wait};
use serde_json::Value;

use crate::lanes::Lanes;
use crate::settle::JobKey;
use crate::statements::{DUE_SLEEPERS, KNOWS_GROUP, SUSPEND_JOB, WAKE_DUE};
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get, micros};
use crate::{Queue, QueueError};

/// Sleepers woken in one transaction; more wait for the next.
const SLEEPERS_MAX: i64 = 500;

/// An outcome that waits for children the generation never had is a mistake, not a sleep for ever.
pub(crate) async fn checked(
    transaction: &mut Transaction,
    job: &JobKey,
    outcome: Outcome,
) -> Result<Outcome, QueueError> {
    let Outcome::Suspended(Wait { children: Some(group), .. }) = &outcome else {
        return Ok(outcome);
    };
    let params: Params<'_> = vec![&job.event.id.0, &job.generation, group];
    let knows = transaction.step(KNOWS_GROUP, params).await?;
    let answers = transaction.pipeline(&[knows], Ends::Neither).await?;
    Ok(match answers.iter().flatten().next() {
        Some(_) => outcome,
        None => Outcome::Refused(ErrorChain::of(&Refusal::UnknownGroup)),
    })
}

/// Lets the job sleep and commits; it is ready again at once if what it waits for has come. Returns
/// whether it sleeps.
pub(crate) async fn suspend(
    mut transaction: Transaction,
    job: &JobKey,
    lanes: &Lanes,
    wait: &Wait,
    (word, error): (&'static str, Option<Value>),
) -> Result<bool, QueueError> {
    let until_us = wait.until.map(micros);
    let (id, token) = (&job.event.id.0, &job.token.0);
    let params: Params<'_> =
        vec![id, token, &until_us, &wait.signal, &wait.children, &word, &error];
    let mut steps = vec![transaction.step(SUSPEND_JOB, params).await?];
    if !lanes.is_empty() {
        steps.push(lanes.promote(&transaction).await?);
    }
    let answers = transaction.pipeline(&steps, Ends::Commit).await?;
    let suspended = answers.first().and_then(|rows| rows.first());
    suspended.map_or(Ok(false), |row| get(row, "suspended"))
}

impl Queue {
    /// Wakes a bounded number of those whose time has come. Returns how many.
    pub(crate) async fn wake_due(&self) -> Result<u64, QueueError> {
        let due = self.query(DUE_SLEEPERS, vec![&SLEEPERS_MAX]).await?;
        if due.is_empty() {
            return Ok(0);
        }
        let mut jobs = Vec::with_capacity(due.len());
        for row in &due {
            let lane = get::<Option<i64>>(row, "lane")?.map(Lane);
            jobs.push((EventId(get(row, "event_id")?), lane));
        }
        let ids: Vec<i64> = jobs.iter().map(|(event, _)| event.0).collect();
        let lanes = Lanes::of(jobs);
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let wake = transaction.step(WAKE_DUE, vec![&ids]).await?;
        let demote = lanes.demote(&transaction).await?;
        let promote = lanes.promote(&transaction).await?;
        let answers = transaction.pipeline(&[lock, wake, demote, promote], Ends::Both).await?;
        let woken = answers.get(1).map_or(0, Vec::len) as u64;
        if woken > 0 {
            metrics::counter!("queue_woken_total").increment(woken);
            self.rouse().await;
        }
        Ok(woken)
    }

    /// Jobs may have become ready outside a claim: tells this process's runner and everyone else's.
    pub(crate) async fn rouse(&self) {
        self.local.notify_one();
        self.hint().await;
    }
}
