//! The worker's lease: one heartbeat for all its jobs, and its own idea of when that ends.
//!
//! The deadline is read from `CLOCK_BOOTTIME`, which counts while the machine sleeps, and is taken
//! *before* the renewal is sent: the database's idea of the end can only lie later.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use event::ErrorChain;
use event::limits::{LEASE, LEASE_RENEWAL};
use queue::{Incarnation, Queue, QueueError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::stop::{Running, Why};

/// How long before the lease's end a worker that cannot renew it stops all it does.
const FENCE_MARGIN: Duration = Duration::from_secs(10);

/// How soon a failed renewal is tried again.
const RENEWAL_RETRY: Duration = Duration::from_secs(1);

const _: () = assert!(
    LEASE_RENEWAL.as_secs() + FENCE_MARGIN.as_secs() < LEASE.as_secs(),
    "a worker fences itself only after a renewal failed"
);

/// This process' place among the workers, renewed until shutdown.
pub(crate) struct Lease {
    queue: Queue,
    name: String,
    slots: u32,
    held: Mutex<Held>,
}

#[derive(Clone, Copy)]
struct Held {
    who: Incarnation,
    /// On the boot clock.
    until: Duration,
}

impl Lease {
    /// Registers this process as a new incarnation.
    pub(crate) async fn take(queue: Queue, name: String, slots: u32) -> Result<Self, QueueError> {
        let asked = boot_clock();
        let who = queue.register(&name, env!("CARGO_PKG_VERSION"), slots).await?;
        let held = Mutex::new(Held { who, until: asked + LEASE });
        Ok(Lease { queue, name, slots, held })
    }

    /// The incarnation that may claim, unless this worker must regard its lease as over.
    pub(crate) fn current(&self) -> Option<Incarnation> {
        let held = self.held();
        (boot_clock() + FENCE_MARGIN < held.until).then_some(held.who)
    }

    /// The last incarnation, whether or not its lease still stands.
    pub(crate) fn last(&self) -> Incarnation {
        self.held().who
    }

    /// Renews until `shutdown`. A lease that cannot be renewed in time stops every running job;
    /// one that is already lost is replaced by a new incarnation.
    pub(crate) async fn keep(&self, running: &Running, shutdown: CancellationToken) {
        let mut pause = LEASE_RENEWAL;
        while shutdown.run_until_cancelled(sleep(pause)).await.is_some() {
            pause = match self.renew(running).await {
                Ok(()) => LEASE_RENEWAL,
                Err(error) => {
                    tracing::warn!(error = %ErrorChain::line(&error), "the lease was not renewed; trying again");
                    RENEWAL_RETRY
                }
            };
            if self.current().is_none() && running.len() > 0 {
                tracing::error!(
                    jobs = running.len(),
                    "the lease ran out of time; stopping its jobs"
                );
                running.stop_all(Why::Fenced);
            }
        }
    }

    async fn renew(&self, running: &Running) -> Result<(), QueueError> {
        let asked = boot_clock();
        let who = self.held().who;
        match self.queue.renew(who).await {
            Ok(called_off) => {
                for event in called_off {
                    running.stop(event, Why::CalledOff);
                }
                self.hold(Held { who, until: asked + LEASE });
                Ok(())
            }
            Err(QueueError::Fenced) => {
                tracing::error!(worker = who.id, "the lease was taken away; starting anew");
                running.stop_all(Why::Fenced);
                let asked = boot_clock();
                let version = env!("CARGO_PKG_VERSION");
                let who = self.queue.register(&self.name, version, self.slots).await?;
                self.hold(Held { who, until: asked + LEASE });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn held(&self) -> Held {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, held: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

/// Time since boot, sleep included.
fn boot_clock() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_clock_never_steps_back() {
        let first = boot_clock();
        assert!(boot_clock() >= first);
    }
}
