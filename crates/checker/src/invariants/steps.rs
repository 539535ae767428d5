//! 9: one immutable result for each step, and no call that a saved one makes needless.

use crate::facts::hash;
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::{Change, Op, StepRow};
use crate::input::journals::OutsideLine;
use crate::input::tables::StepLine;
use crate::refusal::Refusal;
use crate::timeline::World;

/// A step by its place: event, generation, number.
type StepPlace = (i64, i32, i32);

/// A step that has its result.
#[derive(Debug)]
struct Saved {
    place: StepPlace,
    /// Of the attempt that saved it; a replay's copy has none that counts.
    token: i64,
    result: u64,
}

/// A call that the outside saw.
#[derive(Debug)]
struct Call {
    place: StepPlace,
    token: i64,
    result: Option<u64>,
    /// It must never be made twice, whatever happened.
    once: bool,
}

/// A saved result never changes; everybody is told the same; what was saved is what the outside
/// answered. An attempt calls at most once for a step, none calls after it was saved, and what is not
/// idempotent is called at most once ever.
#[derive(Debug)]
pub(crate) struct Steps {
    pub(crate) finding: Finding,
    saved: Vec<Saved>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        let name = "one immutable result for each step, and no needless call";
        Self { finding: Finding::new(9, name), saved: Vec::new() }
    }

    pub(crate) fn step(&mut self, world: &World, row: &StepRow, change: &Change) {
        let Some(result) = row.result.as_deref().filter(|_| change.op != Op::Delete) else {
            return;
        };
        let live = world.jobs.get(&row.event);
        let before =
            live.and_then(|live| live.steps.iter().find(|(number, _)| *number == row.number));
        self.finding.check(before.is_none_or(|(_, before)| *before == hash(result)), || {
            format!(
                "event {}: the result of step {} changed (seq {})",
                row.event, row.number, change.seq
            )
        });
    }

    pub(crate) fn read_table(&mut self, run: &Run) -> Result<(), Refusal> {
        run.each_of("steps", |line| {
            let row: StepLine<'_> = line.parse()?;
            if let Some(result) = row.result {
                let token = row.token.filter(|_| row.copied_from.is_none()).unwrap_or(0);
                let place = (row.event, row.generation, row.number);
                self.saved.push(Saved { place, token, result: hash(result.get()) });
            }
            Ok(())
        })?;
        self.saved.sort_unstable_by_key(|saved| saved.place);
        Ok(())
    }

    fn saved(&self, place: StepPlace) -> Option<&Saved> {
        let at = self.saved.binary_search_by_key(&place, |saved| saved.place).ok()?;
        self.saved.get(at)
    }

    /// A worker was told a result, or that its own stands.
    pub(crate) fn told(&mut self, event: i64, generation: i32, number: i32, result: &str) {
        let saved = self.saved((event, generation, number)).map(|saved| saved.result);
        self.finding.check(saved == Some(hash(result)), || {
            let what = if saved.is_some() { "another result is" } else { "none is" };
            format!("event {event}: a worker was told a result of step {number} and {what} saved")
        });
    }

    pub(crate) fn close(&mut self, run: &Run) -> Result<(), Refusal> {
        let mut calls = Vec::new();
        run.each_in("outside", |line| {
            let call: OutsideLine<'_> = line.parse()?;
            let once = match &*call.class {
                "read" | "keyed" | "natural" => false,
                "once" | "destructive" => true,
                other => return Err(line.place.refuse(format!("no class of a call: {other:?}"))),
            };
            let place = (call.event, call.generation, call.number);
            let result = call.result.as_deref().map(hash);
            calls.push(Call { place, token: call.token, result, once });
            Ok(())
        })?;
        calls.sort_unstable_by_key(|call| (call.place, call.token));
        self.finding.count("calls", calls.len() as u64);
        for calls in calls.chunk_by(|one, other| one.place == other.place) {
            self.judge(calls);
        }
        Ok(())
    }

    /// All calls of one step, by token.
    fn judge(&mut self, calls: &[Call]) {
        let Some(first) = calls.first() else { return };
        let (event, _, number) = first.place;
        if calls.iter().any(|call| call.once) {
            self.finding.check(calls.len() == 1, || {
                format!(
                    "event {event}: step {number} is not idempotent, called {} times",
                    calls.len()
                )
            });
        }
        for same in calls.chunk_by(|one, other| one.token == other.token) {
            self.finding.check(same.len() == 1, || {
                format!("event {event}: one attempt called {} times for step {number}", same.len())
            });
        }
        let Some(saved) = self.saved(first.place) else { return };
        let (saved_by, result) = (saved.token, saved.result);
        let late = calls.iter().find(|call| call.token > saved_by);
        self.finding.check(late.is_none(), || {
            format!("event {event}: step {number} was called again after it was saved")
        });
        let answered = calls.iter().all(|call| call.result.is_none())
            || calls.iter().any(|call| call.result == Some(result));
        self.finding.check(answered, || {
            format!("event {event}: what is saved for step {number} was never answered outside")
        });
    }
}
