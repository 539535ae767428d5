//! The crate `graphile_worker`; its driver is `rivals/rust/src/graphile_worker_rs.rs`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "graphile_worker",
    program: Program::Rust,
    by_default: true,
    claim: &["_private_jobs", "skip locked", "update"],
    fill: Fill::Sql(FILL),
    log_and_job: &[],
};

/// Both graphile workers have this table.
pub(super) const FILL: &str = "INSERT INTO graphile_worker._private_jobs (task_id, payload, run_at)
    SELECT (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'bench_job'),
           pg_temp.bench_payload(n, {bytes})::json, now() - interval '1 hour' + n * interval '1 us'
      FROM generate_series({first}::bigint, {last}) AS n";
