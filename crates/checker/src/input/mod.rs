//! The run directory: its files, read once each, line by line.

mod faults;
pub(crate) mod history;
pub(crate) mod journals;
mod lines;
mod run;
pub(crate) mod tables;

pub(crate) use faults::{Faults, count_faults};
pub(crate) use lines::Place;
pub(crate) use run::Run;
