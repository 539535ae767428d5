//! The systems that are measured, a file for each.

mod athenaeum;
mod awa;
mod fill;
mod graphile_worker;
mod graphile_worker_node;
mod pg_boss;
mod pgmq;
mod pgqueuer;
mod procrastinate;
mod tiger_sql_shape;

pub(crate) use athenaeum::drive;
pub(crate) use fill::{Fill, fill};

/// One system.
#[derive(Debug)]
pub(crate) struct System {
    /// The package's own name; `athenaeum` for ours.
    pub(crate) name: &'static str,
    /// Where its driver is.
    pub(crate) program: Program,
    /// Whether it is measured without `--all`.
    pub(crate) by_default: bool,
    /// What the text of its claim contains, in lower case, and no other statement's does.
    pub(crate) claim: &'static [&'static str],
    /// How a backlog of millions is made.
    pub(crate) fill: Fill,
    /// How the tables begin that are "log and job"; none for all of them.
    pub(crate) log_and_job: &'static [&'static str],
}

/// Where a driver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Program {
    /// In this very program.
    Ours,
    /// In `rivals/rust`, by the system's name.
    Rust,
    /// A file of `rivals/node`.
    Node(&'static str),
    /// A file of `rivals/python`.
    Python(&'static str),
}

/// All systems, ours first.
pub(crate) const SYSTEMS: &[&System] = &[
    &athenaeum::SYSTEM,
    &graphile_worker::SYSTEM,
    &awa::SYSTEM,
    &graphile_worker_node::SYSTEM,
    &pg_boss::SYSTEM,
    &procrastinate::SYSTEM,
    &pgqueuer::SYSTEM,
    &pgmq::SYSTEM,
    &tiger_sql_shape::SYSTEM,
];
