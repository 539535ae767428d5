//! What the handlers of one driver have done so far.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::sync::Notify;

/// Starts that are kept; more are not needed for any percentile.
const STARTS_MAX: usize = 200_000;

/// The monotonic clock of the machine.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// The handlers' account.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    think_ms: AtomicU64,
    record_from: AtomicU64,
    done: AtomicU64,
    /// The count whose time is wanted, and that time.
    wanted: AtomicU64,
    reached_ns: AtomicU64,
    reached: Notify,
    starts: Mutex<Vec<(u64, u64)>>,
}

impl Seen {
    /// Sets what handlers do from now on.
    pub(crate) fn set(&self, think_ms: u64, record_from: u64) {
        self.think_ms.store(think_ms, Ordering::Relaxed);
        self.record_from.store(record_from, Ordering::Relaxed);
    }

    /// A job's whole handler.
    pub(crate) async fn handle(&self, n: u64) {
        self.started(n);
        let think_ms = self.think_ms.load(Ordering::Relaxed);
        if think_ms > 0 {
            tokio::time::sleep(Duration::from_millis(think_ms)).await;
        }
        self.ended();
    }

    fn started(&self, n: u64) {
        if n < self.record_from.load(Ordering::Relaxed) {
            return;
        }
        let at_ns = now_ns();
        if let Ok(mut starts) = self.starts.lock()
            && starts.len() < STARTS_MAX
        {
            starts.push((n, at_ns));
        }
    }

    fn ended(&self) {
        let done = self.done.fetch_add(1, Ordering::AcqRel) + 1;
        if done == self.wanted.load(Ordering::Acquire) {
            self.reached_ns.store(now_ns(), Ordering::Release);
            self.reached.notify_waiters();
        }
    }

    /// How many handlers have ended.
    pub(crate) fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// Waits until `wanted` handlers have ended. Answers how many have, and when the last wanted one
    /// did; or the time now, if it did before this was asked or did not in time.
    pub(crate) async fn wait(&self, wanted: u64, within: Duration) -> (u64, u64) {
        self.reached_ns.store(0, Ordering::Release);
        let reached = self.reached.notified();
        tokio::pin!(reached);
        // Registered before the look, so that an end in between is not missed.
        reached.as_mut().enable();
        self.wanted.store(wanted, Ordering::Release);
        if self.done() < wanted {
            let _ = tokio::time::timeout(within, reached).await;
        }
        let at_ns = match self.reached_ns.load(Ordering::Acquire) {
            0 => now_ns(),
            reached_ns => reached_ns,
        };
        (self.done(), at_ns)
    }

    /// Takes the recorded starts.
    pub(crate) fn take_starts(&self) -> Vec<(u64, u64)> {
        self.starts.lock().map(|mut starts| std::mem::take(&mut *starts)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn the_wanted_end_is_waited_for_and_only_asked_starts_are_kept() {
        let seen = Arc::new(Seen::default());
        seen.set(0, 2);
        let waiting = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move { seen.wait(3, Duration::from_secs(30)).await }
        });
        for n in 0..3 {
            seen.handle(n).await;
        }
        let (done, at_ns) = waiting.await.expect("no panic");
        assert_eq!(done, 3);
        assert!(at_ns <= now_ns());
        assert_eq!(seen.take_starts().iter().map(|(n, _)| *n).collect::<Vec<_>>(), [2]);
        assert!(seen.take_starts().is_empty());
    }
}
