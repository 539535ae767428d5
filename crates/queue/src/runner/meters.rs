//! The worker's figures. The handles are made once: looking one up by name costs more than all else
//! that a job without work costs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};

/// What a worker measures.
pub(super) struct Meters {
    pub(super) claims: Counter,
    pub(super) exchange_seconds: Histogram,
    busy: Gauge,
    outcomes: Mutex<Vec<OutcomeMeters>>,
}

struct OutcomeMeters {
    word: &'static str,
    attempts: Counter,
    seconds: Histogram,
}

impl Meters {
    pub(super) fn new(slots: u32) -> Self {
        metrics::gauge!("worker_slots").set(f64::from(slots));
        Meters {
            claims: metrics::counter!("worker_claims_total"),
            exchange_seconds: metrics::histogram!("worker_claim_seconds"),
            busy: metrics::gauge!("worker_slots_busy"),
            outcomes: Mutex::default(),
        }
    }

    /// A handler begins.
    pub(super) fn begun(&self) {
        self.busy.increment(1.0);
    }

    /// A handler has reported.
    pub(super) fn ended(&self, word: &'static str, took: Duration) {
        self.busy.decrement(1.0);
        let mut outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = outcomes.iter().position(|outcome| outcome.word == word);
        let index = known.unwrap_or_else(|| {
            outcomes.push(OutcomeMeters {
                word,
                attempts: metrics::counter!("worker_attempts_total", "outcome" => word),
                seconds: metrics::histogram!("worker_attempt_seconds", "outcome" => word),
            });
            outcomes.len() - 1
        });
        if let Some(meters) = outcomes.get(index) {
            meters.attempts.increment(1);
            meters.seconds.record(took);
        }
    }
}
