//! Why an event is left alone.

use std::fmt;

use serde::Serialize;

/// Why an operator's word was not carried out on an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It runs right now.
    Running,
    /// Its job has not ended.
    Live,
    /// It was never owed work.
    NoWork,
    /// The last generation recorded no step below the one to go on from.
    NoStep,
    /// Another job still waits for its end to be counted.
    Awaited,
    /// The log does not hold it.
    Unknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Running => "it is running; cancel it first or wait for its end",
            Refusal::Live => "its job has not ended yet",
            Refusal::NoWork => "it was stored without work to do",
            Refusal::NoStep => "its last generation recorded no step below that one",
            Refusal::Awaited => "its parent has not taken note of its end yet",
            Refusal::Unknown => "the log does not hold it",
        })
    }
}
