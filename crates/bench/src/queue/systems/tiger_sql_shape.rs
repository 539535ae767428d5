//! The claim of timescale/tiger-agents-for-work as SQL shape only; see `rivals/rust/src/tiger_sql_shape.rs`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "tiger_sql_shape",
    program: Program::Rust,
    by_default: false,
    claim: &["tiger_event", "skip locked", "update"],
    fill: Fill::Sql(FILL),
    log_and_job: &[],
};

const FILL: &str = "INSERT INTO tiger_event (event)
    SELECT pg_temp.bench_payload(n, {bytes})::jsonb FROM generate_series({first}::bigint, {last}) AS n";
