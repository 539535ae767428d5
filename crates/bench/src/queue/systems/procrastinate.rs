//! The PyPI package `procrastinate`; its driver is `rivals/python/procrastinate_driver.py`.

use super::{Fill, Program, System};

pub(crate) const SYSTEM: System = System {
    name: "procrastinate",
    program: Program::Python("procrastinate_driver.py"),
    by_default: false,
    claim: &["procrastinate_fetch_job"],
    fill: Fill::Sql(FILL),
    log_and_job: &[],
};

const FILL: &str = "INSERT INTO procrastinate_jobs (queue_name, task_name, args)
    SELECT 'default', 'bench_job', pg_temp.bench_payload(n, {bytes})::jsonb
      FROM generate_series({first}::bigint, {last}) AS n";
