//! 12: dead letters carry reason and history; a replay is explicit and audited.

use std::collections::{HashMap, HashSet};

use crate::facts::{End, Facts};
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::Op;
use crate::input::tables::AuditLine;
use crate::refusal::Refusal;
use crate::timeline::{JobChange, Live};

/// Every attempt has its row and every dead letter its reason; a new generation follows an ended one,
/// by an operator's act that says why.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    pub(crate) finding: Finding,
    /// Generations above the first.
    replayed: Vec<(i64, i32)>,
    /// Claims without a row: only those that the end of the run finds standing may lack one.
    unrecorded: HashMap<i64, i64>,
}

impl DeadLetters {
    pub(crate) fn new() -> Self {
        let finding = Finding::new(12, "dead letters carry their history and replays are audited");
        Self { finding, replayed: Vec::new(), unrecorded: HashMap::new() }
    }

    pub(crate) fn job(&mut self, facts: &Facts, told: &JobChange<'_>) {
        let row = told.row;
        if told.is_claim() {
            let token = row.token.unwrap_or(0);
            if facts.attempt(token).is_none() {
                self.unrecorded.insert(token, row.event);
            }
        }
        if told.change.op != Op::Insert || row.generation == 0 {
            return;
        }
        self.replayed.push((row.event, row.generation));
        let before = row.generation - 1;
        let ended = facts.outcome(row.event, before).is_some();
        self.finding.check(ended && told.was.is_none(), || {
            format!(
                "event {}: generation {} follows one that has not ended",
                row.event, row.generation
            )
        });
    }

    pub(crate) fn close(
        &mut self,
        run: &Run,
        facts: &Facts,
        rest: &HashMap<i64, Live>,
    ) -> Result<(), Refusal> {
        for live in rest.values() {
            self.unrecorded.remove(&live.row.token.unwrap_or(0));
        }
        self.finding.checked += facts.claims;
        for (token, event) in &self.unrecorded {
            self.finding.violate(|| format!("event {event}: attempt {token} left no row"));
        }
        let dead = facts.outcomes.iter().filter(|outcome| outcome.state == End::Dead);
        for outcome in dead {
            self.finding.count("dead letters", 1);
            self.finding.check(outcome.has_error, || {
                format!("event {} is dead and nothing says why", outcome.event)
            });
        }
        self.audit(run)
    }

    fn audit(&mut self, run: &Run) -> Result<(), Refusal> {
        let mut acts: HashSet<(i64, i32)> = HashSet::new();
        run.each_of("audit", |line| {
            let row: AuditLine<'_> = line.parse()?;
            if !row.action.starts_with("replay") {
                return Ok(());
            }
            let event = &row.subject["event"];
            let event = event.as_i64().or_else(|| event["id"].as_i64()).unwrap_or(0);
            let generation = row.subject["generation"].as_i64().unwrap_or(0);
            acts.insert((event, i32::try_from(generation).unwrap_or(0)));
            Ok(())
        })?;
        self.finding.count("replays", self.replayed.len() as u64);
        for replay in &self.replayed {
            self.finding.check(acts.contains(replay), || {
                format!("event {}: generation {} has no row in the audit", replay.0, replay.1)
            });
        }
        Ok(())
    }
}
