//! `bench start`: from the start of a worker's process to its first claim, with a job waiting.
//!
//! The guard's own start, the worker's, the checks of database and Slack and the first claim are all
//! in it. The end is the database's record of the claim; both clocks are this machine's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use clap::Args;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::figures::{self, Figure, percentile, say};
use crate::fleet::crew::{self, Crew};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Workers started, one after another.
    #[arg(long, default_value_t = 20)]
    starts: usize,
    /// One JSON object a line on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

/// How long a step may take before the measurement counts as failed.
const LIMIT: Duration = Duration::from_secs(60);

/// How often the database is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.starts > 0, "starts must be above zero");
    crew::build()?;
    say("PostgreSQL, local Slack, model and ingest …");
    let cluster = tokio::task::spawn_blocking(Cluster::start).await??;
    service::migrate::run(&cluster.url).await.context("the schema")?;
    let crew = Crew::start(&cluster.url, 0, 1).await?;
    let (sql, connection) = tokio_postgres::connect(&cluster.url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut times_ms = Vec::new();
    for _ in 0..options.starts {
        times_ms.push(start(&crew, &sql).await?);
    }
    drop(sql);
    connection.await??;
    crew.stop().await?;
    drop(cluster);
    times_ms.sort_by(f64::total_cmp);
    let at = |percent| percentile(&times_ms, percent);
    let figures = [50.0, 99.0].map(|percent| {
        Figure::over(&format!("worker_start_to_claim_p{percent}_ms"), "ms", &[at(percent)])
    });
    figures::print(&figures, options.json)
}

/// One when no worker has a session any more.
const GONE: &str = "SELECT (count(*) = 0)::int::bigint FROM pg_stat_activity
                     WHERE application_name LIKE 'athenaeum-worker%'";

/// One start, in milliseconds.
async fn start(crew: &Crew, sql: &Client) -> anyhow::Result<f64> {
    let ended = "SELECT count(*) FROM outcomes";
    let before = count(sql, ended).await?;
    crew.mention()?;
    reach(sql, "SELECT count(*) FROM jobs", 1).await?;
    let started_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    let mut worker = crew.another_worker(1).await?;
    reach(sql, ended, before + 1).await?;
    let claimed = "SELECT max(extract(epoch FROM started_at))::float8 FROM outcomes";
    let claimed_at: f64 = sql.query_one(claimed, &[]).await?.get(0);
    worker.kill().await?;
    // The guard is dead, and its worker dies with it, a moment later: what it claimed until then would
    // wait for its lease to end.
    reach(sql, GONE, 1).await?;
    Ok((claimed_at - started_at) * 1000.0)
}

async fn reach(sql: &Client, statement: &str, number: i64) -> anyhow::Result<()> {
    let begun = Instant::now();
    while count(sql, statement).await? < number {
        ensure!(begun.elapsed() < LIMIT, "waited in vain: {statement}");
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}

async fn count(sql: &Client, statement: &str) -> anyhow::Result<i64> {
    Ok(sql.query_one(statement, &[]).await?.get(0))
}
