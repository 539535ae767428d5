//! 6: attempts stay within the limit, and are counted rightly.

use crate::facts::{End, Facts};
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::Op;
use crate::timeline::JobChange;

/// The column says what we count: claims less those that were given back. It never exceeds the limit.
#[derive(Debug)]
pub(crate) struct Attempts {
    pub(crate) finding: Finding,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { finding: Finding::new(6, "attempts are counted and stay within the limit") }
    }

    pub(crate) fn job(&mut self, told: &JobChange<'_>) {
        // What a deleted row has in this column is what the run had; the outcome is judged below.
        if told.change.op == Op::Delete || !(told.is_claim() || told.ends_run().is_some()) {
            return;
        }
        let (row, charged) = (told.row, told.charged());
        self.finding.check(row.attempts == charged, || {
            format!(
                "event {} counts {} attempts at seq {} and has had {charged}",
                row.event, row.attempts, told.change.seq
            )
        });
    }

    pub(crate) fn close(&mut self, run: &Run, facts: &Facts) {
        let mut refunded = 0;
        for attempt in facts.attempts.iter().filter(|attempt| attempt.claimed) {
            refunded += u64::from(attempt.end.is_refunded());
        }
        self.finding.count("refunded", refunded);
        for outcome in &facts.outcomes {
            let kind = facts.kind(outcome);
            let limit = run.attempts_max(kind);
            self.finding.check(outcome.attempts <= limit, || {
                format!(
                    "event {} of kind {kind} had {} attempts of at most {limit}",
                    outcome.event, outcome.attempts
                )
            });
            self.finding.count("dead", u64::from(outcome.state == End::Dead));
        }
    }
}
