//! The npm package `pg-boss`; its driver is `rivals/node/pg-boss.js`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "pg-boss",
    program: Program::Node("pg-boss.js"),
    by_default: false,
    claim: &["skip locked", "update"],
    fill: Fill::Load,
    log_and_job: &[],
};
