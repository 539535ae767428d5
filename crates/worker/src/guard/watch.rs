//! When a worker has been silent for too long. Pure.

use std::time::Duration;

use event::limits::LEASE_KILL;
use queue::Incarnation;

use super::beat::Beat;

/// What the guard knows of its worker's lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Watch {
    /// Its last incarnation, unless that signed off.
    pub(super) who: Option<Incarnation>,
    /// When it asked for its last renewal, on the boot clock; `None` while it holds nothing.
    renewed_at: Option<Duration>,
}

impl Watch {
    /// Takes a word of the worker's into account.
    pub(super) fn hear(&mut self, beat: Beat) {
        match beat {
            Beat::Renewed { who, asked_at } => {
                *self = Watch { who: Some(who), renewed_at: Some(asked_at) };
            }
            Beat::Idle => self.renewed_at = None,
            Beat::Left => *self = Watch::default(),
        }
    }

    /// How long ago the last renewal was asked for, if that is too long.
    pub(super) fn overdue(&self, now: Duration) -> Option<Duration> {
        let silent = now.saturating_sub(self.renewed_at?);
        (silent >= LEASE_KILL).then_some(silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: Incarnation = Incarnation { id: 7 };

    fn renewed(asked_at_s: u64) -> Beat {
        Beat::Renewed { who: WHO, asked_at: Duration::from_secs(asked_at_s) }
    }

    fn heard(beats: &[Beat]) -> Watch {
        let mut watch = Watch::default();
        beats.iter().for_each(|beat| watch.hear(*beat));
        watch
    }

    #[test]
    fn silence_counts_from_the_last_renewal() {
        let watch = heard(&[renewed(100), renewed(110)]);
        assert_eq!(watch.overdue(Duration::from_secs(129)), None);
        assert_eq!(watch.overdue(Duration::from_secs(130)), Some(LEASE_KILL));
    }

    #[test]
    fn whoever_holds_nothing_may_be_silent() {
        let late = Duration::from_secs(1_000_000);
        for beats in [&[][..], &[renewed(1), Beat::Idle], &[renewed(1), Beat::Left]] {
            assert_eq!(heard(beats).overdue(late), None, "{beats:?}");
        }
        assert!(heard(&[renewed(1), Beat::Idle, renewed(2)]).overdue(late).is_some());
    }

    #[test]
    fn a_worker_that_did_not_sign_off_is_to_be_reported() {
        assert_eq!(heard(&[renewed(1), Beat::Idle]).who, Some(WHO));
        assert_eq!(heard(&[renewed(1), Beat::Left]).who, None);
    }
}
