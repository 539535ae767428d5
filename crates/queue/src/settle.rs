//! The end of an attempt: outcome in, verdict written, fenced.

use event::{
    Attempt, DeadLetter, EventRef, Lane, Outcome, Policy, Reply, TerminalState, Token, Verdict,
};
use serde_json::Value;
use tokio_postgres::Row;

use crate::children;
use crate::effects::millis;
use crate::lanes::Lanes;
use crate::statements::{AGAIN_JOB, END_JOB, HOLD, INSERT_NOTICE, INSERT_NOTICE_JOB, SETTLED_AS};
use crate::suspend;
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get, get_small, json_without_nul, to_sql};
use crate::{Claim, Finished, Incarnation, Queue, QueueError};

/// Whose attempt is settled.
#[derive(Clone, Debug)]
pub(crate) struct JobKey {
    pub(crate) event: EventRef,
    pub(crate) generation: i32,
    pub(crate) token: Token,
    pub(crate) lane: Option<Lane>,
    /// Another job waits for its end.
    pub(crate) child: bool,
    pub(crate) kind: String,
}

impl Queue {
    /// Ends an attempt as [`event::settle`] decides, in one transaction: the attempt's record, the
    /// job's next state or its history, the lane's next head, the dead letter's notice.
    ///
    /// Repeating a settle whose answer was lost returns the verdict again.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds the job; nothing was written.
    pub async fn settle(
        &self,
        claim: &Claim,
        outcome: Outcome,
        policy: &Policy,
    ) -> Result<Verdict, QueueError> {
        let finished = Finished { claim: claim.clone(), outcome, policy: *policy };
        // No claim is made, so nobody's lease is asked about.
        let mut exchange = self.exchange(Incarnation { id: 0 }, &[finished], 0).await?;
        exchange.verdicts.pop().unwrap_or(Err(QueueError::Closed))
    }

    /// [`Queue::settle`] for whoever knows the job by other means: the reaper.
    pub(crate) async fn settle_job(
        &self,
        job: &JobKey,
        outcome: Outcome,
        policy: &Policy,
    ) -> Result<Verdict, QueueError> {
        let lanes = Lanes::of([(job.event.id, job.lane)]);
        let mut transaction = Transaction::on(&self.pool).await?;
        let hold = transaction.step(HOLD, vec![&job.event.id.0, &job.token.0]).await?;
        // Without a lane the row's own lock is enough.
        let steps = match job.lane {
            Some(_) => vec![lanes.lock(&transaction).await?, hold],
            None => vec![hold],
        };
        let answers = transaction.pipeline(&steps, Ends::Begin).await?;
        let Some(row) = answers.last().and_then(|rows| rows.first()) else {
            transaction.rollback().await?;
            return self.settled_before(job, &outcome, policy).await;
        };
        let held = HeldJob::read(row)?;
        let outcome = suspend::checked(&mut transaction, job, outcome).await?;
        let word = outcome.as_str();
        let verdict = event::settle(held.attempt, outcome, policy, rand::random());
        match &verdict {
            Verdict::End { state, reply, error } => {
                let error = error.as_ref().map(chain);
                let end = End { state: *state, word, error, reply: reply.as_ref() };
                self.end(transaction, job, &held, &lanes, end).await?;
            }
            Verdict::Again { after, charged, error } => {
                let (error, after_ms) = (error.as_ref().map(chain), millis(*after));
                let again = transaction
                    .step(
                        AGAIN_JOB,
                        vec![&job.event.id.0, &job.token.0, &after_ms, charged, &word, &error],
                    )
                    .await?;
                transaction.pipeline(&[again], Ends::Commit).await?;
            }
            Verdict::Suspend { wait, error } => {
                let error = error.as_ref().map(chain);
                let asleep =
                    suspend::suspend(transaction, job, &lanes, wait, (word, error)).await?;
                if !asleep || !lanes.is_empty() {
                    self.local.notify_one();
                }
            }
        }
        self.settled(job, word);
        Ok(verdict)
    }

    /// An attempt is over, by this process's own word.
    pub(crate) fn settled(&self, job: &JobKey, word: &'static str) {
        self.held.settled(job.token);
        metrics::counter!("queue_settled_total", "outcome" => word).increment(1);
    }

    async fn end(
        &self,
        mut transaction: Transaction,
        job: &JobKey,
        held: &HeldJob,
        lanes: &Lanes,
        end: End<'_>,
    ) -> Result<(), QueueError> {
        let state = end.state.as_str();
        let reply = end.reply.map(json);
        let usage = end.reply.map(|reply| reply.usage);
        let input = usage.map(|usage| i64::try_from(usage.input_tokens).unwrap_or(i64::MAX));
        let output = usage.map(|usage| i64::try_from(usage.output_tokens).unwrap_or(i64::MAX));
        let mut steps = Vec::new();
        let (id, token) = (&job.event.id.0, &job.token.0);
        let parameters: Params<'_> =
            vec![id, token, &end.word, &end.error, &input, &output, &state, &reply];
        steps.push(transaction.step(END_JOB, parameters).await?);
        let letter = DeadLetter {
            event: job.event,
            generation: job.generation,
            kind: job.kind.clone(),
            attempts: held.attempt.number,
        };
        let (key, occurred_at, body) =
            (letter.key(), to_sql(job.event.occurred_at), json_bytes(&letter));
        let lane = job.lane.map(|lane| lane.0);
        if end.state == TerminalState::Dead && DeadLetter::follows(&job.kind) {
            let parameters: Params<'_> = vec![&occurred_at, id, &key, &DeadLetter::KIND, &body];
            steps.push(transaction.step(INSERT_NOTICE, parameters).await?);
            let parameters: Params<'_> = vec![&key, &lane, &held.lane_order, &DeadLetter::KIND];
            steps.push(transaction.step(INSERT_NOTICE_JOB, parameters).await?);
        }
        let (ids, times) = (vec![*id], vec![occurred_at]);
        let counted_at = job.child.then_some(steps.len() + 1);
        if job.child {
            steps.extend(children::count(&transaction, &ids, &times).await?);
        }
        if !lanes.is_empty() {
            steps.push(lanes.promote(&transaction).await?);
        }
        let answers = transaction.pipeline(&steps, Ends::Commit).await?;
        if counted_at.and_then(|at| answers.get(at)).is_some_and(|rows| children::completed(rows)) {
            self.continue_after_commit().await;
        }
        Ok(())
    }

    /// The claim holds the job no more. If that is because this very settle was committed before
    /// and its answer lost, it is repeated; else the caller is a zombie.
    pub(crate) async fn settled_before(
        &self,
        job: &JobKey,
        outcome: &Outcome,
        policy: &Policy,
    ) -> Result<Verdict, QueueError> {
        let occurred_at = to_sql(job.event.occurred_at);
        let parameters: Params<'_> =
            vec![&occurred_at, &job.event.id.0, &job.generation, &job.token.0];
        let rows = self.query(SETTLED_AS, parameters).await?;
        self.held.settled(job.token);
        let Some(row) = rows.first() else { return Err(QueueError::Fenced) };
        if *outcome == Outcome::Lost || get::<&str>(row, "outcome")? != outcome.as_str() {
            return Err(QueueError::Fenced);
        }
        let attempt = Attempt { number: get_small(row, "number")?, cancel_requested: false };
        Ok(event::settle(attempt, outcome.clone(), policy, rand::random()))
    }
}

/// The job as its settler found it.
struct HeldJob {
    attempt: Attempt,
    lane_order: i64,
}

impl HeldJob {
    fn read(row: &Row) -> Result<Self, QueueError> {
        let number = get_small(row, "attempts")?;
        let attempt = Attempt { number, cancel_requested: get(row, "cancel_requested")? };
        Ok(HeldJob { attempt, lane_order: get(row, "lane_order")? })
    }
}

/// How a job ends, as written.
struct End<'a> {
    state: TerminalState,
    word: &'static str,
    error: Option<Value>,
    reply: Option<&'a Reply>,
}

fn chain(error: &event::ErrorChain) -> Value {
    json(error)
}

/// As JSON that Postgres takes. The vocabulary's types always serialise.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Value {
    json_without_nul(serde_json::to_value(value).unwrap_or_default())
}

fn json_bytes<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
