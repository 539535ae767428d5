//! All that is known of one event.

use event::{EventId, Timestamp, Token};
use serde::Serialize;
use serde_json::Value;

use crate::{Effect, EventBody, EventState, JobState, Queue, QueueError};

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
    /// When it may start or start again.
    pub run_at: Timestamp,
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
    /// How it ended: `done`, `failed`, `refused`, `rate_limited`, `released`, `cancelled`, `lost`.
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
    pub state: event::TerminalState,
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
        let _ = id;
        Err(QueueError::Closed)
    }
}
