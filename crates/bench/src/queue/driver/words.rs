//! The words of the line protocol.

use serde::{Deserialize, Serialize};

/// What a driver is told to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Make the schema.
    Prepare,
    /// Enqueue jobs as fast as possible, in batches; answered when all are committed.
    Load {
        /// The first job's number.
        first: u64,
        /// How many.
        jobs: u64,
        /// Over how many lanes; 0 for none.
        lanes: u64,
        /// How large a payload is.
        bytes: usize,
    },
    /// Start workers.
    Work(Work),
    /// Start enqueuing in the background.
    Feed(Feed),
    /// Wait for the ends of all feeds; answered with what was committed.
    Fed,
    /// Wait until so many jobs were handled; answered with the time of that one's end.
    Wait {
        /// How many, since the driver's start.
        done: u64,
        /// For how long at most.
        within_ms: u64,
    },
    /// How many were handled so far, and the time now.
    Count,
    /// The recorded starts.
    Starts,
    /// How many are not yet ended in the database.
    Left,
    /// End the workers gracefully.
    Stop,
}

/// How to work.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Work {
    /// Jobs that may run at once in each worker.
    pub(crate) slots: usize,
    /// Jobs that one claim may take; 0 for what the system does best.
    pub(crate) batch: usize,
    /// Worker identities in this one process.
    pub(crate) workers: usize,
    /// How long a handler thinks.
    pub(crate) think_ms: u64,
    /// The starts of jobs from this number on are recorded; `u64::MAX` for none.
    pub(crate) record_from: u64,
}

/// How to enqueue in the background.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Feed {
    /// The first job's number.
    pub(crate) first: u64,
    /// Jobs a second; 0 for as fast as the backlog allows.
    pub(crate) rate: f64,
    /// For how long.
    pub(crate) seconds: f64,
    /// Jobs of one call.
    pub(crate) batch: u64,
    /// Calls at once; one when there is a rate.
    pub(crate) writers: u64,
    /// Without a rate: jobs that may wait at once.
    pub(crate) backlog: u64,
    /// The first lane's number.
    pub(crate) lane_first: u64,
    /// Over how many lanes; 0 for none.
    pub(crate) lanes: u64,
    /// How large a payload is.
    pub(crate) bytes: usize,
    /// Whether each commit's times are answered.
    pub(crate) record: bool,
}

/// What a driver answers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    /// Why the request failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Why the system cannot do this at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unsupported: Option<String>,
    /// The system's version, with the first answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Jobs handled, enqueued or left.
    pub(crate) jobs: u64,
    /// When.
    pub(crate) at_ns: u64,
    /// `[number, before, after]` of each recorded commit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) commits: Vec<(u64, u64, u64)>,
    /// `[number, start]` of each recorded job.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) starts: Vec<(u64, u64)>,
}
