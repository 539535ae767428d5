//! The one puller of a process: claims for all its free slots and runs what it claimed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event::ErrorChain;
use queue::{Claim, Incarnation};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::desk::Desk;
use crate::job;
use crate::lease::Lease;
use crate::stop::{Running, Why};

/// A hint may be lost; this often a puller looks without one.
const POLL: Duration = Duration::from_secs(1);

/// How long jobs that were told to stop may take to obey: a post that is under way ends first.
const OBEY: Duration = Duration::from_secs(20);

/// The slots of one process and what runs in them.
pub(crate) struct Pool {
    pub(crate) desk: Arc<Desk>,
    pub(crate) lease: Arc<Lease>,
    pub(crate) running: Arc<Running>,
    pub(crate) hard: CancellationToken,
    slots: Arc<Semaphore>,
    slots_max: u32,
    /// A settled job may have made its lane's next one ready.
    settled: Arc<Notify>,
    tasks: TaskTracker,
}

impl Pool {
    pub(crate) fn new(
        desk: Arc<Desk>,
        lease: Arc<Lease>,
        slots_max: u32,
        hard: CancellationToken,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(slots_max as usize));
        let running = Arc::new(Running::default());
        let settled = Arc::new(Notify::new());
        Pool { desk, lease, running, hard, slots, slots_max, settled, tasks: TaskTracker::new() }
    }

    /// Claims until `soft`. Each round registers its interest in hints, then looks.
    pub(crate) async fn pull(&self, mut hints: watch::Receiver<u64>, soft: &CancellationToken) {
        while let Some(mut free) = soft.run_until_cancelled(self.free_slots()).await {
            hints.borrow_and_update();
            let (wanted, who) = (free.len(), self.lease.current());
            let claims = self.claim(who, wanted).await;
            let claimed = claims.len();
            for claim in claims {
                let Some(slot) = free.pop() else { break };
                self.start(claim, who, slot);
            }
            drop(free);
            if claimed < wanted {
                tokio::select! {
                    () = soft.cancelled() => return,
                    _ = hints.changed() => {}
                    () = self.settled.notified() => {}
                    () = sleep(POLL) => {}
                }
            }
        }
    }

    /// Lets what runs finish for `grace`, then tells it to stop; reports what did not obey.
    pub(crate) async fn drain(&self, grace: Duration) -> usize {
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => return 0,
            () = self.hard.cancelled() => {}
            () = sleep(grace) => {}
        }
        tracing::warn!(jobs = self.running.len(), "the grace is over; giving jobs back");
        self.running.stop_all(Why::Drain);
        let _ = tokio::time::timeout(OBEY, self.tasks.wait()).await;
        self.running.len()
    }

    /// Every slot that is free now; at least one.
    async fn free_slots(&self) -> Vec<OwnedSemaphorePermit> {
        let Ok(first) = Arc::clone(&self.slots).acquire_owned().await else {
            unreachable!("nobody closes the slots")
        };
        let more = std::iter::from_fn(|| Arc::clone(&self.slots).try_acquire_owned().ok());
        std::iter::once(first).chain(more).collect()
    }

    async fn claim(&self, who: Option<Incarnation>, limit: usize) -> Vec<Claim> {
        let Some(who) = who else { return Vec::new() };
        let begun = Instant::now();
        match self.desk.queue.claim(who, limit).await {
            Ok(claims) => {
                metrics::histogram!("worker_claim_seconds").record(begun.elapsed());
                metrics::counter!("worker_claims_total").increment(claims.len() as u64);
                claims
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "nothing could be claimed; trying again");
                Vec::new()
            }
        }
    }

    fn start(&self, claim: Claim, who: Option<Incarnation>, slot: OwnedSemaphorePermit) {
        let span = tracing::info_span!(
            "job",
            event_id = claim.event.id.0,
            kind = claim.kind,
            generation = claim.generation,
            attempt = claim.attempt,
            correlation_id = %claim.correlation_id,
        );
        let (stop, entry) = self.running.enter(claim.event.id, claim.token);
        // The lease may have been given up while the claim's answer was on its way. Looked at only
        // now, so that the attempt is either not begun or dropped with the others.
        if self.lease.current() != who {
            return;
        }
        let (desk, hard) = (Arc::clone(&self.desk), self.hard.clone());
        let settled = Arc::clone(&self.settled);
        let slots_max = f64::from(self.slots_max);
        metrics::gauge!("worker_slots").set(slots_max);
        metrics::gauge!("worker_slots_busy").increment(1.0);
        let task = async move {
            let work = job::work(&desk, &claim, &stop, &hard);
            if stop.dropped().run_until_cancelled(work).await.is_none() {
                tracing::warn!("the lease is gone; the attempt is dropped where it stood");
            }
            metrics::gauge!("worker_slots_busy").decrement(1.0);
            drop((entry, slot));
            settled.notify_one();
        };
        self.tasks.spawn(task.instrument(span));
    }
}
