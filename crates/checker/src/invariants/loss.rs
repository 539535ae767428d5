//! 1: no acknowledged event is lost.

use crate::facts::EventFact;
use crate::finding::Finding;

/// What an enqueuer saw committed is in the log, and the work owed to it ended.
#[derive(Debug)]
pub(crate) struct Loss {
    pub(crate) finding: Finding,
    pub(crate) lost: u64,
}

impl Loss {
    pub(crate) fn new() -> Self {
        Self { finding: Finding::new(1, "no acknowledged event is lost"), lost: 0 }
    }

    /// An event that was acknowledged. One whose job is live still is not lost: liveness judges it.
    pub(crate) fn acknowledged(&mut self, event: i64, fact: EventFact) {
        let held = fact.in_log && (!fact.owed || fact.made > 0);
        self.lost += u64::from(!held);
        self.finding.check(held, || {
            let what = if fact.in_log { "has no job" } else { "is not in the log" };
            format!("event {event} was acknowledged and {what}")
        });
    }
}
