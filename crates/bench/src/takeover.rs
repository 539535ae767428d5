//! `bench takeover`: how long the jobs of a worker that is killed wait for another one.
//!
//! Each kill is of a fresh worker that shares its jobs with one that lives on: its guard restarts it
//! as well, but not before the other has taken over. Times run from the signal to the database's
//! record of the next claim, for every job that was in flight; both clocks are this machine's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use sim::model::Step;
use tokio::process::Child;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::figures::{self, Figure, percentile, say};
use crate::fleet::crew::{self, Crew};

/// What to measure.
#[derive(Args)]
pub(crate) struct Options {
    /// Workers killed, one after another.
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// Jobs that each holds when it is killed, at least.
    #[arg(long, default_value_t = 4)]
    jobs: usize,
    /// One JSON object a line on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

/// Slots of each worker: enough that nobody waits for one.
const SLOTS: u32 = 256;

/// How long the model lets jobs hang, so that they are in flight when their worker is killed.
const THINKING: Duration = Duration::from_secs(20);

/// How long a step may take before the measurement counts as failed: longer than a lease, so that a
/// takeover at its end is measured and not cut off.
const LIMIT: Duration = Duration::from_secs(60);

/// How often the database is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    ensure!(options.kills > 0 && options.jobs > 0, "kills and jobs must be above zero");
    crew::build()?;
    say("PostgreSQL, local Slack, model, ingest and the worker that takes over …");
    let cluster = tokio::task::spawn_blocking(Cluster::start).await??;
    service::migrate::run(&cluster.url).await.context("the schema")?;
    let crew = Crew::start(&cluster.url, 1, SLOTS).await?;
    let (sql, connection) = tokio_postgres::connect(&cluster.url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let mut times_ms = Vec::new();
    for number in 1..=options.kills {
        let mut times = kill(&crew, &sql, options.jobs).await?;
        times.sort_by(f64::total_cmp);
        let worst = percentile(&times, 100.0);
        say(&format!("kill {number} of {}: {} jobs, {worst:.0} ms", options.kills, times.len()));
        times_ms.extend(times);
    }
    drop(sql);
    connection.await??;
    crew.stop().await?;
    drop(cluster);
    times_ms.sort_by(f64::total_cmp);
    let figures: Vec<Figure> = [50.0, 99.0, 100.0]
        .map(|percent| {
            let case = format!("takeover_p{percent}_ms");
            Figure::over(&case, "ms", &[percentile(&times_ms, percent)])
        })
        .into();
    figures::print(&figures, options.json)
}

/// Kills one worker with at least `jobs` jobs in flight. How long each waited, in milliseconds.
async fn kill(crew: &Crew, sql: &Client, jobs: usize) -> anyhow::Result<Vec<f64>> {
    let mut guard = crew.another_worker(SLOTS).await?;
    let worker = guarded(&guard)?;
    let held = load(crew, sql, worker, jobs).await?;
    let killed_at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    kill_process(worker, Signal::KILL)?;
    crew.model.clear_script();
    let claimed = "SELECT min(extract(epoch FROM claimed_at))::float8 FROM (\
                       SELECT event_id, token, claimed_at FROM jobs \
                       UNION ALL SELECT event_id, token, started_at FROM attempt_history) claims \
                    WHERE event_id = ANY ($1) AND token > $2 GROUP BY event_id";
    let (events, tokens): (Vec<i64>, Vec<i64>) = held.into_iter().unzip();
    let newest = tokens.into_iter().max().unwrap_or_default();
    let begun = Instant::now();
    let times = loop {
        let rows = sql.query(claimed, &[&events, &newest]).await?;
        if rows.len() == events.len() {
            break rows.iter().map(|row| (row.get::<_, f64>(0) - killed_at) * 1000.0).collect();
        }
        ensure!(begun.elapsed() < LIMIT, "{} of {} jobs taken over", rows.len(), events.len());
        sleep(LOOK_EVERY).await;
    };
    guard.kill().await?;
    Ok(times)
}

/// Mentions the bot until the worker has that many jobs in hand; their events and tokens.
async fn load(
    crew: &Crew,
    sql: &Client,
    worker: Pid,
    jobs: usize,
) -> anyhow::Result<Vec<(i64, i64)>> {
    let in_hand = "SELECT j.event_id, j.token FROM jobs j JOIN workers w ON w.id = j.holder \
                    WHERE j.token IS NOT NULL AND w.name LIKE '%:' || $1";
    let (name, begun) = (worker.as_raw_pid().to_string(), Instant::now());
    loop {
        let rows = sql.query(in_hand, &[&name]).await?;
        if rows.len() >= jobs {
            return Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect());
        }
        ensure!(begun.elapsed() < LIMIT, "the worker claims nothing");
        let delay_ms = u64::try_from(THINKING.as_millis())?;
        crew.model.script([Step { delay_ms, ..Step::answer("late") }]);
        crew.mention()?;
        sleep(LOOK_EVERY).await;
    }
}

/// The worker under a guard.
fn guarded(guard: &Child) -> anyhow::Result<Pid> {
    let children = crew::children(guard.id().context("the guard ended")?)?;
    let [worker] = children[..] else { anyhow::bail!("expected one worker, found {children:?}") };
    Pid::from_raw(i32::try_from(worker)?).context("a process id is not zero")
}
