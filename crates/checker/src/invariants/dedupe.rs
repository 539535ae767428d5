//! 3: one run chain for each logical key.

use crate::facts::Facts;
use crate::finding::Finding;

/// One key leads to one event, and one logical key to one chain of runs.
#[derive(Debug)]
pub(crate) struct Dedupe {
    pub(crate) finding: Finding,
    pub(crate) duplicated: u64,
    /// Hashes of logical keys with the events that offers under them led to.
    offered: Vec<(u64, i64)>,
}

impl Dedupe {
    pub(crate) fn new() -> Self {
        let finding = Finding::new(3, "one run chain for each logical key");
        Self { finding, duplicated: 0, offered: Vec::new() }
    }

    /// A delivery key was acknowledged as one event; the table has it, or not, as another.
    pub(crate) fn acknowledged(&mut self, key: &str, event: i64, delivered: Option<i64>) {
        self.finding.check(delivered.is_none_or(|delivered| delivered == event), || {
            format!("key {key} was acknowledged as event {event} and leads to {delivered:?}")
        });
    }

    /// An offer under a logical key led to an event.
    pub(crate) fn offered(&mut self, logical: u64, event: i64) {
        self.offered.push((logical, event));
    }

    /// All offers are known: no logical key has led to two events with jobs.
    pub(crate) fn compare(&mut self, facts: &Facts) {
        self.offered.sort_unstable();
        self.offered.dedup();
        let has_chain = |event: &i64| facts.events.get(event).is_some_and(|fact| fact.made > 0);
        for same in self.offered.chunk_by(|one, other| one.0 == other.0) {
            let chains: Vec<i64> = same.iter().map(|(_, event)| *event).filter(has_chain).collect();
            self.duplicated += u64::from(chains.len() > 1);
            self.finding.check(chains.len() <= 1, || {
                format!("one logical key has the run chains of the events {chains:?}")
            });
        }
        self.offered = Vec::new();
    }
}
