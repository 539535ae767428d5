//! The invariants, each in a file of its own, and what is told to them.

mod attempts;
mod clocks;
mod conservation;
mod dead_letters;
mod dedupe;
mod fan_in;
mod fencing;
mod journals;
mod lanes;
mod leases;
mod liveness;
mod loss;
mod steps;

use std::collections::HashMap;

pub(crate) use journals::read_journals;

use crate::facts::Facts;
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::{Change, EffectRow, FanInRow, StepRow, WorkerRow};
use crate::refusal::Refusal;
use crate::timeline::{JobChange, Live, World};

/// All of them.
pub(crate) struct Invariants {
    pub(crate) loss: loss::Loss,
    pub(crate) dedupe: dedupe::Dedupe,
    lanes: lanes::Lanes,
    attempts: attempts::Attempts,
    leases: leases::Leases,
    fencing: fencing::Fencing,
    steps: steps::Steps,
    fan_in: fan_in::FanIn,
    liveness: liveness::Liveness,
    dead_letters: dead_letters::DeadLetters,
    conservation: conservation::Conservation,
    clocks: clocks::Clocks,
    /// What the history left in the live table.
    rest: HashMap<i64, Live>,
}

impl Invariants {
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            loss: loss::Loss::new(),
            dedupe: dedupe::Dedupe::new(),
            lanes: lanes::Lanes::new(),
            attempts: attempts::Attempts::new(),
            leases: leases::Leases::new(run),
            fencing: fencing::Fencing::new(),
            steps: steps::Steps::new(),
            fan_in: fan_in::FanIn::new(),
            liveness: liveness::Liveness::new(),
            dead_letters: dead_letters::DeadLetters::new(),
            conservation: conservation::Conservation::new(),
            clocks: clocks::Clocks::new(run),
            rest: HashMap::new(),
        }
    }

    /// A job changed; `world` is what stood before, without this job.
    pub(crate) fn job(&mut self, world: &World, facts: &mut Facts, told: &JobChange<'_>) {
        self.lanes.job(told);
        self.attempts.job(told);
        self.leases.job(world, facts, told);
        self.fencing.job(facts, told);
        self.fan_in.job(told);
        self.liveness.job(told);
        self.dead_letters.job(facts, told);
        self.conservation.job(facts, told);
        self.clocks.job(told);
    }

    /// A worker's row changed.
    pub(crate) fn worker(&mut self, was: Option<&WorkerRow>, row: &WorkerRow, change: &Change) {
        self.fencing.worker(was, row, change);
        self.clocks.worker(was, row, change);
    }

    /// A step changed.
    pub(crate) fn step(&mut self, world: &World, row: &StepRow, change: &Change) {
        self.fencing.step(world, row, change);
        self.steps.step(world, row, change);
    }

    /// An effect changed.
    pub(crate) fn effect(&mut self, world: &World, row: &EffectRow, change: &Change) {
        self.fencing.effect(world, row, change);
    }

    /// A group of children changed.
    pub(crate) fn fan_in(&mut self, row: &FanInRow, change: &Change) {
        self.fan_in.group(row, change);
    }

    /// Reads the tables that the history and the journals are held against.
    pub(crate) fn read_tables(&mut self, run: &Run) -> Result<(), Refusal> {
        self.steps.read_table(run)?;
        self.fan_in.read_table(run)
    }

    /// The history has no more.
    pub(crate) fn history_over(&mut self, world: World) {
        self.leases.history_over(&world);
        self.rest = world.jobs;
    }

    /// Judges what can be judged at the end only. The findings, by number.
    pub(crate) fn close(mut self, run: &Run, facts: &Facts) -> Result<Vec<Finding>, Refusal> {
        self.attempts.close(run, facts);
        self.fencing.close(facts);
        self.steps.close(run)?;
        self.fan_in.close(&self.rest);
        self.liveness.close(run, facts)?;
        self.clocks.close();
        self.dead_letters.close(run, facts, &self.rest)?;
        self.conservation.close(run, facts, &self.rest)?;
        Ok(vec![
            self.loss.finding,
            self.dedupe.finding,
            self.lanes.finding,
            self.attempts.finding,
            self.leases.finding,
            self.fencing.finding,
            self.steps.finding,
            self.fan_in.finding,
            self.liveness.finding,
            self.dead_letters.finding,
            self.conservation.finding,
            self.clocks.finding,
        ])
    }
}
