//! All that is known of one event.

use event::{EventId, EventRef, TerminalState, Timestamp, Token};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use super::list::read_state;
use crate::statements::{
    FIND_EVENT, SELECT_ATTEMPTS, SELECT_JOB, SELECT_KEYS, SELECT_OUTCOMES, SELECT_STATE,
};
use crate::wire::{get, get_chain, get_small, get_time, get_time_option, to_sql};
use crate::{Effect, EventBody, EventState, Feedback, JobState, Queue, QueueError};

/// One event with its job's life.
#[derive(Clone, Debug, PartialEq)]
pub struct EventDetail {
    /// The log's row.
    pub body: EventBody,
    /// Where it stands.
    pub state: EventState,
    /// Its live job.
    pub job: Option<LiveJob>,
    /// Its attempts over all generations, oldest first.
    pub attempts: Vec<AttemptRecord>,
    /// How its jobs ended, oldest first.
    pub outcomes: Vec<OutcomeRecord>,
    /// Its outward acts, newest generation first.
    pub effects: Vec<Effect>,
    /// The keys that lead to it, sorted.
    pub deliveries: Vec<String>,
    /// What people thought of its answer.
    pub feedback: Vec<Feedback>,
}

/// A job that has not ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveJob {
    /// 0 for the first, one more for every replay.
    pub generation: i32,
    /// Its state.
    pub state: JobState,
    /// The kind that deserved the work.
    pub kind: String,
    /// Whether it is first in its lane.
    pub head: bool,
    /// Attempts charged.
    pub attempts: u32,
    /// When it may start or start again; `None` when no time moves it.
    pub run_at: Option<Timestamp>,
    /// The newest claim's token.
    pub token: Option<Token>,
    /// The worker that holds it.
    pub worker: Option<String>,
    /// Since when.
    pub claimed_at: Option<Timestamp>,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
}

/// One attempt that has ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptRecord {
    /// Whose.
    pub generation: i32,
    /// Which of them; an uncharged attempt's number is used again.
    pub number: u32,
    /// Its fencing token.
    pub token: Token,
    /// The worker that ran it.
    pub worker: Option<String>,
    /// From when.
    pub started_at: Timestamp,
    /// To when.
    pub ended_at: Timestamp,
    /// How it ended: `done`, `failed`, `refused`, `rate_limited`, `suspended`,
    /// `parked`, `released`, `cancelled`, `lost`.
    pub outcome: String,
    /// Why, outermost first.
    pub error: Option<Vec<String>>,
    /// Tokens that the model read.
    pub input_tokens: Option<u64>,
    /// Tokens that the model wrote.
    pub output_tokens: Option<u64>,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeRecord {
    /// Whose.
    pub generation: i32,
    /// How.
    pub state: TerminalState,
    /// Attempts charged.
    pub attempts: u32,
    /// Why, outermost first.
    pub error: Option<Vec<String>>,
    /// What came of it: [`event::Reply`] as JSON.
    pub reply: Option<Value>,
    /// When.
    pub ended_at: Timestamp,
}

impl Queue {
    /// All that is known of an event; `None` when it is unknown or past retention.
    ///
    /// # Errors
    /// Those of the database; [`QueueError::Unreadable`] for words of a newer version.
    pub async fn event(&self, id: EventId) -> Result<Option<EventDetail>, QueueError> {
        let Some(event) = self.find(id).await? else { return Ok(None) };
        let Some(body) = self.load(event).await? else { return Ok(None) };
        let occurred_at = to_sql(event.occurred_at);
        let states = self.query(SELECT_STATE, vec![&occurred_at, &id.0]).await?;
        let Some(state) = states.first() else { return Ok(None) };
        let jobs = self.query(SELECT_JOB, vec![&id.0]).await?;
        let attempts = self.query(SELECT_ATTEMPTS, vec![&occurred_at, &id.0]).await?;
        let outcomes = self.query(SELECT_OUTCOMES, vec![&occurred_at, &id.0]).await?;
        let keys = self.ask(SELECT_KEYS, vec![&id.0]).await?;
        Ok(Some(EventDetail {
            body,
            state: read_state(state, id)?,
            job: jobs.first().map(|row| read_job(row, id)).transpose()?,
            attempts: attempts.iter().map(read_attempt).collect::<Result<_, _>>()?,
            outcomes: outcomes.iter().map(|row| read_outcome(row, id)).collect::<Result<_, _>>()?,
            effects: self.effects(event).await?,
            deliveries: keys.iter().map(|row| get(row, "key")).collect::<Result<_, _>>()?,
            feedback: self.feedback(event).await?,
        }))
    }

    /// Where an event lies, by its number alone.
    pub(crate) async fn find(&self, id: EventId) -> Result<Option<EventRef>, QueueError> {
        let rows = self.ask(FIND_EVENT, vec![&id.0]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(EventRef { occurred_at: get_time(row, "occurred_at")?, id }))
    }
}

fn read_job(row: &Row, event: EventId) -> Result<LiveJob, QueueError> {
    let state = JobState::from_word(get(row, "state")?);
    Ok(LiveJob {
        generation: get(row, "generation")?,
        state: state.ok_or(QueueError::Unreadable { event, what: "its job's state" })?,
        kind: get(row, "kind")?,
        head: get(row, "head")?,
        attempts: get_small(row, "attempts")?,
        run_at: get_time_option(row, "run_at")?,
        token: get::<Option<i64>>(row, "token")?.map(Token),
        worker: get(row, "worker")?,
        claimed_at: get_time_option(row, "claimed_at")?,
        cancel_requested: get(row, "cancel_requested")?,
    })
}

fn read_attempt(row: &Row) -> Result<AttemptRecord, QueueError> {
    let tokens = |column| {
        let counted: Option<i64> = get(row, column)?;
        Ok(counted.and_then(|counted| u64::try_from(counted).ok()))
    };
    Ok(AttemptRecord {
        generation: get(row, "generation")?,
        number: get_small(row, "number")?,
        token: Token(get(row, "token")?),
        worker: get(row, "worker")?,
        started_at: get_time(row, "started_at")?,
        ended_at: get_time(row, "ended_at")?,
        outcome: get(row, "outcome")?,
        error: get_chain(row, "error")?,
        input_tokens: tokens("input_tokens")?,
        output_tokens: tokens("output_tokens")?,
    })
}

fn read_outcome(row: &Row, event: EventId) -> Result<OutcomeRecord, QueueError> {
    let state = TerminalState::from_word(get(row, "state")?);
    Ok(OutcomeRecord {
        generation: get(row, "generation")?,
        state: state.ok_or(QueueError::Unreadable { event, what: "how its job ended" })?,
        attempts: get_small(row, "attempts")?,
        error: get_chain(row, "error")?,
        reply: get(row, "reply")?,
        ended_at: get_time(row, "ended_at")?,
    })
}
