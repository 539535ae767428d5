//! Why and how a running job is told to stop, and the register of those that run.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use event::{EventId, Outcome, Token};
use tokio_util::sync::CancellationToken;

/// Why a job has to stop before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The process is ending; the job goes back uncharged.
    Drain,
    /// An operator or the asker called it off.
    CalledOff,
}

/// One running job's order to stop. The first reason given stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    token: CancellationToken,
    dropped: CancellationToken,
    why: Arc<OnceLock<Why>>,
}

impl Stop {
    /// The token that long work watches.
    pub(crate) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Cancelled when the attempt is to be dropped where it stands: the lease is gone, and whatever
    /// it would still do, nobody may see.
    pub(crate) fn dropped(&self) -> &CancellationToken {
        &self.dropped
    }

    /// Why it has to stop, once it has to.
    pub(crate) fn why(&self) -> Option<Why> {
        self.why.get().copied()
    }

    /// What an attempt that stopped for this reason reports.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.why() {
            Some(Why::CalledOff) => Outcome::Cancelled,
            Some(Why::Drain) | None => Outcome::Released,
        }
    }

    fn order(&self, why: Why) {
        let _ = self.why.set(why);
        self.token.cancel();
    }
}

/// The jobs that this process runs now.
#[derive(Debug, Default)]
pub(crate) struct Running {
    /// By token: a fenced attempt may still wind down when the same event is claimed again here.
    jobs: Mutex<HashMap<Token, (EventId, Stop)>>,
}

impl Running {
    /// Enters a job; the guard takes it out again when its task ends, however it ends.
    pub(crate) fn enter(self: &Arc<Self>, event: EventId, token: Token) -> (Stop, Entry) {
        let stop = Stop::default();
        self.with(|jobs| jobs.insert(token, (event, stop.clone())));
        (stop, Entry { register: Arc::clone(self), token })
    }

    /// Tells one job to stop, if it runs here.
    pub(crate) fn stop(&self, event: EventId, why: Why) {
        self.with(|jobs| {
            let attempts = jobs.values().filter(|(running, _)| *running == event);
            attempts.for_each(|(_, stop)| stop.order(why));
        });
    }

    /// Tells every job to stop.
    pub(crate) fn stop_all(&self, why: Why) {
        self.with(|jobs| jobs.values().for_each(|(_, stop)| stop.order(why)));
    }

    /// Has every attempt dropped where it stands.
    pub(crate) fn drop_all(&self) {
        self.with(|jobs| jobs.values().for_each(|(_, stop)| stop.dropped.cancel()));
    }

    /// How many run.
    pub(crate) fn len(&self) -> usize {
        self.with(|jobs| jobs.len())
    }

    /// A task that panics while it holds the register leaves it whole: every change is one call.
    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Token, (EventId, Stop)>) -> T) -> T {
        work(&mut self.jobs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Takes its job out of the register when dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    register: Arc<Running>,
    token: Token,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.register.with(|jobs| jobs.remove(&self.token));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stands() {
        let running = Arc::new(Running::default());
        let (stop, _entry) = running.enter(EventId(1), Token(1));
        running.stop(EventId(1), Why::CalledOff);
        running.stop_all(Why::Drain);
        assert_eq!(stop.why(), Some(Why::CalledOff));
        assert_eq!(stop.outcome(), Outcome::Cancelled);
    }

    #[test]
    fn a_job_leaves_the_register_with_its_task() {
        let running = Arc::new(Running::default());
        let (stop, entry) = running.enter(EventId(1), Token(1));
        assert_eq!(running.len(), 1);
        drop(entry);
        assert_eq!(running.len(), 0);
        running.stop_all(Why::Drain);
        assert_eq!(stop.why(), None);
    }

    #[test]
    fn an_attempt_that_winds_down_takes_no_later_one_along() {
        let running = Arc::new(Running::default());
        let (_old_stop, old) = running.enter(EventId(1), Token(1));
        let (stop, _entry) = running.enter(EventId(1), Token(2));
        drop(old);
        running.stop(EventId(1), Why::CalledOff);
        assert_eq!(stop.why(), Some(Why::CalledOff));
    }
}
