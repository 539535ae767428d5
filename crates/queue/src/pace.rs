//! How often a process does what several calls would each like to have done.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::stepping;

/// Such work takes at most one part in so many of the time, however dear it has become.
const SHARE: u32 = 50;

/// A pace, shared by all clones of a queue.
#[derive(Clone)]
pub(crate) struct Pace {
    every: Duration,
    next: Arc<Mutex<Option<Instant>>>,
}

impl Pace {
    /// At most once in `every`.
    pub(crate) fn new(every: Duration) -> Self {
        Pace { every, next: Arc::default() }
    }

    /// Whether it is time; who is told so does it.
    pub(crate) fn is_due(&self) -> bool {
        if stepping::is_gated() {
            return false;
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = next.is_none_or(|at| now >= at);
        if due {
            *next = Some(now + self.every);
        }
        due
    }

    /// How long it took.
    pub(crate) fn took(&self, duration: Duration) {
        let pause = (duration * SHARE).max(self.every);
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_told_and_dear_work_comes_seldom() {
        let pace = Pace::new(Duration::ZERO);
        assert!(pace.is_due());
        pace.took(Duration::from_secs(60));
        assert!(!pace.is_due());
        let pace = Pace::new(Duration::from_secs(3600));
        assert!(pace.is_due());
        assert!(!pace.is_due());
    }
}
