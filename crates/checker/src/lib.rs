//! Judges a run of the queue from what the outside saw; see the README for the files that it reads.
//!
//! The files are read once each, in an order in which what is needed is already there: the tables
//! first, then the history as it happened, then the journals of those who took part. What is kept is
//! a few dozen bytes for each event and attempt, so memory grows with the run's length alone, and
//! slowly.

mod facts;
mod finding;
mod input;
mod invariants;
mod refusal;
mod report;
mod timeline;
mod total;

use std::path::Path;

pub use finding::{Finding, Standing};
pub use refusal::Refusal;
pub use report::Report;
pub use total::Accounting;

/// Reads a run directory and judges it.
///
/// # Errors
///
/// A [`Refusal`] when the run cannot be judged: a file is missing, torn or unreadable, or the run
/// proves nothing.
pub fn judge(directory: &Path) -> Result<Report, Refusal> {
    let run = input::Run::open(directory)?;
    let faults = input::count_faults(&run)?;
    let mut facts = facts::Facts::read(&run)?;
    let mut invariants = invariants::Invariants::new(&run);
    invariants.read_tables(&run)?;
    timeline::replay(&run, &mut facts, &mut invariants)?;
    let accounting = total::account(&run, &mut facts, &mut invariants)?;
    invariants::read_journals(&run, &mut facts, &mut invariants)?;
    let findings = invariants.close(&run, &facts)?;
    Report::new(&run, &faults, &facts, accounting, findings)
}
