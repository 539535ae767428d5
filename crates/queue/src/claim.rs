//! A worker's right to one job.

use chrono::{DateTime, Utc};
use event::{ErrorChain, EventId, EventRef, Lane, Outcome, Policy, Timestamp, Token};
use futures::{TryFutureExt, TryStreamExt};
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use crate::error::database;
use crate::pool::acquire;
use crate::settle::JobKey;
use crate::statements::{CLAIM, HELD_JOBS, LEASE_STANDS, SWEEP};
use crate::wire::{from_sql, get, get_small, get_time};
use crate::{Incarnation, Queue, QueueError, stepping};

/// One claimed job with its event: what a handler works on and what fences its writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Which event.
    pub event: EventRef,
    /// 0 for the first life of its job, one more for every replay.
    pub generation: i32,
    /// Attempts charged so far, this one included; 1 is the first.
    pub attempt: u32,
    /// The fencing token that every write of this attempt carries.
    pub token: Token,
    /// Who brought the event.
    pub source: String,
    /// The kind that deserved the work; decides handler and policy.
    pub kind: String,
    /// Whose it is.
    pub tenant: String,
    /// Who did it.
    pub actor: Option<String>,
    /// What it stays in order with, as stored with the job.
    pub lane: Option<Lane>,
    /// The lane's name.
    pub lane_name: Option<String>,
    /// One id from the envelope to the reply.
    pub correlation_id: Uuid,
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// When the log took it in, by the database's clock.
    pub received_at: Timestamp,
}

/// Due jobs made ready at once, in rows; more wait for the next look.
const SWEEP_ROWS_MAX: i64 = 1_000;

impl Queue {
    /// Claims up to `limit` ready jobs, first promoting those whose time has come.
    ///
    /// One caller at a time for each incarnation. If an answer is lost (a broken link, a dropped
    /// future), the next call gives back uncharged what the lost one had claimed.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when `who`'s lease has ended; register anew.
    pub async fn claim(&self, who: Incarnation, limit: usize) -> Result<Vec<Claim>, QueueError> {
        if self.held.is_uncertain(who) {
            self.give_back_unknown(who).await?;
        }
        self.held.doubt(who);
        let rows = self.send_claim(who, limit).await;
        let rows = match rows {
            Err(QueueError::Fenced) => {
                self.held.answered(who, std::iter::empty());
                return Err(QueueError::Fenced);
            }
            rows => rows?,
        };
        // An error on the way leaves the account in doubt, so that no job stays with a worker that
        // was never handed it.
        let (mut claims, mut lost) = (Vec::with_capacity(rows.len()), false);
        for row in &rows {
            match read(row)? {
                Some(claim) => claims.push(claim),
                None => lost |= !self.end_without_event(&job_key(row)?).await,
            }
        }
        self.held.answered(who, claims.iter().map(|claim| claim.token));
        if lost {
            self.held.doubt(who);
        }
        metrics::counter!("queue_claimed_total").increment(claims.len() as u64);
        Ok(claims)
    }

    /// Makes ready what waited for its time. Returns how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sweep(&self) -> Result<u64, QueueError> {
        self.execute(SWEEP, vec![&SWEEP_ROWS_MAX]).await
    }

    /// Sweep, claim and the question whether the lease stands, in one round trip.
    async fn send_claim(&self, who: Incarnation, limit: usize) -> Result<Vec<Row>, QueueError> {
        let client = acquire(&self.pool).await?;
        let sweep = client.prepare_cached(SWEEP.text).await.map_err(database(SWEEP.doing))?;
        let claim = client.prepare_cached(stepping::text(CLAIM)).await;
        let claim = claim.map_err(database(CLAIM.doing))?;
        let stands = client.prepare_cached(LEASE_STANDS.text).await;
        let stands = stands.map_err(database(LEASE_STANDS.doing))?;
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        // Each answer is read to its end inside the join: one that stands unread blocks those
        // behind it on the connection, and the join would wait for them for ever.
        let read = async |statement: &Statement, parameters: Vec<i64>, doing| {
            let sent = client.query_raw(statement, parameters).await;
            collect(sent.map_err(database(doing))?, doing).await
        };
        let swept = client.execute_raw(&sweep, [SWEEP_ROWS_MAX]).map_err(database(SWEEP.doing));
        let rows = read(&claim, vec![who.id, limit_rows], CLAIM.doing);
        let stands = read(&stands, vec![who.id], LEASE_STANDS.doing);
        let (rows, stands) = if stepping::is_gated() {
            stepping::send(SWEEP.doing, swept).await?;
            (stepping::send(CLAIM.doing, rows).await?, stands.await?)
        } else {
            let (swept, rows, stands) = futures::join!(swept, rows, stands);
            swept?;
            (rows?, stands?)
        };
        debug_assert!(rows.len() <= limit, "a claim took {} for {limit}", rows.len());
        match rows.is_empty() && stands.is_empty() {
            true => Err(QueueError::Fenced),
            false => Ok(rows),
        }
    }

    /// Returns what the database says that `who` holds and what no claim of ours handed out.
    async fn give_back_unknown(&self, who: Incarnation) -> Result<(), QueueError> {
        for row in self.query(HELD_JOBS, vec![&who.id]).await? {
            let job = job_key(&row)?;
            if self.held.knows(who, job.token) {
                continue;
            }
            tracing::warn!(
                event = job.event.id.0,
                "a claim's answer was lost; giving its job back"
            );
            match self.settle_job(&job, Outcome::Released, &Policy::ANSWER).await {
                Ok(_) | Err(QueueError::Fenced) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A job whose event the log no longer holds cannot be worked on. Returns whether it ended; what
    /// others may do to it meanwhile is theirs to answer for.
    async fn end_without_event(&self, job: &JobKey) -> bool {
        let outcome = Outcome::Refused(ErrorChain::message("the log no longer holds the event"));
        match self.settle_job(job, outcome, &Policy::ANSWER).await {
            Ok(_) | Err(QueueError::Fenced) => true,
            Err(error) => {
                let (event, error) = (job.event.id.0, ErrorChain::of(&error).to_string());
                tracing::warn!(event, error, "a job without its event could not be ended");
                false
            }
        }
    }
}

/// All rows of a stream.
async fn collect(
    stream: tokio_postgres::RowStream,
    doing: &'static str,
) -> Result<Vec<Row>, QueueError> {
    stream.try_collect().await.map_err(database(doing))
}

/// A claimed row; `None` when its event is gone.
fn read(row: &Row) -> Result<Option<Claim>, QueueError> {
    let Some(source) = get::<Option<String>>(row, "source")? else { return Ok(None) };
    let job = job_key(row)?;
    Ok(Some(Claim {
        event: job.event,
        generation: job.generation,
        attempt: get_small(row, "attempts")?,
        token: job.token,
        source,
        kind: job.kind,
        tenant: get(row, "tenant")?,
        actor: get(row, "actor")?,
        lane: job.lane,
        lane_name: get(row, "lane_name")?,
        correlation_id: get(row, "correlation_id")?,
        raw: get(row, "raw")?,
        received_at: get_time(row, "received_at")?,
    }))
}

/// Whose attempt a row of jobs is.
pub(crate) fn job_key(row: &Row) -> Result<JobKey, QueueError> {
    let occurred_at: DateTime<Utc> = get(row, "occurred_at")?;
    Ok(JobKey {
        event: EventRef { occurred_at: from_sql(occurred_at), id: EventId(get(row, "event_id")?) },
        generation: get(row, "generation")?,
        token: Token(get(row, "token")?),
        lane: get::<Option<i64>>(row, "lane")?.map(Lane),
        kind: get(row, "kind")?,
    })
}
