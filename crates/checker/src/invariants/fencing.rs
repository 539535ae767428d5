//! 8: no accepted write carries an old token.

use crate::facts::{AttemptEnd, End, Facts};
use crate::finding::Finding;
use crate::input::history::{Change, EffectRow, Op, State, StepRow, WorkerRow};
use crate::timeline::{JobChange, World};

/// A job's state, steps and effects are written under the token of its claim alone; a worker whose
/// lease was taken away does not get it back; who was told "accepted" is who ended the attempt.
#[derive(Debug)]
pub(crate) struct Fencing {
    pub(crate) finding: Finding,
}

impl Fencing {
    pub(crate) fn new() -> Self {
        Self { finding: Finding::new(8, "no accepted write carries an old token") }
    }

    pub(crate) fn job(&mut self, facts: &Facts, told: &JobChange<'_>) {
        if told.change.op != Op::Delete {
            return;
        }
        let row = told.row;
        let at = facts.outcome(row.event, row.generation);
        let Some(outcome) = at.and_then(|at| facts.outcomes.get(at)) else { return };
        let held = match row.state {
            State::Running => outcome.token.is_none_or(|token| Some(token) == row.token),
            State::Waiting | State::Ready | State::Suspended => outcome.state != End::Done,
        };
        self.finding.check(held, || {
            format!(
                "event {} ended as {:?} under token {:?} when it was {:?} under {:?} (seq {})",
                row.event, outcome.state, outcome.token, row.state, row.token, told.change.seq
            )
        });
    }

    pub(crate) fn worker(&mut self, was: Option<&WorkerRow>, row: &WorkerRow, change: &Change) {
        let Some(was) = was.filter(|_| change.op == Op::Update) else { return };
        if was.fenced_at.is_none() && was.stopped_at.is_none() {
            return;
        }
        let stands = row.fenced_at.is_none() && row.stopped_at.is_none();
        self.finding.check(!stands && row.lease_until <= was.lease_until, || {
            format!("worker {} renewed a lease that was over (seq {})", row.worker, change.seq)
        });
    }

    pub(crate) fn step(&mut self, world: &World, row: &StepRow, change: &Change) {
        // Steps that a replay keeps are copied while the new generation's job waits.
        let copied = change.op == Op::Insert && row.generation > 0 && row.result.is_some();
        self.written(world, row.event, row.generation, row.token, copied, change);
    }

    pub(crate) fn effect(&mut self, world: &World, row: &EffectRow, change: &Change) {
        self.written(world, row.event, row.generation, row.token, false, change);
        if change.op == Op::Delete {
            self.finding.count("withdrawn effects", u64::from(!row.slot.is_empty()));
        }
    }

    fn written(
        &mut self,
        world: &World,
        event: i64,
        generation: i32,
        token: Option<i64>,
        copied: bool,
        change: &Change,
    ) {
        if change.op == Op::Delete {
            return;
        }
        let live = world.jobs.get(&event).map(|live| &live.row);
        let held = live.is_some_and(|job| {
            job.state == State::Running && job.token == token && job.generation == generation
        });
        self.finding.check(held || copied, || {
            format!(
                "event {event}: a write under token {token:?} at seq {} was accepted when the job \
                 was {:?} under {:?}",
                change.seq,
                live.map(|job| job.state),
                live.map(|job| job.token)
            )
        });
    }

    /// A worker was told that a write was refused.
    pub(crate) fn refused(&mut self) {
        self.finding.count("refused", 1);
    }

    /// A worker is about to report how its attempt went.
    pub(crate) fn reported(facts: &mut Facts, token: i64, outcome: AttemptEnd) {
        let known = facts.attempt(token).and_then(|at| facts.attempts.get_mut(at));
        if let Some(attempt) = known {
            attempt.reported = Some(outcome);
        }
    }

    /// A worker was told whether its report was taken.
    pub(crate) fn answered(
        &mut self,
        facts: &Facts,
        event: i64,
        token: i64,
        outcome: AttemptEnd,
        accepted: bool,
    ) {
        let recorded = facts.attempt(token).and_then(|at| facts.attempts.get(at));
        let recorded = recorded.map(|attempt| attempt.end);
        if accepted {
            let own = recorded.is_some_and(|end| end != AttemptEnd::Lost);
            self.finding.check(own, || {
                format!(
                    "event {event}: token {token} was told that {outcome:?} is accepted, and is \
                     recorded as {recorded:?}"
                )
            });
        } else {
            self.refused();
            let another = outcome == AttemptEnd::Done && recorded == Some(AttemptEnd::Done);
            self.finding.check(!another, || {
                format!("event {event}: somebody else ended it as done under token {token}")
            });
        }
    }

    pub(crate) fn close(&mut self, facts: &Facts) {
        let done = facts.attempts.iter().filter(|attempt| attempt.end == AttemptEnd::Done);
        for attempt in done {
            self.finding.check(attempt.reported == Some(AttemptEnd::Done), || {
                format!(
                    "event {}: token {} is recorded as done and its holder never reported that",
                    attempt.event, attempt.token
                )
            });
        }
    }
}
