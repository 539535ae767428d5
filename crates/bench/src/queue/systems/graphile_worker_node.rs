//! The npm package `graphile-worker`; its driver is `rivals/node/graphile-worker.js`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "graphile-worker",
    program: Program::Node("graphile-worker.js"),
    by_default: false,
    claim: &["_private_jobs", "skip locked", "update"],
    fill: Fill::Sql(super::graphile_worker::FILL),
    log_and_job: &[],
};
