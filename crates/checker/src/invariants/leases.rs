//! 7: one holder at a time.

use std::collections::HashMap;

use crate::facts::{AttemptEnd, Facts};
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::State;
use crate::input::journals::WorkerLine;
use crate::timeline::{JobChange, World};

/// A job is taken from its holder only when the lease is over; tokens rise and are never given twice;
/// a worker acts only on what it claimed, once, and gets no more than it asked for.
#[derive(Debug)]
pub(crate) struct Leases {
    pub(crate) finding: Finding,
    held_max: u64,
    held: HashMap<i64, u64>,
    /// Claims that the history left standing, by token: event and holder.
    open: HashMap<i64, (i64, i64)>,
}

impl Leases {
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            finding: Finding::new(7, "one holder at a time, under rising tokens"),
            held_max: run.held_max.unwrap_or(u64::MAX),
            held: HashMap::new(),
            open: HashMap::new(),
        }
    }

    pub(crate) fn job(&mut self, world: &World, facts: &Facts, told: &JobChange<'_>) {
        let (row, seq) = (told.row, told.change.seq);
        let event = row.event;
        if told.ends_run().is_some() {
            self.released(world, told);
        }
        if !told.is_claim() {
            return;
        }
        let token = row.token.unwrap_or(0);
        let before = told.was.map_or(0, |was| was.token);
        self.finding.check(token > before, || {
            format!("event {event} was claimed under token {token} after {before} (seq {seq})")
        });
        let other = facts.attempt(token).and_then(|at| facts.attempts.get(at));
        let given = other.is_some_and(|other| {
            other.claimed || (other.event, other.generation) != (event, row.generation)
        });
        self.finding.check(!given, || {
            format!("token {token} of event {event} was given twice (seq {seq})")
        });
        let Some(holder) = row.holder else {
            self.finding.violate(|| format!("event {event} runs without a holder (seq {seq})"));
            return;
        };
        let held = self.held.entry(holder).or_default();
        *held += 1;
        let (held, most) = (*held, self.held_max);
        if held > most {
            self.finding.violate(|| {
                format!("worker {holder} holds {held} jobs of at most {most} (seq {seq})")
            });
        }
    }

    /// A run ended; if somebody else ended it, the lease must have been over.
    fn released(&mut self, world: &World, told: &JobChange<'_>) {
        let Some(was) = told.was else { return };
        let Some(holder) = was.row.holder else { return };
        if let Some(held) = self.held.get_mut(&holder) {
            *held = held.saturating_sub(1);
        }
        let stolen = told.is_claim() && was.row.state == State::Running;
        if stolen || told.run_end == Some(AttemptEnd::Lost) {
            let over = world.lease_is_over(holder, told.change.at);
            self.finding.count("taken from lost holders", 1);
            self.finding.check(over, || {
                format!(
                    "event {} was taken from worker {holder} while its lease stood (seq {})",
                    told.row.event, told.change.seq
                )
            });
        }
    }

    pub(crate) fn history_over(&mut self, world: &World) {
        for live in world.jobs.values().filter(|live| live.row.state == State::Running) {
            if let (Some(token), Some(holder)) = (live.row.token, live.row.holder) {
                self.open.insert(token, (live.row.event, holder));
            }
        }
    }

    /// A worker says how many jobs it asked for and got.
    pub(crate) fn claimed(&mut self, worker: i64, line: &WorkerLine<'_>) {
        let (Some(asked), Some(got)) = (line.asked, line.got) else { return };
        self.finding.check(got <= asked, || {
            format!("worker {worker} asked for {asked} jobs and got {got}")
        });
    }

    /// A worker begins to handle.
    pub(crate) fn begun(&mut self, facts: &mut Facts, worker: i64, event: i64, token: i64) {
        let known = facts.attempt(token).and_then(|at| facts.attempts.get_mut(at));
        let (right, twice) = match known {
            Some(attempt) => {
                let right = attempt.event == event && i64::from(attempt.holder) == worker;
                let twice = std::mem::replace(&mut attempt.begun, true);
                (right && attempt.claimed, twice)
            }
            None => (self.open.get(&token) == Some(&(event, worker)), false),
        };
        self.finding.check(right, || {
            format!("worker {worker} began event {event} under token {token}, which is not its own")
        });
        if twice {
            self.finding.violate(|| format!("token {token} of event {event} was begun twice"));
        }
    }
}
