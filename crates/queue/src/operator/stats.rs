//! The queue in figures.

use std::time::Duration;

use event::{EventId, JobState, Timestamp};
use serde::Serialize;
use tokio_postgres::Row;

use super::Horizon;
use crate::statements::{CONSERVATION, STATS_ENDED, STATS_JOBS, STATS_WORKERS};
use crate::wire::{get, get_count, get_small, get_time};
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
    /// What was made and what became of it.
    pub conservation: Conservation,
    /// Dead letters that nobody has replayed, over the whole history.
    pub dead_letters: u64,
    /// How long the oldest ready job has been waiting for a worker.
    pub oldest_ready: Option<Duration>,
    /// Workers that live, or still hold jobs.
    pub workers: Vec<WorkerStats>,
    /// Live jobs by kind.
    pub kinds: Vec<KindCount>,
    /// The oldest snapshot held on the database, which keeps dead rows from being cleared away.
    pub horizon: Option<Horizon>,
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

/// Every job that was ever made is somewhere: counted in one snapshot, over the whole history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Conservation {
    /// Jobs made.
    pub made: u64,
    /// Those that live.
    pub live: LiveCounts,
    /// Those that ended.
    pub ended: EndedCounts,
    /// Whether the sums agree; if not, something is lost or counted twice.
    pub balanced: bool,
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
        let storage = self.storage().await?;
        let live = self.query(STATS_JOBS, vec![]).await?;
        let ended = self.query(STATS_ENDED, vec![]).await?;
        let workers = self.query(STATS_WORKERS, vec![]).await?;
        let horizon = self.horizon().await?;
        let ended = ended.first().ok_or(QueueError::Closed)?;
        let conserved = self.query(CONSERVATION, vec![]).await?;
        let conserved = conserved.first().ok_or(QueueError::Closed)?;
        let mut stats = Stats {
            at: get_time(ended, "at")?,
            storage,
            jobs: LiveCounts::default(),
            ended_last_day: EndedCounts::read(ended)?,
            conservation: Conservation {
                made: get_count(conserved, "made")?,
                live: LiveCounts::read(conserved)?,
                ended: EndedCounts::read(conserved)?,
                balanced: get(conserved, "balanced")?,
            },
            dead_letters: get_count(ended, "dead_letters")?,
            oldest_ready: None,
            workers: workers.iter().map(read_worker).collect::<Result<_, _>>()?,
            kinds: vec![],
            horizon,
        };
        for row in &live {
            add(&mut stats, row)?;
        }
        Ok(stats)
    }
}

/// Adds one kind's jobs in one state; rows come sorted by kind.
fn add(stats: &mut Stats, row: &Row) -> Result<(), QueueError> {
    let kind: String = get(row, "kind")?;
    let unreadable = QueueError::Unreadable { event: EventId(0), what: "a job's state" };
    let state = JobState::from_word(get(row, "state")?).ok_or(unreadable)?;
    let jobs = get_count(row, "jobs")?;
    if stats.kinds.last().is_none_or(|last| last.kind != kind) {
        stats.kinds.push(KindCount { kind, jobs: LiveCounts::default() });
    }
    *stats.jobs.of(state) += jobs;
    if let Some(last) = stats.kinds.last_mut() {
        *last.jobs.of(state) += jobs;
    }
    if state == JobState::Ready {
        let oldest = Duration::from_millis(get_count(row, "oldest_ms")?);
        stats.oldest_ready = stats.oldest_ready.max(Some(oldest));
    }
    Ok(())
}

impl EndedCounts {
    fn read(row: &Row) -> Result<Self, QueueError> {
        Ok(EndedCounts {
            done: get_count(row, "done")?,
            dead: get_count(row, "dead")?,
            cancelled: get_count(row, "cancelled")?,
            expired: get_count(row, "expired")?,
        })
    }
}

impl LiveCounts {
    fn read(row: &Row) -> Result<Self, QueueError> {
        Ok(LiveCounts {
            waiting: get_count(row, "waiting")?,
            ready: get_count(row, "ready")?,
            running: get_count(row, "running")?,
            suspended: get_count(row, "suspended")?,
        })
    }

    fn of(&mut self, state: JobState) -> &mut u64 {
        match state {
            JobState::Waiting => &mut self.waiting,
            JobState::Ready => &mut self.ready,
            JobState::Running => &mut self.running,
            JobState::Suspended => &mut self.suspended,
        }
    }
}

fn read_worker(row: &Row) -> Result<WorkerStats, QueueError> {
    Ok(WorkerStats {
        id: get(row, "id")?,
        name: get(row, "name")?,
        version: get(row, "version")?,
        slots: get_small(row, "slots")?,
        running: get_count(row, "running")?,
        started_at: get_time(row, "started_at")?,
        lease_until: get_time(row, "lease_until")?,
        live: get(row, "live")?,
    })
}
