//! The PyPI package `pgqueuer`; its driver is `rivals/python/pgqueuer_driver.py`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "pgqueuer",
    program: Program::Python("pgqueuer_driver.py"),
    by_default: false,
    claim: &["pgqueuer", "skip locked", "update"],
    fill: Fill::Sql(FILL),
    log_and_job: &[],
};

const FILL: &str = "INSERT INTO pgqueuer (priority, entrypoint, payload, status)
    SELECT 0, 'bench_job', pg_temp.bench_payload(n, {bytes})::bytea, 'queued'
      FROM generate_series({first}::bigint, {last}) AS n";
