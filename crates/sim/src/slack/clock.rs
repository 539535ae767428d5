//! The clock of the local Slack: the system's, or one that stands still until a test moves it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

/// Where every time in the local Slack comes from; clones share one time.
///
/// Message timestamps, acknowledgement deadlines, redeliveries, the life of sockets and streams and
/// the rate limits all follow it. Both kinds can be moved forward, neither moves back.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// `None` follows the system's clock.
    stands_at_us: Option<i64>,
    advanced_us: AtomicI64,
    moved: watch::Sender<()>,
}

impl Clock {
    /// Follows the system's clock.
    #[must_use]
    pub fn real() -> Self {
        Self::new(None)
    }

    /// Stands at the present until [`Clock::advance`] moves it.
    #[must_use]
    pub fn test() -> Self {
        Self::new(Some(system_us()))
    }

    /// Stands at `unix_seconds` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn test_at(unix_seconds: i64) -> Self {
        Self::new(Some(unix_seconds * 1_000_000))
    }

    fn new(stands_at_us: Option<i64>) -> Self {
        Self(Arc::new(Inner {
            stands_at_us,
            advanced_us: AtomicI64::new(0),
            moved: watch::Sender::new(()),
        }))
    }

    /// Whether time passes only through [`Clock::advance`].
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.0.stands_at_us.is_some()
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        let base = self.0.stands_at_us.unwrap_or_else(system_us);
        base + self.0.advanced_us.load(Ordering::Acquire)
    }

    /// Moves the clock forward and wakes whoever waits for a time that has now come.
    pub fn advance(&self, by: Duration) {
        self.0.advanced_us.fetch_add(micros(by), Ordering::AcqRel);
        self.0.moved.send_replace(());
    }

    /// Waits until the clock shows `at_us`.
    pub async fn sleep_until_us(&self, at_us: i64) {
        // Register interest before looking, so that an advance in between is not missed.
        let mut moved = self.0.moved.subscribe();
        loop {
            let left_us = at_us.saturating_sub(self.now_us());
            let Ok(left_us) = u64::try_from(left_us) else { return };
            if left_us == 0 {
                return;
            }
            if self.is_test() {
                // The sender lives as long as this clock, so an error cannot come.
                let _ = moved.changed().await;
            } else {
                let _ = tokio::time::timeout(Duration::from_micros(left_us), moved.changed()).await;
            }
        }
    }
}

/// A duration in microseconds, the unit of every time in the local Slack.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX / 4)
}

fn system_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_test_clock_stands_until_it_is_advanced() {
        let clock = Clock::test_at(1_000);
        let waiting = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until_us(1_060_000_000).await }
        });
        clock.advance(Duration::from_secs(59));
        assert_eq!(clock.now_us(), 1_059_000_000);
        assert!(!waiting.is_finished());
        clock.advance(Duration::from_secs(1));
        waiting.await.unwrap();
    }
}
