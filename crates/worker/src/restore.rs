//! Watches whether the database is still the one that it was, and holds the fleet when it is not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event::ErrorChain;
use queue::{Lineage, Queue, QueueError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often each worker looks; a promotion is also seen by every intent to post.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Whether the fleet was held when this process last looked.
#[derive(Debug, Default)]
pub(crate) struct Held(AtomicBool);

impl Held {
    pub(crate) fn stands(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Looks once; also before the first claim.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn look(&self, queue: &Queue, seen: &mut Lineage) -> Result<(), QueueError> {
        let held = queue.look_for_restore(seen).await?;
        self.0.store(held, Ordering::Relaxed);
        metrics::gauge!("worker_held").set(f64::from(u8::from(held)));
        Ok(())
    }
}

/// Looks until `ended`; while the database is away there is nothing to see.
pub(crate) async fn run(queue: &Queue, held: &Held, mut seen: Lineage, ended: &CancellationToken) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = held.look(queue, &mut seen).await {
            tracing::debug!(error = %ErrorChain::line(&error), "could not look whether the database was restored");
        }
    }
}
