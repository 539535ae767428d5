//! What was reported and is not settled yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::Finished;

/// Between the handlers, which fill it, and the puller, which empties it into its exchanges.
#[derive(Default)]
pub(super) struct Outbox {
    finished: Mutex<VecDeque<Finished>>,
    rung: Notify,
}

impl Outbox {
    /// Puts an outcome in; [`Outbox::ring`] says when it is worth an exchange.
    pub(super) fn put(&self, finished: Finished) {
        self.finished().push_back(finished);
    }

    /// Puts back what an exchange may not have settled: first in line again.
    pub(super) fn put_back(&self, finished: Vec<Finished>) {
        let mut waiting = self.finished();
        finished.into_iter().rev().for_each(|one| waiting.push_front(one));
    }

    /// Takes the oldest, `max` at most.
    pub(super) fn take(&self, max: usize) -> Vec<Finished> {
        let mut waiting = self.finished();
        let count = waiting.len().min(max);
        waiting.drain(..count).collect()
    }

    /// Wakes the puller.
    pub(super) fn ring(&self) {
        self.rung.notify_one();
    }

    /// Waits for the next ring; one that came before counts.
    pub(super) async fn rung(&self) {
        self.rung.notified().await;
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.finished().len()
    }

    fn finished(&self) -> MutexGuard<'_, VecDeque<Finished>> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
