//! Ready no-op jobs, worked off by one process: from the workers' start until the database knows all
//! of them as ended.

use futures::FutureExt;

use super::{Arena, Case, Measured, Round, Size, short};
use crate::queue::report::Measure;

pub(super) const CASE: Case = Case {
    name: "burn_down",
    figures: |size| vec![name(size)],
    once: false,
    run: |round| run(round).boxed(),
};

const BURN_FULL: u64 = 200_000;

fn name(size: &Size) -> String {
    match size.burn {
        BURN_FULL => "burn_down".to_owned(),
        burn => format!("burn_down_{}", short(burn)),
    }
}

async fn run(round: Round<'_>) -> Measured {
    let jobs = round.size.burn;
    let mut arena = Arena::open(round).await?;
    arena.load(0, jobs, 0).await?;
    // Its caches are warm from loading, which a worker's would not be.
    arena.restart().await?;
    let client = arena.connect().await?;
    client.batch_execute("VACUUM (ANALYZE)").await?;
    client.batch_execute("CHECKPOINT").await?;
    let begun_ns = arena.work().await?;
    arena.wait(jobs).await?;
    let ended_ns = arena.wait_ended().await?;
    arena.close().await?;
    let seconds = (ended_ns - begun_ns) as f64 / 1e9;
    Ok(vec![Measure::new(name(round.size), "jobs/s", jobs as f64 / seconds)])
}
