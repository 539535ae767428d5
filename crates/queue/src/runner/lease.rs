//! The worker's lease: one heartbeat for all its jobs, and its own idea of when that ends.
//!
//! Times are read from the boot clock and *before* a renewal is sent: the database's idea of the
//! lease's end can only lie later.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event::ErrorChain;
use event::limits::{LEASE_FENCE, LEASE_RENEWAL};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::clock::boot_clock;
use super::handler::Heartbeat;
use super::options::RunnerOptions;
use super::running::Running;
use super::stop::Why;
use crate::{Incarnation, Queue, QueueError};

/// How soon a failed renewal is tried again.
const RENEWAL_RETRY: Duration = Duration::from_secs(1);

/// A renewal that takes longer is given up, and its connection with it.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(3);

/// How long jobs that are dropped may take to be gone, before what they ran under is replaced.
const GONE: Duration = Duration::from_secs(1);

/// How long the last word to the database may take: the lease ends by itself as well.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the time since the last renewal is looked at. A sleep would not count what the
/// machine slept.
const LOOK: Duration = Duration::from_millis(250);

const _: () = assert!(
    LEASE_RENEWAL.as_secs() + RENEWAL_TIMEOUT.as_secs() < LEASE_FENCE.as_secs(),
    "a worker stops its jobs only after a renewal failed"
);

/// One worker's place in the fleet.
pub(super) struct Lease {
    queue: Queue,
    options: RunnerOptions,
    running: Arc<Running>,
    held: Mutex<Held>,
    /// Someone was told that it is gone.
    hurried: Notify,
}

#[derive(Clone, Copy)]
struct Held {
    who: Incarnation,
    /// When its last renewal was sent, on the boot clock.
    renewed: Duration,
}

impl Lease {
    /// Registers this process as a new incarnation, as soon as the database answers.
    pub(super) async fn take(
        queue: Queue,
        options: RunnerOptions,
        running: Arc<Running>,
    ) -> Result<Self, QueueError> {
        let held = loop {
            match register(&queue, &options).await {
                Err(error) if error.is_transient() => {
                    let error = ErrorChain::line(&error);
                    tracing::warn!(error, "the database does not answer yet; trying again");
                    sleep(RENEWAL_RETRY).await;
                }
                held => break held?,
            }
        };
        let hurried = Notify::new();
        let lease = Lease { queue, options, running, held: Mutex::new(held), hurried };
        // The guard hears of an incarnation before that can claim anything.
        lease.hold(held);
        Ok(lease)
    }

    /// The incarnation that may claim, unless this worker must regard its lease as over.
    pub(super) fn current(&self) -> Option<Incarnation> {
        (self.age() < self.options.fence_after).then(|| self.last())
    }

    /// The last incarnation, whether or not its lease still stands.
    pub(super) fn last(&self) -> Incarnation {
        self.held().who
    }

    /// Renews at once: somebody was told that the lease is gone.
    pub(super) fn hurry(&self) {
        self.hurried.notify_one();
    }

    /// Renews, and watches over being late, for ever.
    pub(super) async fn keep(&self) {
        tokio::join!(self.keep_renewing(), self.keep_watching());
    }

    /// Signs off: nothing runs any more, or what does is taken over at once.
    pub(super) async fn leave(&self) {
        let leaving = async {
            match self.running.len() {
                // Nothing should be held; what is, nobody works on.
                0 => self.queue.give_back(self.last()).await,
                _ => self.queue.retire(self.last()).await,
            }
        };
        let error = match timeout(LEAVE_TIMEOUT, leaving).await {
            Ok(Ok(())) => return self.beat(|heartbeat| heartbeat.left()),
            Ok(Err(error)) => ErrorChain::line(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        tracing::warn!(error, "could not sign off; the lease ends by itself");
    }

    async fn keep_renewing(&self) {
        let mut pause = self.options.renew_every;
        loop {
            tokio::select! {
                () = sleep(pause) => {}
                () = self.hurried.notified() => {}
            }
            pause = match timeout(RENEWAL_TIMEOUT, self.renew()).await {
                Ok(Ok(())) => self.options.renew_every,
                Ok(Err(QueueError::Fenced)) => self.begin_anew().await,
                Ok(Err(error)) => {
                    let error = ErrorChain::line(&error);
                    tracing::warn!(error, "the lease was not renewed; trying again");
                    RENEWAL_RETRY
                }
                Err(_) => {
                    tracing::warn!("the lease was not renewed in time; trying again");
                    // The connection may lead nowhere.
                    self.queue.drop_idle_connections();
                    Duration::ZERO
                }
            };
        }
    }

    async fn renew(&self) -> Result<(), QueueError> {
        let (renewed, who) = (boot_clock(), self.last());
        let called_off = self.queue.renew(who).await?;
        for event in called_off {
            self.running.stop(event, Why::CalledOff);
        }
        self.hold(Held { who, renewed });
        Ok(())
    }

    /// The lease was taken away: what ran under it ends before the next begins. Returns the pause
    /// before the next renewal.
    async fn begin_anew(&self) -> Duration {
        tracing::error!(worker = self.last().id, "the lease was taken away; dropping its jobs");
        self.give_up();
        // Whoever blocks its thread is not waited for; its writes are refused.
        let _ = timeout(GONE, self.running.emptied()).await;
        match timeout(RENEWAL_TIMEOUT, register(&self.queue, &self.options)).await {
            Ok(Ok(held)) => {
                tracing::info!(worker = held.who.id, "took a new lease");
                self.hold(held);
                return self.options.renew_every;
            }
            Ok(Err(error)) => {
                let error = ErrorChain::line(&error);
                tracing::warn!(error, "could not register anew; trying again");
            }
            Err(_) => self.queue.drop_idle_connections(),
        }
        RENEWAL_RETRY
    }

    /// Ends the jobs of a lease that cannot be renewed in time. What they held is given back,
    /// uncharged, when the database returns; what they had finished before is settled then.
    async fn keep_watching(&self) {
        let mut told = false;
        loop {
            sleep(LOOK.min(self.options.fence_after / 2)).await;
            if self.current().is_some() {
                told = false;
                continue;
            }
            let jobs = self.running.len();
            if jobs > 0 && !told {
                tracing::error!(jobs, "the lease cannot be renewed; dropping its jobs");
                told = true;
            }
            self.give_up();
            if self.running.len() == 0 {
                self.beat(|heartbeat| heartbeat.idle());
            }
        }
    }

    /// Drops every handler where it stands: whatever it still did, nobody may see.
    fn give_up(&self) {
        self.running.stop_all(Why::Fenced);
        self.running.kill_all();
    }

    /// How long ago the last successful renewal was sent.
    fn age(&self) -> Duration {
        boot_clock().saturating_sub(self.held().renewed)
    }

    fn held(&self) -> Held {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, held: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
        self.beat(|heartbeat| heartbeat.renewed(held.who, held.renewed));
    }

    fn beat(&self, say: impl FnOnce(&dyn Heartbeat)) {
        if let Some(heartbeat) = &self.options.heartbeat {
            say(heartbeat.as_ref());
        }
    }
}

async fn register(queue: &Queue, options: &RunnerOptions) -> Result<Held, QueueError> {
    let renewed = boot_clock();
    let who = queue.register(&options.name, &options.version, options.slots).await?;
    Ok(Held { who, renewed })
}
