//! 18: the clocks of workers change nothing.

use crate::finding::{Finding, Standing};
use crate::input::Run;
use crate::input::history::{Change, Op, State, WorkerRow};
use crate::timeline::JobChange;

/// How long a statement may be held up between reading the clock and its trigger. Skews that are
/// tried lie far above.
const STALL_US: i64 = 120_000_000;

/// What two readings of the database's own clock may differ by.
const READING_US: i64 = 1_000_000;

/// Positions above this are no times.
const NO_TIME_US: i64 = 253_402_300_800_000_000;

/// Every time in a row lies where the database's clock would have put it.
#[derive(Debug)]
pub(crate) struct Clocks {
    pub(crate) finding: Finding,
    lease_us: i64,
    skewed: u64,
    looked_at: u64,
}

impl Clocks {
    pub(crate) fn new(run: &Run) -> Self {
        Self {
            finding: Finding::new(18, "the clocks of workers change nothing"),
            lease_us: run.lease_us,
            skewed: 0,
            looked_at: 0,
        }
    }

    /// A worker started under a clock that is off by so much.
    pub(crate) fn started(&mut self, skew_us: i64) {
        self.skewed += u64::from(skew_us != 0);
    }

    pub(crate) fn job(&mut self, told: &JobChange<'_>) {
        let (row, at) = (told.row, told.change.at);
        if told.is_claim() {
            let claimed_at = row.claimed_at.unwrap_or(0);
            self.check((at - STALL_US..=at + READING_US).contains(&claimed_at), || {
                format!("event {} was claimed at {claimed_at}, when it was {at}", row.event)
            });
        }
        let due = told
            .was
            .map(|was| was.row)
            .filter(|was| was.state == State::Waiting && was.head && was.position < NO_TIME_US);
        // A wait is over when its time has come, or when somebody takes the job away.
        if let Some(was) = due.filter(|_| told.change.op == Op::Update && row.state == State::Ready)
        {
            self.check(was.position <= at + READING_US, || {
                let early_ms = (was.position - at) / 1000;
                format!("event {} was made ready {early_ms} ms before its time", row.event)
            });
        }
    }

    pub(crate) fn worker(&mut self, was: Option<&WorkerRow>, row: &WorkerRow, change: &Change) {
        if change.op == Op::Delete {
            return;
        }
        let (at, worker) = (change.at, row.worker);
        let stands = row.fenced_at.is_none() && row.stopped_at.is_none();
        let renewed = was.is_none_or(|was| was.lease_until != row.lease_until);
        if stands && renewed {
            let longest = at + self.lease_us + READING_US;
            let held = (at - STALL_US..=longest).contains(&row.lease_until);
            self.check(held, || {
                format!("worker {worker} has a lease until {} at {at}", row.lease_until)
            });
        }
        // A death that somebody saw ends the lease itself; else nobody takes it before its time.
        let fenced = row.fenced_at.filter(|_| was.is_none_or(|was| was.fenced_at.is_none()));
        if let Some(fenced_at) = fenced {
            let early_ms = (row.lease_until - fenced_at) / 1000;
            self.check(row.lease_until <= fenced_at + READING_US, || {
                format!("worker {worker} lost its lease {early_ms} ms before its end")
            });
        }
    }

    fn check(&mut self, held: bool, told: impl FnOnce() -> String) {
        self.looked_at += 1;
        if !held {
            self.finding.violate(told);
        }
    }

    /// Without a worker whose clock is off, nothing was shown.
    pub(crate) fn close(&mut self) {
        self.finding.count("skewed workers", self.skewed);
        if self.skewed > 0 || self.finding.standing() == Standing::Violated {
            self.finding.checked = self.looked_at;
        }
    }
}
