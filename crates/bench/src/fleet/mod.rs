//! `bench fleet`: mention → ack, → first sign, → reply, and events per second.
//!
//! Everything runs on this machine: a private durable PostgreSQL, ingest, workers, the local Slack
//! (its rate limits lifted) and the offline model. The model's own time is measured by the model
//! and reported beside the reply's.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;

use crate::cluster::Cluster;
use crate::figures::{self, Figure, percentile, say};

pub(crate) mod crew;
mod round;

use crew::Crew;
use round::Round;

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Mentions of a latency round.
    #[arg(long, default_value_t = 200)]
    mentions: usize,
    /// Mentions a second in a latency round; well below what the machine can do.
    #[arg(long, default_value_t = 10.0)]
    rate: f64,
    /// Mentions sent at once in a throughput round.
    #[arg(long, default_value_t = 1000)]
    burst: usize,
    /// Rounds of each kind, alternating.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Worker processes.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Slots of each worker.
    #[arg(long, default_value_t = 32)]
    slots: u32,
    /// One JSON object a line on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

/// How long a burst may take before the measurement counts as failed.
const ROUND_LIMIT: Duration = Duration::from_secs(180);

/// Mentions before the first counted round: caches, connections and pages become warm.
const WARM_UP: usize = 50;

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.rounds > 0 && options.rate > 0.0, "rounds and rate must be above zero");
    crew::build()?;
    say("PostgreSQL, local Slack, model, ingest and workers …");
    let cluster = tokio::task::spawn_blocking(Cluster::start).await??;
    service::migrate::run(&cluster.url).await.context("the schema")?;
    let crew = Crew::start(&cluster.url, options.workers, options.slots).await?;
    Round::paced(&crew, WARM_UP, 50.0).await?;
    let (mut paced, mut bursts) = (Vec::new(), Vec::new());
    for number in 1..=options.rounds {
        say(&format!("round {number} of {}: {} mentions, paced", options.rounds, options.mentions));
        paced.push(Round::paced(&crew, options.mentions, options.rate).await?);
        say(&format!("round {number} of {}: {} mentions at once", options.rounds, options.burst));
        bursts.push(Round::burst(&crew, options.burst).await?);
    }
    let idle = crew.worker_memory_mb()?;
    crew.stop().await?;
    drop(cluster);
    figures::print(&collect(&options, &paced, &bursts, &idle), options.json)
}

fn collect(options: &Options, paced: &[Round], bursts: &[Round], memory: &[f64]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (name, pick) in round::SPANS {
        for percent in [50.0, 95.0, 99.0] {
            let rounds: Vec<f64> = paced.iter().map(|round| round.at(*pick, percent)).collect();
            figures.push(Figure::over(&format!("{name}_p{percent}_ms"), "ms", &rounds));
        }
    }
    let burst = options.burst;
    let rates: Vec<f64> = bursts.iter().map(Round::events_per_second).collect();
    figures.push(Figure::over(&format!("events_per_second_burst_{burst}"), "events/s", &rates));
    let acks: Vec<f64> = bursts.iter().map(|round| percentile(&round.acks_ms, 99.0)).collect();
    figures.push(Figure::over(&format!("burst_{burst}_envelope_to_ack_p99_ms"), "ms", &acks));
    figures.push(Figure::over("worker_memory_after_mb", "MB", memory));
    figures
}
