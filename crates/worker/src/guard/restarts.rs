//! How soon a worker that died is started again. Pure.

use std::time::Duration;

/// The pause before the first restart, jitter aside.
const PAUSE_FIRST: Duration = Duration::from_millis(200);

/// No pause is longer.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A worker that lived this long was healthy: its death is counted as the first again.
const HEALTHY_AFTER: Duration = Duration::from_secs(60);

const _: () = assert!(PAUSE_FIRST.as_millis() < PAUSE_MAX.as_millis());

/// Deaths in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Restarts {
    deaths: u32,
}

impl Restarts {
    /// The pause after a life of this length: doubling from [`PAUSE_FIRST`], half of it fixed and
    /// the other half times `jitter`, which is uniform in [0, 1).
    pub(super) fn pause(&mut self, lived: Duration, jitter: f64) -> Duration {
        if lived >= HEALTHY_AFTER {
            self.deaths = 0;
        }
        let full = PAUSE_FIRST.saturating_mul(1 << self.deaths.min(16)).min(PAUSE_MAX);
        self.deaths = self.deaths.saturating_add(1);
        full / 2 + (full / 2).mul_f64(jitter.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRIEF: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_grow_up_to_the_bound() {
        let mut restarts = Restarts::default();
        let pauses: Vec<Duration> = (0..40).map(|_| restarts.pause(BRIEF, 1.0)).collect();
        assert_eq!(pauses[0], PAUSE_FIRST);
        assert!(pauses.is_sorted());
        assert_eq!(pauses.last(), Some(&PAUSE_MAX));
    }

    #[test]
    fn jitter_moves_at_most_half_of_a_pause() {
        assert_eq!(Restarts::default().pause(BRIEF, 0.0), PAUSE_FIRST / 2);
    }

    #[test]
    fn a_healthy_minute_forgives() {
        let mut restarts = Restarts::default();
        (0..10).for_each(|_| {
            restarts.pause(BRIEF, 1.0);
        });
        assert_eq!(restarts.pause(HEALTHY_AFTER, 1.0), PAUSE_FIRST);
    }
}
