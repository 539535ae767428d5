//! From a commit's return to the start of its job, job by job: with nothing else to do in one process
//! and across two, and with half of what the system can sustain going on beside.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::ensure;
use futures::FutureExt;
use tokio::time::sleep;

use super::arena::{flat_out, probes};
use super::{Arena, Case, Measured, Round};
use crate::figures::percentile;
use crate::queue::driver::{Answer, Feed, Request, Work};
use crate::queue::process::Process;
use crate::queue::report::Measure;

pub(super) const IDLE: Case = Case {
    name: "start_latency",
    figures: |_| names("start_latency", true),
    once: false,
    run: |round| idle(round).boxed(),
};

pub(super) const PROCESSES: Case = Case {
    name: "start_latency_processes",
    figures: |_| names("start_latency_processes", false),
    once: false,
    run: |round| processes(round).boxed(),
};

pub(super) const HALF_LOAD: Case = Case {
    name: "start_latency_half_load",
    figures: |_| names("start_latency_half_load", false),
    once: false,
    run: |round| half_load(round).boxed(),
};

/// Jobs a second whose latency is taken.
const PROBES_PER_SECOND: f64 = 50.0;
const PROBES_OVER: Duration = Duration::from_secs(8);
/// The first ones find caches and connections cold.
const WARM_UP: usize = 25;
/// Probes have numbers from here on.
const PROBE_FIRST: u64 = 1_000_000_000;
/// How long a last probe may take.
const SETTLE: Duration = Duration::from_secs(3);
const SLOTS: usize = 16;

fn names(what: &str, commits: bool) -> Vec<String> {
    let mut names = vec![format!("{what}_p50_ms"), format!("{what}_p99_ms")];
    if commits {
        names.extend(["commit_ms_p50".to_owned(), "commit_ms_p99".to_owned()]);
    }
    names
}

async fn idle(round: Round<'_>) -> Measured {
    let mut arena = Arena::open(round).await?;
    watch(&mut arena.driver, 1).await?;
    arena.driver.ask(&Request::Feed(plain_probes())).await?;
    let fed = arena.driver.ask(&Request::Fed).await?;
    let starts = starts_of(&mut arena.driver).await?;
    arena.close().await?;
    let mut measures = measures("start_latency", &fed, &starts)?;
    let commits_ms = fed.commits.iter().skip(WARM_UP).map(|(_, from, to)| ms(*from, *to));
    let mut commits_ms: Vec<f64> = commits_ms.collect();
    commits_ms.sort_by(f64::total_cmp);
    measures.push(Measure::new("commit_ms_p50", "ms", percentile(&commits_ms, 50.0)));
    measures.push(Measure::new("commit_ms_p99", "ms", percentile(&commits_ms, 99.0)));
    Ok(measures)
}

async fn processes(round: Round<'_>) -> Measured {
    let mut arena = Arena::open(round).await?;
    let mut worker = arena.second()?;
    watch(&mut worker, 1).await?;
    arena.driver.ask(&Request::Feed(plain_probes())).await?;
    let fed = arena.driver.ask(&Request::Fed).await?;
    let starts = starts_of(&mut worker).await?;
    worker.end().await?;
    arena.close().await?;
    measures("start_latency_processes", &fed, &starts)
}

async fn half_load(round: Round<'_>) -> Measured {
    let mut arena = Arena::open(round).await?;
    // The same workers first show what they can sustain.
    watch(&mut arena.driver, 0).await?;
    let busy = round.size.busy;
    arena.driver.ask(&Request::Feed(flat_out(0, busy, 0))).await?;
    arena.throughput(busy / 4).await?;
    let sustained = arena.throughput(busy / 2).await?;
    let fed = arena.driver.ask(&Request::Fed).await?;
    arena.wait(fed.jobs).await?;
    let rate = sustained / 2.0;
    let batch = (rate / 100.0).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "jobs in 10 ms")]
    let batch = batch as u64;
    let load = flat_out(fed.jobs, PROBES_OVER + Duration::from_secs(1), 0);
    arena.driver.ask(&Request::Feed(Feed { rate, batch, ..load })).await?;
    sleep(Duration::from_millis(500)).await;
    arena.driver.ask(&Request::Feed(plain_probes())).await?;
    let fed = arena.driver.ask(&Request::Fed).await?;
    let starts = starts_of(&mut arena.driver).await?;
    arena.close().await?;
    measures("start_latency_half_load", &fed, &starts)
}

fn plain_probes() -> Feed {
    probes(PROBE_FIRST, PROBES_PER_SECOND, PROBES_OVER, None)
}

/// Starts workers that record the probes' starts; with a batch of 1 those that wait for single jobs.
async fn watch(worker: &mut Process, batch: usize) -> anyhow::Result<()> {
    let slots = if batch == 1 { SLOTS } else { 0 };
    let work = Work { slots, batch, workers: 1, think_ms: 0, record_from: PROBE_FIRST };
    worker.ask(&Request::Work(work)).await?;
    Ok(())
}

/// The starts, once the last probe has had time for its own.
pub(super) async fn starts_of(worker: &mut Process) -> anyhow::Result<Vec<(u64, u64)>> {
    sleep(SETTLE).await;
    Ok(worker.ask(&Request::Starts).await?.starts)
}

fn measures(what: &str, fed: &Answer, starts: &[(u64, u64)]) -> Measured {
    let latencies_ms = latencies_ms(fed, starts)?;
    Ok(vec![
        Measure::new(format!("{what}_p50_ms"), "ms", percentile(&latencies_ms, 50.0)),
        Measure::new(format!("{what}_p99_ms"), "ms", percentile(&latencies_ms, 99.0)),
    ])
}

/// Sorted times from each probe's commit to its start; 0 for one that started before its committer
/// had heard of the commit.
pub(super) fn latencies_ms(fed: &Answer, starts: &[(u64, u64)]) -> anyhow::Result<Vec<f64>> {
    let starts: HashMap<u64, u64> = starts.iter().copied().collect();
    let probes = fed.commits.iter().skip(WARM_UP);
    let found = probes.clone().filter_map(|(n, _, committed_ns)| {
        starts.get(n).map(|started_ns| ms(*committed_ns, *started_ns))
    });
    let mut latencies_ms: Vec<f64> = found.collect();
    ensure!(
        latencies_ms.len() == probes.len() && !latencies_ms.is_empty(),
        "{} of {} probes were started in time",
        latencies_ms.len(),
        probes.len()
    );
    latencies_ms.sort_by(f64::total_cmp);
    Ok(latencies_ms)
}

fn ms(from_ns: u64, to_ns: u64) -> f64 {
    to_ns.saturating_sub(from_ns) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_counts_from_the_commits_return_and_a_lost_probe_is_no_figure() {
        let count = WARM_UP as u64 + 2;
        let commits = (0..count).map(|n| (n, 0, 1_000_000)).collect();
        let fed = Answer { commits, ..Answer::default() };
        let mut starts: Vec<(u64, u64)> = (0..count).map(|n| (n, 2_500_000)).collect();
        assert_eq!(latencies_ms(&fed, &starts).expect("all started"), [1.5, 1.5]);
        starts.pop();
        assert!(latencies_ms(&fed, &starts).is_err());
    }
}
