//! 11: after the faults everything ends in bounded time, and nothing is stuck.

use crate::facts::Facts;
use crate::finding::Finding;
use crate::input::Run;
use crate::input::history::{Op, State};
use crate::input::tables::JobLine;
use crate::refusal::Refusal;
use crate::timeline::JobChange;

/// Nothing is live at the end but what may rest; the last end came in time; no row keeps a part of a
/// lease that is over.
#[derive(Debug)]
pub(crate) struct Liveness {
    pub(crate) finding: Finding,
}

impl Liveness {
    pub(crate) fn new() -> Self {
        Self { finding: Finding::new(11, "everything ends in bounded time and nothing is stuck") }
    }

    pub(crate) fn job(&mut self, told: &JobChange<'_>) {
        let row = told.row;
        if told.change.op == Op::Delete || row.state == State::Running {
            return;
        }
        if row.holder.is_some() || row.claimed_at.is_some() {
            self.finding.violate(|| {
                format!(
                    "event {} is {:?} and keeps a lease: held by {:?} (seq {})",
                    row.event, row.state, row.holder, told.change.seq
                )
            });
        }
    }

    pub(crate) fn close(&mut self, run: &Run, facts: &Facts) -> Result<(), Refusal> {
        let ends_by = run.ends_by();
        let mut last = 0;
        for outcome in &facts.outcomes {
            last = last.max(outcome.ended_at);
            self.finding.check(outcome.ended_at <= ends_by, || {
                let late_ms = (outcome.ended_at - ends_by) / 1000;
                format!("event {} ended {late_ms} ms later than it may", outcome.event)
            });
        }
        // Judged too early, a run is not quiet yet, and what is live is not stuck.
        let over = run.judged_db_at >= ends_by;
        run.each_of("jobs", |line| {
            let row: JobLine<'_> = line.parse()?;
            let kind = row.kind.as_deref().unwrap_or("");
            let state = State::read(&row.state)
                .ok_or_else(|| line.place.refuse(format!("no state: {:?}", row.state)))?;
            if run.may_rest.iter().any(|resting| resting == kind) && state != State::Running {
                self.finding.count("at rest", 1);
                return Ok(());
            }
            self.finding.check(false, || {
                let when = if over { "" } else { ", though it was judged too early" };
                format!(
                    "event {} is left {state:?}, held by {:?} since {:?}{when}",
                    row.event, row.holder, row.claimed_at
                )
            });
            Ok(())
        })
    }
}
