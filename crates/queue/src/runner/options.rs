//! How a worker works.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use event::limits::{LEASE_FENCE, LEASE_RENEWAL};

use super::handler::Heartbeat;
use crate::mutants;

/// Settings of a [`super::Runner`]: `RunnerOptions { slots: 64, ..RunnerOptions::default() }`.
#[derive(Clone)]
pub struct RunnerOptions {
    /// For people who look at the workers; need not be unique.
    pub name: String,
    /// Which program it is, likewise.
    pub version: String,
    /// Jobs that run at once at most; 1 to [`SLOTS_MAX`].
    pub slots: u32,
    /// Jobs claimed, and outcomes settled, in one exchange at most; 1 to [`BATCH_MAX`].
    pub batch_max: usize,
    /// How long running jobs may take to finish after the first signal.
    pub drain: Duration,
    /// How long jobs that were told to stop may take to obey before they are dropped. A message that
    /// is under way should have ended by then.
    pub obey: Duration,
    /// How often it looks for work without a hint; at most [`POLL_MAX`].
    pub poll: Duration,
    /// How often the lease is renewed; at most [`LEASE_RENEWAL`].
    pub renew_every: Duration,
    /// How long after its last renewal it stops all it does; at most [`LEASE_FENCE`].
    pub fence_after: Duration,
    /// The guard outside, if there is one.
    pub heartbeat: Option<Arc<dyn Heartbeat>>,
}

/// Jobs of one worker at once.
pub const SLOTS_MAX: u32 = 65_536;

/// Jobs in one exchange: its transaction holds their locks.
pub const BATCH_MAX: usize = 4_096;

/// A hint may be lost; so late is its job found.
pub const POLL_MAX: Duration = Duration::from_secs(1);

impl Default for RunnerOptions {
    fn default() -> Self {
        RunnerOptions {
            name: "runner".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slots: 16,
            batch_max: 512,
            drain: Duration::from_secs(25),
            obey: Duration::from_secs(20),
            poll: POLL_MAX / 2,
            renew_every: LEASE_RENEWAL,
            fence_after: LEASE_FENCE,
            heartbeat: None,
        }
    }
}

impl RunnerOptions {
    /// With every number within its bounds.
    pub(super) fn bounded(self) -> Self {
        RunnerOptions {
            slots: self.slots.clamp(1, SLOTS_MAX),
            batch_max: self.batch_max.clamp(1, BATCH_MAX),
            poll: mutants::poll(self.poll.clamp(Duration::from_millis(1), POLL_MAX)),
            renew_every: self.renew_every.clamp(Duration::from_millis(1), LEASE_RENEWAL),
            fence_after: self.fence_after.clamp(Duration::from_millis(1), LEASE_FENCE),
            ..self
        }
    }
}

impl fmt::Debug for RunnerOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnerOptions")
            .field("name", &self.name)
            .field("slots", &self.slots)
            .field("batch_max", &self.batch_max)
            .finish_non_exhaustive()
    }
}
