//! The history as it happened: what stood before each change, told to each invariant.

use std::collections::HashMap;

use crate::facts::{AttemptEnd, Facts, hash};
use crate::input::Run;
use crate::input::history::{Change, JobRow, Op, Row, State, StepRow, WorkerRow};
use crate::invariants::Invariants;
use crate::refusal::Refusal;

/// A job in the live table, with what its row does not tell.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) row: JobRow,
    /// The transaction that made it.
    pub(crate) made_by: i64,
    /// Claims less refunds, by our own count.
    pub(crate) charged: i32,
    pub(crate) claimed: bool,
    pub(crate) suspended: bool,
    /// The highest token it ever had.
    pub(crate) token: i64,
    /// Its saved steps, with hashes of their results.
    pub(crate) steps: Vec<(i32, u64)>,
}

impl Live {
    fn new(row: JobRow, made_by: i64) -> Self {
        let token = row.token.unwrap_or(0);
        Self {
            row,
            made_by,
            charged: 0,
            claimed: false,
            suspended: false,
            token,
            steps: Vec::new(),
        }
    }
}

/// A change of a job: what stood there, what stands there, and when.
#[derive(Debug)]
pub(crate) struct JobChange<'a> {
    pub(crate) was: Option<&'a Live>,
    /// After the change; of a deleted row what it was.
    pub(crate) row: &'a JobRow,
    pub(crate) change: &'a Change,
    /// How the run that this change ends was recorded, if it ends one and that was recorded.
    pub(crate) run_end: Option<AttemptEnd>,
}

impl JobChange<'_> {
    /// Whether this change gave the job to a worker.
    pub(crate) fn is_claim(&self) -> bool {
        self.change.op != Op::Delete
            && self.row.state == State::Running
            && self.was.is_none_or(|was| {
                was.row.state != State::Running || was.row.token != self.row.token
            })
    }

    /// Attempts that count against the limit after this change, by our own count.
    pub(crate) fn charged(&self) -> i32 {
        let before = match (self.change.op, self.was) {
            (Op::Insert, _) | (_, None) => 0,
            (Op::Update | Op::Delete, Some(was)) => was.charged,
        };
        let refund = i32::from(self.run_end.is_some_and(AttemptEnd::is_refunded));
        before - refund + i32::from(self.is_claim())
    }

    /// The token under which it ran, when this change ended that.
    pub(crate) fn ends_run(&self) -> Option<i64> {
        let was = self.was.filter(|was| was.row.state == State::Running)?;
        let over = self.change.op == Op::Delete
            || self.row.state != State::Running
            || self.row.token != was.row.token;
        over.then_some(was.row.token.unwrap_or(0))
    }
}

/// What stands at a moment of the history.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) jobs: HashMap<i64, Live>,
    pub(crate) workers: HashMap<i64, WorkerRow>,
}

impl World {
    /// Whether a worker's lease is over, by what it had of it at this moment.
    pub(crate) fn lease_is_over(&self, worker: i64, at: i64) -> bool {
        self.workers.get(&worker).is_none_or(|row| {
            row.fenced_at.is_some() || row.stopped_at.is_some() || row.lease_until <= at
        })
    }
}

/// Reads the history and tells it to the invariants.
pub(crate) fn replay(
    run: &Run,
    facts: &mut Facts,
    invariants: &mut Invariants,
) -> Result<(), Refusal> {
    let mut world = World::default();
    let mut last = 0;
    run.each_in("history", |line| {
        let change: Change = line.parse()?;
        if change.seq <= last {
            let told = format!("seq {} after seq {last}: dump in the order of seq", change.seq);
            return Err(line.place.refuse(told));
        }
        last = change.seq;
        match &change.row {
            Row::Job(row) => job(&mut world, facts, invariants, row, &change),
            Row::Worker(row) => {
                invariants.worker(world.workers.get(&row.worker), row, &change);
                match change.op {
                    Op::Insert | Op::Update => world.workers.insert(row.worker, *row),
                    Op::Delete => world.workers.remove(&row.worker),
                };
            }
            Row::Step(row) => step(&mut world, invariants, row, &change),
            Row::Effect(row) => invariants.effect(&world, row, &change),
            Row::FanIn(row) => invariants.fan_in(row, &change),
        }
        Ok(())
    })?;
    invariants.history_over(world);
    Ok(())
}

fn job(
    world: &mut World,
    facts: &mut Facts,
    invariants: &mut Invariants,
    row: &JobRow,
    change: &Change,
) {
    let was = world.jobs.remove(&row.event);
    let mut told = JobChange { was: was.as_ref(), row, change, run_end: None };
    let ended = told.ends_run().and_then(|token| facts.attempt(token));
    told.run_end = ended.and_then(|at| facts.attempts.get(at)).map(|attempt| attempt.end);
    invariants.job(world, facts, &told);
    note(facts, &told);
    if change.op == Op::Delete {
        return;
    }
    let claimed = told.is_claim();
    let charged = told.charged();
    let mut now = match was {
        Some(was) if change.op == Op::Update => Live { row: *row, ..was },
        _ => Live::new(*row, change.xid),
    };
    now.charged = charged;
    now.claimed |= claimed;
    now.suspended |= row.state == State::Suspended;
    now.token = now.token.max(row.token.unwrap_or(0));
    world.jobs.insert(row.event, now);
}

fn step(world: &mut World, invariants: &mut Invariants, row: &StepRow, change: &Change) {
    invariants.step(world, row, change);
    let Some(live) = world.jobs.get_mut(&row.event) else { return };
    if let Some(result) = row.result.as_deref().filter(|_| change.op != Op::Delete) {
        live.steps.retain(|(number, _)| *number != row.number);
        live.steps.push((row.number, hash(result)));
    }
}

/// Keeps what the history says of claims and of jobs made and ended.
fn note(facts: &mut Facts, told: &JobChange<'_>) {
    let row = told.row;
    if told.is_claim() {
        facts.claims += 1;
        let at = row.token.and_then(|token| facts.attempt(token));
        if let Some(attempt) = at.and_then(|at| facts.attempts.get_mut(at)) {
            attempt.claimed = true;
            attempt.holder = row.holder.and_then(|id| i32::try_from(id).ok()).unwrap_or(0);
        }
    }
    let fact = facts.events.entry(row.event).or_default();
    match told.change.op {
        Op::Insert => fact.made = fact.made.saturating_add(1),
        Op::Delete => fact.ended = fact.ended.saturating_add(1),
        Op::Update => {}
    }
}
