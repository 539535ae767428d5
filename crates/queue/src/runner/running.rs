//! The register of the jobs that run now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use event::{EventId, Token};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::stop::{Stop, Why};

/// The jobs that this process runs now.
#[derive(Debug, Default)]
pub(super) struct Running {
    register: Mutex<Register>,
    emptied: Notify,
}

#[derive(Debug, Default)]
struct Register {
    /// By token: a fenced attempt may still wind down when the same event is claimed again here.
    jobs: HashMap<Token, (EventId, Stop)>,
    /// What drops the handlers of those that are in the register now.
    kill: CancellationToken,
}

impl Running {
    /// Enters a job; the entry takes it out again when it is dropped.
    pub(super) fn enter(self: &Arc<Self>, event: EventId, token: Token) -> Entry {
        let stop = Stop::default();
        let kill = self.with(|register| {
            register.jobs.insert(token, (event, stop.clone()));
            register.kill.clone()
        });
        Entry { running: Arc::clone(self), token, stop, kill }
    }

    /// Tells one job to stop, if it runs here.
    pub(super) fn stop(&self, event: EventId, why: Why) {
        self.with(|register| {
            let attempts = register.jobs.values().filter(|(running, _)| *running == event);
            attempts.for_each(|(_, stop)| stop.order(why));
        });
    }

    /// Tells every job to stop.
    pub(super) fn stop_all(&self, why: Why) {
        self.with(|register| register.jobs.values().for_each(|(_, stop)| stop.order(why)));
    }

    /// Drops the handler of every job that runs now, at its next await.
    pub(super) fn kill_all(&self) {
        let kill = self.with(|register| std::mem::take(&mut register.kill));
        kill.cancel();
    }

    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.with(|register| register.jobs.len())
    }

    /// Waits until none runs.
    pub(super) async fn emptied(&self) {
        loop {
            // Created before the look, it hears whatever comes after it.
            let emptied = self.emptied.notified();
            if self.len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// A task that panics while it holds the register leaves it whole: every change is one call.
    fn with<T>(&self, work: impl FnOnce(&mut Register) -> T) -> T {
        work(&mut self.register.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A job's place in the register, left when dropped.
#[derive(Debug)]
pub(super) struct Entry {
    running: Arc<Running>,
    token: Token,
    pub(super) stop: Stop,
    pub(super) kill: CancellationToken,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let left = self.running.with(|register| {
            register.jobs.remove(&self.token);
            register.jobs.len()
        });
        if left == 0 {
            self.running.emptied.notify_waiters();
        }
    }
}

/// Whoever drops the run drops what it runs.
pub(super) struct KillOnDrop(pub(super) Arc<Running>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.0.kill_all();
    }
}

#[cfg(test)]
mod tests {
    use event::Outcome;

    use super::*;

    #[test]
    fn the_first_reason_stands() {
        let running = Arc::new(Running::default());
        let entry = running.enter(EventId(1), Token(1));
        running.stop(EventId(1), Why::CalledOff);
        running.stop_all(Why::Drain);
        assert_eq!(entry.stop.why(), Some(Why::CalledOff));
        assert_eq!(entry.stop.outcome(), Outcome::Cancelled);
    }

    #[test]
    fn a_job_leaves_the_register_with_its_entry() {
        let running = Arc::new(Running::default());
        let entry = running.enter(EventId(1), Token(1));
        assert_eq!(running.len(), 1);
        let stop = entry.stop.clone();
        drop(entry);
        assert_eq!(running.len(), 0);
        running.stop_all(Why::Drain);
        assert_eq!(stop.why(), None);
    }

    #[test]
    fn an_attempt_that_winds_down_takes_no_later_one_along() {
        let running = Arc::new(Running::default());
        let old = running.enter(EventId(1), Token(1));
        let entry = running.enter(EventId(1), Token(2));
        drop(old);
        running.stop(EventId(1), Why::CalledOff);
        assert_eq!(entry.stop.why(), Some(Why::CalledOff));
    }

    #[test]
    fn a_kill_spares_what_comes_after_it() {
        let running = Arc::new(Running::default());
        let before = running.enter(EventId(1), Token(1));
        running.kill_all();
        let after = running.enter(EventId(2), Token(2));
        assert!(before.kill.is_cancelled());
        assert!(!after.kill.is_cancelled());
    }
}
