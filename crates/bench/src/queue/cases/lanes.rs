//! Lanes: many at once, and a quiet one beside a loud one.

use std::time::Duration;

use futures::FutureExt;

use super::arena::{flat_out, probes};
use super::latency::{latencies_ms, starts_of};
use super::{Arena, Case, Measured, Round, Size, short};
use crate::figures::percentile;
use crate::queue::driver::{Request, Work};
use crate::queue::process::Process;
use crate::queue::report::Measure;

pub(super) const THROUGHPUT: Case = Case {
    name: "lanes_10k",
    figures: |_| vec!["lanes_10k".to_owned()],
    once: false,
    run: |round| throughput(round).boxed(),
};

pub(super) const QUIET: Case = Case {
    name: "quiet_lane",
    figures: |size| quiet_names(size).to_vec(),
    once: false,
    run: |round| quiet(round).boxed(),
};

const LANES: u64 = 10_000;
const LOUD_FULL: u64 = 100_000;
/// Far from the numbers of the loud lane.
const QUIET_LANE: u64 = 1_000_000;
const PROBE_FIRST: u64 = 1_000_000_000;
const PROBES_PER_SECOND: f64 = 25.0;

fn quiet_names(size: &Size) -> [String; 2] {
    let what = match size.loud {
        LOUD_FULL => "quiet_lane".to_owned(),
        loud => format!("quiet_lane_{}", short(loud)),
    };
    [format!("{what}_ratio"), format!("{what}_p99_ms")]
}

async fn throughput(round: Round<'_>) -> Measured {
    let busy = round.size.busy;
    let mut arena = Arena::open(round).await?;
    arena.work().await?;
    arena.driver.ask(&Request::Feed(flat_out(0, busy * 2, LANES))).await?;
    arena.throughput(busy / 2).await?;
    let rate = arena.throughput(busy).await?;
    arena.driver.ask(&Request::Fed).await?;
    arena.close().await?;
    Ok(vec![Measure::new("lanes_10k", "events/s", rate)])
}

/// The 99th percentile of a lane's latency while another has much to do, over that without. Workers are
/// a process of their own: beside their own commits, idle ones start at once and busy ones cannot.
async fn quiet(round: Round<'_>) -> Measured {
    let over = round.size.busy.max(Duration::from_secs(4));
    let mut arena = Arena::open(round).await?;
    let mut worker = arena.second()?;
    let work = Work { slots: 0, batch: 0, workers: 1, think_ms: 0, record_from: PROBE_FIRST };
    worker.ask(&Request::Work(work)).await?;
    let baseline_ms = p99_ms(&mut arena, &mut worker, PROBE_FIRST, over).await?;
    worker.ask(&Request::Stop).await?;
    arena.load(0, round.size.loud, 1).await?;
    worker.ask(&Request::Work(work)).await?;
    let beside_ms = p99_ms(&mut arena, &mut worker, PROBE_FIRST * 2, over).await?;
    worker.end().await?;
    arena.close().await?;
    let [ratio, p99] = quiet_names(round.size);
    Ok(vec![
        Measure::new(ratio, "times", beside_ms / baseline_ms),
        Measure::new(p99, "ms", beside_ms),
    ])
}

async fn p99_ms(
    arena: &mut Arena<'_>,
    worker: &mut Process,
    first: u64,
    over: Duration,
) -> anyhow::Result<f64> {
    let feed = probes(first, PROBES_PER_SECOND, over, Some(QUIET_LANE));
    arena.driver.ask(&Request::Feed(feed)).await?;
    let fed = arena.driver.ask(&Request::Fed).await?;
    let starts = starts_of(worker).await?;
    Ok(percentile(&latencies_ms(&fed, &starts)?, 99.0))
}
