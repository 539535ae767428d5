//! What a worker takes while it does nothing, what it writes while its jobs think, and how long it
//! takes to its first claim.

use std::time::Duration;

use anyhow::ensure;
use futures::FutureExt;
use tokio::time::{Instant, sleep};

use super::{Arena, Case, Measured, Round};
use crate::queue::driver::{Request, Work};
use crate::queue::process::Process;
use crate::queue::report::Measure;
use crate::queue::wal;

pub(super) const IDLE: Case = Case {
    name: "idle_memory_mb",
    figures: |_| vec!["idle_memory_mb".to_owned()],
    once: true,
    run: |round| idle(round).boxed(),
};

pub(super) const RUNNING: Case = Case {
    name: "running_writes",
    figures: |_| vec!["running_writes".to_owned()],
    once: true,
    run: |round| running(round).boxed(),
};

pub(super) const START: Case = Case {
    name: "start_to_first_claim_ms",
    figures: |_| vec!["start_to_first_claim_ms".to_owned()],
    once: false,
    run: |round| start(round).boxed(),
};

const SLOTS: usize = 16;
const IDLE_FOR: Duration = Duration::from_secs(5);
/// Jobs that think at once, few and many: what grows between the two is what a job costs.
const FEW: u64 = 8;
const MANY: u64 = 200;
/// How long all jobs may take to begin.
const BEGIN: Duration = Duration::from_secs(3);

async fn idle(round: Round<'_>) -> Measured {
    let mut arena = Arena::open(round).await?;
    // Migrations leave memory behind that a worker would not have.
    arena.restart().await?;
    let work = Work { slots: SLOTS, batch: 0, workers: 1, think_ms: 0, record_from: u64::MAX };
    arena.driver.ask(&Request::Work(work)).await?;
    sleep(IDLE_FOR).await;
    let megabytes = arena.driver.memory_mb()?;
    arena.close().await?;
    Ok(vec![Measure::new("idle_memory_mb", "MB", megabytes)])
}

async fn running(round: Round<'_>) -> Measured {
    let few = rows_while_thinking(round, FEW).await?;
    let many = rows_while_thinking(round, MANY).await?;
    let per_job = (many as f64 - few as f64) / (MANY - FEW) as f64;
    Ok(vec![Measure::new("running_writes", "rows/job", per_job.max(0.0))])
}

/// Rows written while so many jobs do nothing but think.
async fn rows_while_thinking(round: Round<'_>, jobs: u64) -> anyhow::Result<u64> {
    let think = round.size.think;
    let mut arena = Arena::open(round).await?;
    let client = arena.connect().await?;
    arena.load(0, jobs, 0).await?;
    let think_ms = u64::try_from(think.as_millis()).unwrap_or(u64::MAX);
    let slots = usize::try_from(MANY)? + SLOTS;
    let work = Work { slots, batch: 0, workers: 1, think_ms, record_from: 0 };
    arena.driver.ask(&Request::Work(work)).await?;
    sleep(BEGIN).await;
    let started = arena.driver.ask(&Request::Starts).await?.starts.len() as u64;
    ensure!(started == jobs, "{started} of {jobs} jobs had begun after {BEGIN:?}");
    let mut tables = wal::tables_by_file(&client).await?;
    let from = wal::position(&client).await?;
    sleep(think.saturating_sub(BEGIN + Duration::from_secs(2))).await;
    let to = wal::position(&client).await?;
    let done = arena.driver.ask(&Request::Count).await?.jobs;
    ensure!(done == 0, "{done} jobs had ended already");
    tables.extend(wal::tables_by_file(&client).await?);
    let written = wal::written(round.server, (&from, &to), &tables, &[]).await?;
    drop(client);
    arena.wait(jobs).await?;
    arena.close().await?;
    Ok(written.rows)
}

/// From a new process' start to the start of its first job, with jobs ready.
async fn start(round: Round<'_>) -> Measured {
    let mut arena = Arena::open(round).await?;
    arena.load(0, SLOTS as u64, 0).await?;
    let mut worker = arena.second()?;
    let work = Work { slots: SLOTS, batch: 0, workers: 1, think_ms: 0, record_from: 0 };
    worker.ask(&Request::Work(work)).await?;
    let first_ns = first_start(&mut worker).await?;
    let started_ns = worker.started_ns;
    worker.end().await?;
    arena.close().await?;
    let ms = first_ns.saturating_sub(started_ns) as f64 / 1e6;
    Ok(vec![Measure::new("start_to_first_claim_ms", "ms", ms)])
}

async fn first_start(worker: &mut Process) -> anyhow::Result<u64> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let starts = worker.ask(&Request::Starts).await?.starts;
        if let Some(first_ns) = starts.iter().map(|(_, at_ns)| *at_ns).min() {
            return Ok(first_ns);
        }
        ensure!(Instant::now() < deadline, "no job was begun");
        sleep(Duration::from_millis(20)).await;
    }
}
