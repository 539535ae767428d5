//! A worker's right to one job.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use event::{ErrorChain, EventId, EventRef, Lane, Outcome, Policy, Timestamp, Token};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::error::database;
use crate::marks::{Look, PRIORITIES};
use crate::settle::JobKey;
use crate::statements::{
    CLAIM, CLAIM_PAUSED, CLAIMED_EVENTS, FOLD_FLOW, HELD_JOBS, LEASE_STANDS, SWEEP,
};
use crate::transaction::{Ends, Params, Step, Transaction};
use crate::wire::{from_sql, get};
use crate::{Incarnation, Queue, QueueError};

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
    /// Whether another job waits for this one's end.
    pub child: bool,
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

/// How often a claiming process looks for jobs whose time has come.
pub(crate) const SWEEP_EVERY: Duration = Duration::from_millis(50);

/// How many full looks of paused jobs one claim sets aside before it gives others a turn.
const ASIDE_LOOKS_MAX: usize = 100;

/// How often a process looks for jobs that a pause set aside and that nothing pauses any more.
pub(crate) const FREE_EVERY: Duration = Duration::from_secs(1);

/// How often a process folds the counts of jobs.
pub(crate) const FOLD_EVERY: Duration = Duration::from_secs(10);

impl Queue {
    /// Claims up to `limit` ready jobs, urgent ones first, then in line; at most every 50 ms also
    /// those whose time has come.
    ///
    /// One caller at a time for each incarnation. If an answer is lost (a broken link, a dropped
    /// future), later calls give back uncharged what the lost one claims, also when it lands late.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when `who`'s lease has ended; register anew.
    pub async fn claim(&self, who: Incarnation, limit: usize) -> Result<Vec<Claim>, QueueError> {
        let exchange = self.exchange(who, &[], limit).await?;
        match exchange.standing {
            true => Ok(exchange.claims),
            false => Err(QueueError::Fenced),
        }
    }

    /// Makes ready what waited for its time, wakes and expires what is due, looks after families of
    /// children, frees what a pause had set aside and nothing pauses any more; a bounded part of
    /// each. Returns how many jobs it moved.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sweep(&self) -> Result<u64, QueueError> {
        Ok(self.sweep_line().await? + self.tend(true).await?)
    }

    async fn sweep_line(&self) -> Result<u64, QueueError> {
        let begun = Instant::now();
        let swept = self.execute(SWEEP, vec![&SWEEP_ROWS_MAX]).await?;
        self.sweeps.took(begun.elapsed());
        if self.folds.is_due() {
            self.execute(FOLD_FLOW, vec![]).await?;
        }
        if self.frees.is_due() {
            let begun = Instant::now();
            self.free_paused().await?;
            self.frees.took(begun.elapsed());
        }
        Ok(swept)
    }

    pub(crate) async fn sweep_if_due(&self) -> Result<(), QueueError> {
        if self.sweeps.is_due() {
            self.sweep_line().await?;
        }
        // What it cannot do now, another sweep does; the claim goes on.
        if self.chores.is_due()
            && let Err(error) = self.tend(false).await
        {
            let error = ErrorChain::of(&error).to_string();
            tracing::warn!(error, "the sweep's chores were broken off; another sweep goes on");
        }
        Ok(())
    }

    /// Deals with an earlier claim whose answer was lost, and expects the same of the next.
    pub(crate) async fn prepare_claim(&self, who: Incarnation) -> Result<(), QueueError> {
        if self.held.compares(who, Instant::now()) {
            let given_back = self.give_back_unknown(who).await;
            given_back.inspect_err(|_| self.held.doubt(who))?;
        }
        self.held.doubt(who);
        Ok(())
    }

    /// The claim and the question whether the lease stands, in one round trip.
    pub(crate) async fn send_claim(
        &self,
        who: Incarnation,
        limit: usize,
        look: Look,
    ) -> Result<Claimed, QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let request = Request::new(who, limit, Some(look));
        let steps = request.steps(&transaction).await?;
        let mut answers = transaction.pipeline(&steps, Ends::Alone).await?;
        Claimed::of_answers(&mut answers)
    }

    /// Claims while something is paused. What it meets that is paused is set aside, so it asks again
    /// until it has claimed something or met nothing.
    pub(crate) async fn claim_beside_pauses(
        &self,
        who: Incarnation,
        limit: usize,
        look: Look,
    ) -> Result<Vec<Row>, QueueError> {
        let request = Request::new(who, limit, Some(look));
        for _ in 0..ASIDE_LOOKS_MAX {
            let rows = self.query(CLAIM_PAUSED, request.params()).await?;
            let met = rows.len();
            let claimed = rows.into_iter().filter(|row| !at(row, ASIDE).unwrap_or(false));
            let claimed: Vec<Row> = claimed.collect();
            if !claimed.is_empty() || met == 0 {
                return Ok(claimed);
            }
        }
        Ok(Vec::new())
    }

    /// Takes the claimed rows into this process's account.
    pub(crate) async fn receive(
        &self,
        who: Incarnation,
        look: Look,
        limit: usize,
        rows: Vec<Row>,
    ) -> Result<Vec<Claim>, QueueError> {
        // A mutant that claims too much is the checker's to find.
        debug_assert!(
            rows.len() <= limit || cfg!(feature = "mutants"),
            "a claim took {} for {limit}",
            rows.len()
        );
        // An error on the way leaves the account in doubt, so that no job stays with a worker that
        // was never handed it.
        let (mut claims, mut lost) = (Vec::with_capacity(rows.len()), false);
        let mut places = Vec::with_capacity(rows.len());
        let mut amended = HashSet::new();
        let elsewhere = self.events_elsewhere(&rows).await?;
        let mut newest: Option<DateTime<Utc>> = None;
        for row in &rows {
            places.push((at(row, PRIORITY)?, at(row, POSITION)?));
            newest = newest.max(Some(at(row, OCCURRED_AT)?));
            if at(row, AMENDED)? {
                amended.insert(Token(at(row, TOKEN)?));
            }
            match read(row, &elsewhere)? {
                Some(claim) => claims.push(claim),
                None => lost |= !self.end_without_event(&job_key(row)?).await,
            }
        }
        self.edited(&mut claims, &amended).await?;
        self.marks.found(look, &places, newest, rows.len() >= limit);
        self.held.answered(who, claims.iter().map(|claim| claim.token));
        if lost {
            self.held.doubt(who);
        }
        metrics::counter!("queue_claimed_total").increment(claims.len() as u64);
        Ok(claims)
    }

    /// The events that the claim did not find in the days in which it looked, by their numbers.
    async fn events_elsewhere(&self, rows: &[Row]) -> Result<HashMap<i64, Row>, QueueError> {
        let (mut times, mut ids) = (Vec::new(), Vec::new());
        for row in rows {
            if at::<Option<&str>>(row, SOURCE)?.is_none() {
                times.push(at::<DateTime<Utc>>(row, OCCURRED_AT)?);
                ids.push(at::<i64>(row, 0)?);
            }
        }
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.query(CLAIMED_EVENTS, vec![&times, &ids]).await?;
        found.into_iter().map(|row| Ok((at(&row, 0)?, row))).collect()
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

/// What a claim asks for, as the statement takes it.
pub(crate) struct Request {
    who: i64,
    limit_rows: i64,
    priorities: &'static [i16],
    line: Vec<i64>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

impl Request {
    pub(crate) fn new(who: Incarnation, limit: usize, look: Option<Look>) -> Self {
        let limit_rows = i64::try_from(limit).unwrap_or(i64::MAX);
        let line = look.map(|look| look.line.to_vec()).unwrap_or_default();
        let (from, until) = look.and_then(|look| look.days).unzip();
        Request { who: who.id, limit_rows, priorities: &PRIORITIES, line, from, until }
    }

    /// The last two steps of a transaction that claims.
    pub(crate) async fn steps(&self, on: &Transaction) -> Result<[Step<'_>; 2], QueueError> {
        Ok([on.step(CLAIM, self.params()).await?, on.step(LEASE_STANDS, vec![&self.who]).await?])
    }

    fn params(&self) -> Params<'_> {
        let Request { who, limit_rows, priorities, line, from, until } = self;
        vec![who, limit_rows, priorities, line, from, until]
    }
}

/// What a claim was answered.
pub(crate) struct Claimed {
    pub(crate) rows: Vec<Row>,
    pub(crate) standing: bool,
    /// Something is paused: [`Queue::claim_beside_pauses`] is to be asked instead.
    pub(crate) paused: bool,
}

impl Claimed {
    /// When none was sent.
    pub(crate) fn nothing() -> Self {
        Claimed { rows: Vec::new(), standing: true, paused: false }
    }

    /// Takes the answers to [`Request::steps`] from the end of a transaction's.
    pub(crate) fn of_answers(answers: &mut Vec<Vec<Row>>) -> Result<Self, QueueError> {
        let stands = answers.pop().unwrap_or_default();
        let rows = answers.pop().unwrap_or_default();
        let paused = stands.first().map(|row| get(row, "paused")).transpose()?.unwrap_or(false);
        Ok(Claimed { standing: !rows.is_empty() || !stands.is_empty(), rows, paused })
    }
}

// Columns of the claim, by place: at tens of thousands of rows a second a search by name shows.
const OCCURRED_AT: usize = 1;
const TOKEN: usize = 4;
const PRIORITY: usize = 8;
const POSITION: usize = 9;
const SOURCE: usize = 11;
const AMENDED: usize = 18;
const ASIDE: usize = 19;

/// A claimed row with its event, which may have come by itself; `None` when that is gone.
fn read(row: &Row, elsewhere: &HashMap<i64, Row>) -> Result<Option<Claim>, QueueError> {
    let (event, source) = match at::<Option<&str>>(row, SOURCE)? {
        Some(_) => (row, SOURCE),
        None => match elsewhere.get(&at(row, 0)?) {
            Some(event) => (event, 1),
            None => return Ok(None),
        },
    };
    let occurred_at: DateTime<Utc> = at(row, OCCURRED_AT)?;
    let received_at: DateTime<Utc> = at(event, source + 6)?;
    Ok(Some(Claim {
        event: EventRef { occurred_at: from_sql(occurred_at), id: EventId(at(row, 0)?) },
        generation: at(row, 2)?,
        attempt: u32::try_from(at::<i32>(row, 3)?).unwrap_or_default(),
        token: Token(at(row, TOKEN)?),
        lane: at::<Option<i64>>(row, 5)?.map(Lane),
        child: at(row, 6)?,
        kind: at(row, 7)?,
        source: at(event, source)?,
        tenant: at(event, source + 1)?,
        actor: at(event, source + 2)?,
        lane_name: at(event, source + 3)?,
        correlation_id: at(event, source + 4)?,
        raw: at(event, source + 5)?,
        received_at: from_sql(received_at),
    }))
}

fn at<'r, T: FromSql<'r>>(row: &'r Row, place: usize) -> Result<T, QueueError> {
    row.try_get(place).map_err(database(CLAIM.doing))
}

/// Whose attempt a row of jobs is.
pub(crate) fn job_key(row: &Row) -> Result<JobKey, QueueError> {
    let occurred_at: DateTime<Utc> = get(row, "occurred_at")?;
    Ok(JobKey {
        event: EventRef { occurred_at: from_sql(occurred_at), id: EventId(get(row, "event_id")?) },
        generation: get(row, "generation")?,
        token: Token(get(row, "token")?),
        lane: get::<Option<i64>>(row, "lane")?.map(Lane),
        child: get(row, "child")?,
        kind: get(row, "kind")?,
    })
}
