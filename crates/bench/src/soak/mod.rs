//! The queue under faults of every kind at once, judged by a program that shares no code with it.
//!
//! The conductor (this process) starts a private PostgreSQL, enqueuers and workers (itself again,
//! with hidden subcommands), each behind a line of its own that can be cut; injects faults as a
//! seed says; at the end heals everything, waits until nothing is live, writes all down and runs the
//! checker.

mod enqueuer;
mod faults;
mod handler;
mod journal;
mod operators;
mod orders;
mod outside;
mod plan;
mod server;
mod stage;
mod verdict;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use queue::Queue;
use serde_json::{Value, json};
use sim::link::Weather;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::figures::say;
use server::Server;
use stage::{Role, Stage};
use verdict::Moments;

/// What a soak is asked to be.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Events to bring in.
    #[arg(long, default_value_t = 100_000)]
    events: u64,
    /// Bring nothing more in after this many seconds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Decides events, handlers and faults; random when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// Events a second, 0 for as many as can be.
    #[arg(long, default_value_t = 0)]
    rate: u64,
    /// Seconds between two faults, on the average.
    #[arg(long, default_value_t = 1.5)]
    fault_every: f64,
    /// Without the SIGSTOPs that last longer than a lease; those with an ended lease stay.
    #[arg(long = "no-long-stops", action = clap::ArgAction::SetFalse)]
    long_stops: bool,
    /// Worker processes.
    #[arg(long, default_value_t = 3)]
    workers: u32,
    /// Jobs that a worker runs at once.
    #[arg(long, default_value_t = 16)]
    slots: usize,
    /// Enqueuer processes.
    #[arg(long, default_value_t = 2)]
    enqueuers: u32,
    /// Appends a line about the run to this file.
    #[arg(long)]
    ledger: Option<PathBuf>,
    /// Keeps journals and dump in this new directory.
    #[arg(long)]
    keep: Option<PathBuf>,
}

/// A hidden subcommand's only argument: what the conductor tells the child, as JSON.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Part {
    json: String,
}

/// How long the jobs may take to end once everything is healed. Of 100,000 events a busy lane has a
/// thousand left by then, which it ends at a few a second: a retry's pause holds it.
const QUIET_WITHIN: Duration = Duration::from_secs(1_200);

/// How often the conductor looks whether everything was brought in.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs a soak; fails when it is condemned, or when it proves nothing.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let begun = Instant::now();
    let seed = options.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let home = tempfile::Builder::new().prefix("athenaeum-soak-").tempdir()?;
    // The cluster's owner must be able to enter it.
    world_readable(home.path())?;
    let run = options.keep.clone().unwrap_or_else(|| home.path().join("run"));
    for folder in verdict::FOLDERS {
        std::fs::create_dir_all(run.join(folder))?;
    }
    let run = run.canonicalize()?;
    say(&format!("soak with seed {seed}, journals in {run:?}"));
    let server = Server::start(home.path().join("cluster")).await?;
    service::migrate::run(&server.url).await.context("the migrations do not run")?;
    server.sql().await?.batch_execute(include_str!("../../../checker/history.sql")).await?;
    let stage = Arc::new(Stage::set(options, seed, run, server).await?);
    let moments = perform(&stage).await?;
    verdict::write_down(&stage, moments, QUIET_WITHIN).await?;
    conclude(&stage, begun.elapsed()).await
}

/// A child's life.
pub(crate) async fn run_enqueuer(part: Part) -> anyhow::Result<()> {
    enqueuer::run(serde_json::from_str(&part.json)?).await
}

/// A child's life.
pub(crate) async fn run_worker(part: Part) -> anyhow::Result<()> {
    worker::run(serde_json::from_str(&part.json)?).await
}

/// Everything from the first event to the last worker's end.
async fn perform(stage: &Arc<Stage>) -> anyhow::Result<Moments> {
    let (calm, over) = (CancellationToken::new(), CancellationToken::new());
    let every = Duration::from_secs_f64(stage.options.fault_every);
    let faults = tokio::spawn(faults::inject(Arc::clone(stage), every, calm.clone()));
    let operating = tokio::spawn(operators::operate(Arc::clone(stage), calm.clone()));
    let sampling = tokio::spawn(operators::sample(Arc::clone(stage), over.clone()));
    tokio::select! {
        tended = stage.tend() => tended?,
        () = all_offered(stage) => {}
    }
    // The children are tended while the faults under way come to their end.
    calm.cancel();
    let ended = async {
        faults.await?;
        operating.await?
    };
    tokio::select! {
        tended = stage.tend() => tended?,
        ended = ended => ended?,
    }
    for link in stage.links() {
        link.disarm();
        link.set_weather(Weather::Clear);
    }
    let sql = stage.server.sql_soon().await?;
    let faults_stopped = verdict::database_us(&sql).await?;
    stage.finish(Role::Enqueuer).await?;
    let enqueuing_stopped = verdict::database_us(&sql).await?;
    tokio::select! {
        tended = stage.tend() => tended?,
        quiet = verdict::quiet(stage, QUIET_WITHIN) => quiet?,
    }
    stage.finish(Role::Worker).await?;
    over.cancel();
    sampling.await??;
    Ok(Moments { enqueuing_stopped, faults_stopped })
}

/// Returns when all was brought in, or the time for it is over.
async fn all_offered(stage: &Stage) {
    let begun = Instant::now();
    let seconds = stage.options.seconds.map(Duration::from_secs);
    while !stage.all_offered() && seconds.is_none_or(|seconds| begun.elapsed() < seconds) {
        sleep(LOOK_EVERY).await;
    }
}

/// Judges, reports, enters the ledger.
async fn conclude(stage: &Stage, took: Duration) -> anyhow::Result<()> {
    let (acquitted, said) = verdict::judge(&stage.run).await?;
    say(said.trim_end());
    let charged = verdict::charged_to_outages(stage).await?;
    let counts = stage.counts();
    let sql = stage.server.sql_soon().await?;
    let ended = "SELECT state, count(*) FROM outcomes GROUP BY state ORDER BY state";
    let ended: Value = sql
        .query(ended, &[])
        .await?
        .iter()
        .map(|row| (row.get::<_, String>(0), Value::from(row.get::<_, i64>(1))))
        .collect();
    let events: i64 = sql.query_one("SELECT count(*) FROM events", &[]).await?.get(0);
    let lost: i64 = sql
        .query_one("SELECT count(*) FROM attempt_history WHERE outcome = 'lost'", &[])
        .await?
        .get(0);
    let line = json!({
        "at": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "commit": verdict::commit(), "seed": stage.seed, "seconds": took.as_secs(),
        "events": events, "ended": ended, "lost_attempts": lost,
        "charged_to_outages": charged.len(), "faults": counts, "acquitted": acquitted,
    });
    say(&line.to_string());
    if let Some(ledger) = &stage.options.ledger {
        verdict::enter(ledger, &line)?;
    }
    ensure!(acquitted, "the checker does not acquit this run");
    let some: Vec<_> = charged.iter().take(10).collect();
    ensure!(charged.is_empty(), "attempts were charged to outages of the database: {some:?}");
    verdict::all_fired(&counts)?;
    ensure!(ended["done"].as_i64().is_some_and(|done| done > 0), "nothing was finished");
    Ok(())
}

/// The engine as a child uses it.
async fn queue(url: &str, name: &'static str, connections: usize) -> anyhow::Result<Queue> {
    let options = queue::Options {
        database_url: url.to_owned(),
        listen_url: None,
        pool_connections_max: connections,
        application_name: name,
        allow_unsafe: false,
    };
    Ok(Queue::connect(options).await?)
}

fn world_readable(folder: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))?)
}
