//! The crate `awa`; its driver is `rivals/rust/src/awa_0_6.rs`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "awa",
    program: Program::Rust,
    by_default: true,
    claim: &["claim_ready_runtime("],
    fill: Fill::Load,
    log_and_job: &[],
};
