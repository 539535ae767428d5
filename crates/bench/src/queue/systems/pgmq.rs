//! The crate `pgmq` with its embedded SQL; its driver is `rivals/rust/src/pgmq_sql.rs`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "pgmq",
    program: Program::Rust,
    by_default: false,
    claim: &["pgmq.read("],
    fill: Fill::Sql(FILL),
    log_and_job: &[],
};

const FILL: &str = "INSERT INTO pgmq.q_bench (vt, message)
    SELECT now(), pg_temp.bench_payload(n, {bytes})::jsonb
      FROM generate_series({first}::bigint, {last}) AS n";
