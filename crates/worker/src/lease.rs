//! The worker's lease: one heartbeat for all its jobs, and its own idea of when that ends.
//!
//! The deadline is read from the boot clock and is taken *before* the renewal is sent: the
//! database's idea of the end can only lie later. Once past it, the lease is given up for good: all
//! attempts are dropped where they stand, the guard is told, and when the database answers again
//! their jobs go back uncharged and a new lease begins.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use event::ErrorChain;
use event::limits::{LEASE_FENCE, LEASE_RENEWAL};
use queue::{Incarnation, Queue, QueueError};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::boot_clock;
use crate::guard::Heartbeat;
use crate::stop::{Running, Why};

/// How long one renewal may take: a link that is cut says nothing.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);

/// How soon a failed renewal is tried again.
const RENEWAL_RETRY: Duration = Duration::from_secs(1);

/// How often the deadline is compared with the boot clock: the runtime's timers stand still while
/// the machine is suspended.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// How often it is looked whether dropped attempts are gone.
const DROP_LOOK: Duration = Duration::from_millis(20);

const _: () = assert!(
    LEASE_RENEWAL.as_secs() + RENEWAL_TIMEOUT.as_secs() + RENEWAL_RETRY.as_secs()
        < LEASE_FENCE.as_secs(),
    "a lease is given up only after a second renewal was begun"
);

/// This process' place among the workers, renewed until shutdown.
pub(crate) struct Lease {
    queue: Queue,
    name: String,
    slots: u32,
    heartbeat: Heartbeat,
    held: Mutex<Held>,
}

#[derive(Clone, Copy)]
struct Held {
    who: Incarnation,
    /// When the last renewal that was granted was asked for, on the boot clock.
    asked_at: Duration,
    /// Past its deadline: whatever the database still thinks, nothing happens under it any more.
    given_up: bool,
}

impl Lease {
    /// Registers this process as a new incarnation.
    pub(crate) async fn take(
        queue: Queue,
        name: String,
        slots: u32,
        heartbeat: Heartbeat,
    ) -> Result<Self, QueueError> {
        let held = register(&queue, &name, slots, &heartbeat).await?;
        Ok(Lease { queue, name, slots, heartbeat, held: Mutex::new(held) })
    }

    /// The incarnation that may claim, unless this worker must regard its lease as over.
    pub(crate) fn current(&self) -> Option<Incarnation> {
        let held = self.held();
        (!held.given_up && !held.left().is_zero()).then_some(held.who)
    }

    /// The last incarnation, whether or not its lease still stands.
    pub(crate) fn last(&self) -> Incarnation {
        self.held().who
    }

    /// Renews until `shutdown`, and gives the lease up when that fails for too long.
    pub(crate) async fn keep(&self, running: &Running, shutdown: CancellationToken) {
        let kept = async { tokio::join!(self.keep_renewing(running), self.keep_looking(running)) };
        shutdown.run_until_cancelled(kept).await;
    }

    /// Signs off.
    pub(crate) async fn leave(&self) -> Result<(), QueueError> {
        let held = self.held();
        match held.given_up {
            true => self.queue.give_back(held.who).await?,
            false => self.queue.retire(held.who).await?,
        }
        self.heartbeat.left();
        Ok(())
    }

    async fn keep_renewing(&self, running: &Running) {
        let mut pause = LEASE_RENEWAL;
        loop {
            sleep(pause).await;
            let error = match timeout(RENEWAL_TIMEOUT, self.renew(running)).await {
                Ok(Ok(())) => {
                    pause = LEASE_RENEWAL;
                    continue;
                }
                Ok(Err(error)) => ErrorChain::line(&error),
                Err(_) => format!("no answer within {} s", RENEWAL_TIMEOUT.as_secs()),
            };
            tracing::warn!(error, "the lease was not renewed; trying again");
            pause = RENEWAL_RETRY;
        }
    }

    async fn renew(&self, running: &Running) -> Result<(), QueueError> {
        let asked_at = boot_clock();
        let Held { who, given_up, .. } = self.held();
        if given_up {
            return self.begin_anew(running).await;
        }
        match self.queue.renew(who).await {
            Ok(called_off) => {
                for event in called_off {
                    running.stop(event, Why::CalledOff);
                }
                self.prolong(asked_at);
                Ok(())
            }
            Err(QueueError::Fenced) => {
                tracing::error!(worker = who.id, "the lease was taken away; dropping its jobs");
                self.give_up(running).await;
                self.begin_anew(running).await
            }
            Err(error) => Err(error),
        }
    }

    /// Watches the deadline, whatever a renewal is waiting for.
    async fn keep_looking(&self, running: &Running) {
        loop {
            let held = self.held();
            if held.given_up {
                sleep(LOOK_MAX).await;
            } else if held.left().is_zero() {
                let jobs = running.len();
                tracing::error!(jobs, "the lease cannot be renewed; dropping its jobs");
                self.give_up(running).await;
            } else {
                sleep(held.left().min(LOOK_MAX)).await;
            }
        }
    }

    /// Drops every attempt where it stands: what it would still record is refused, and what it would
    /// still show, somebody else will. Returns when none is left; one that blocks its thread never
    /// leaves, and then the guard ends it.
    async fn give_up(&self, running: &Running) {
        self.hold(Held { given_up: true, ..self.held() });
        running.drop_all();
        while running.len() > 0 {
            sleep(DROP_LOOK).await;
        }
        self.heartbeat.idle();
    }

    /// Gives the jobs of a lease that was given up back, and takes another lease.
    async fn begin_anew(&self, running: &Running) -> Result<(), QueueError> {
        if running.len() > 0 {
            return Ok(());
        }
        let before = self.held().who;
        self.queue.give_back(before).await?;
        let held = register(&self.queue, &self.name, self.slots, &self.heartbeat).await?;
        tracing::info!(worker = held.who.id, before = before.id, "took a new lease");
        self.hold(held);
        Ok(())
    }

    /// Takes note of a renewal, unless it came too late.
    fn prolong(&self, asked_at: Duration) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if !held.given_up {
            held.asked_at = asked_at;
            self.heartbeat.renewed(held.who, asked_at);
        }
    }

    fn held(&self) -> Held {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, held: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }
}

impl Held {
    /// How long the worker may still act under it.
    fn left(&self) -> Duration {
        LEASE_FENCE.saturating_sub(boot_clock().saturating_sub(self.asked_at))
    }
}

/// The guard hears of an incarnation before that can claim anything.
async fn register(
    queue: &Queue,
    name: &str,
    slots: u32,
    heartbeat: &Heartbeat,
) -> Result<Held, QueueError> {
    let asked_at = boot_clock();
    let who = queue.register(name, env!("CARGO_PKG_VERSION"), slots).await?;
    heartbeat.renewed(who, asked_at);
    Ok(Held { who, asked_at, given_up: false })
}
