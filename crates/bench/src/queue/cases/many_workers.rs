//! Claims of 64 workers at once, each with one slot and jobs that think a little: how long the 99th
//! in a hundred takes in the server.

use std::time::Duration;

use anyhow::ensure;
use futures::FutureExt;
use tokio::time::sleep;

use super::{Arena, Case, Measured, Round};
use crate::figures::percentile;
use crate::queue::driver::{Request, Work};
use crate::queue::log::claims_ms;
use crate::queue::report::Measure;

pub(super) const CASE: Case = Case {
    name: "claim_p99_ms_64_workers",
    figures: |_| vec!["claim_p99_ms_64_workers".to_owned()],
    once: false,
    run: |round| run(round).boxed(),
};

const WORKERS: usize = 64;
const JOBS: u64 = 20_000;
/// Some 1,200 claims a second in all: a load, not an overload.
const THINK_MS: u64 = 50;
const WARM_UP_JOBS: u64 = 10 * WORKERS as u64;
const OVER: Duration = Duration::from_secs(5);

async fn run(round: Round<'_>) -> Measured {
    let mut arena = Arena::open_logged(round).await?;
    arena.load(0, JOBS, 0).await?;
    let work =
        Work { slots: 1, batch: 1, workers: WORKERS, think_ms: THINK_MS, record_from: u64::MAX };
    arena.driver.ask(&Request::Work(work)).await?;
    // All of them have begun when so many jobs are done.
    arena.wait_at_least(WARM_UP_JOBS).await?;
    let log = round.server.log();
    let from_byte = std::fs::metadata(&log)?.len();
    sleep(OVER).await;
    let mut claims_ms = claims_ms(&log, from_byte, round.system.claim)?;
    arena.close().await?;
    ensure!(!claims_ms.is_empty(), "no claim of it was found in the server's log");
    claims_ms.sort_by(f64::total_cmp);
    Ok(vec![Measure::new("claim_p99_ms_64_workers", "ms", percentile(&claims_ms, 99.0))])
}
