//! The durable engine: an event log and a job queue in Postgres.
//!
//! Events are appended and never changed; the work owed to them is a narrow row that a worker
//! claims under a lease, settles under a fencing token, and that then becomes history. Promises:
//! a committed event is never lost, its work runs at least once and in lane order, an outward act
//! is keyed so that it can be made once.
//!
//! **Invariant:** this crate knows nothing of Slack, models or prompts.

mod body;
mod claim;
mod commit;
mod effects;
mod error;
mod lease;
mod maintain;
mod operator;
mod options;
mod reap;
mod server;
mod settle;
mod wakeups;

pub use body::EventBody;
pub use claim::Claim;
pub use commit::{Committed, Committer, Disposition};
pub use effects::{Effect, EffectIntent, Intent};
pub use error::QueueError;
pub use event::{JobState, TerminalState};
pub use lease::Incarnation;
pub use operator::{
    AttemptRecord, CancelReport, EndedCounts, EventDetail, EventFilter, EventState, EventSummary,
    KindCount, LiveCounts, LiveJob, OutcomeRecord, Refusal, ReplayOptions, ReplayReport, Selection,
    Stats, WorkerStats,
};
pub use options::Options;
pub use reap::PolicyOf;
pub use server::{ServerFacts, StorageMode};

use std::sync::Arc;

/// The engine's handle; cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    options: Arc<Options>,
}

impl Queue {
    /// Prepares the pool. Nothing is sent before the first use, so that a process can start while
    /// the database is down; see [`Queue::check_server`].
    ///
    /// # Errors
    /// [`QueueError::Url`] and [`QueueError::Tls`].
    pub async fn connect(options: Options) -> Result<Queue, QueueError> {
        Ok(Queue { options: Arc::new(options) })
    }
}
