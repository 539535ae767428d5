//! `athenaeum stats`.

use queue::{EndedCounts, LiveCounts, StorageMode};
use serde::Serialize;

use crate::exit::Exit;
use crate::moment::short;
use crate::output::{Output, table};
use crate::store;
use crate::view::Moment;

#[derive(Serialize)]
struct Figures {
    at: Moment,
    storage: StorageMode,
    jobs: LiveCounts,
    ended_last_day: EndedCounts,
    dead_letters: u64,
    oldest_ready_seconds: Option<f64>,
    workers: Vec<Worker>,
    kinds: Vec<Kind>,
}

#[derive(Serialize)]
struct Worker {
    id: i64,
    name: String,
    version: String,
    live: bool,
    slots: u32,
    running: u64,
    started_at: Moment,
    lease_until: Moment,
}

#[derive(Serialize)]
struct Kind {
    kind: String,
    jobs: LiveCounts,
}

pub(crate) async fn run(output: &Output) -> anyhow::Result<Exit> {
    let figures = Figures::from(store::open().await?.stats().await?);
    output.result(&figures, || people(&figures))?;
    Ok(Exit::Done)
}

impl From<queue::Stats> for Figures {
    fn from(stats: queue::Stats) -> Self {
        let worker = |worker: queue::WorkerStats| Worker {
            id: worker.id,
            name: worker.name,
            version: worker.version,
            live: worker.live,
            slots: worker.slots,
            running: worker.running,
            started_at: Moment(worker.started_at),
            lease_until: Moment(worker.lease_until),
        };
        let kind = |kind: queue::KindCount| Kind { kind: kind.kind, jobs: kind.jobs };
        Figures {
            at: Moment(stats.at),
            storage: stats.storage,
            jobs: stats.jobs,
            ended_last_day: stats.ended_last_day,
            dead_letters: stats.dead_letters,
            oldest_ready_seconds: stats.oldest_ready.map(|age| age.as_secs_f64()),
            workers: stats.workers.into_iter().map(worker).collect(),
            kinds: stats.kinds.into_iter().map(kind).collect(),
        }
    }
}

fn people(figures: &Figures) -> String {
    let jobs = &figures.jobs;
    let ended = &figures.ended_last_day;
    let oldest = match figures.oldest_ready_seconds {
        Some(seconds) => format!("{seconds:.1} s"),
        None => "none".to_owned(),
    };
    let storage = match figures.storage {
        StorageMode::Timescale => "TimescaleDB hypertables",
        StorageMode::Native => "native daily partitions",
    };
    let mut parts = vec![format!(
        "Live          {} waiting, {} ready, {} running, {} suspended\n\
         Oldest ready  {oldest}\n\
         Last day      {} done, {} dead, {} cancelled, {} expired\n\
         Dead letters  {}\n\
         Storage       {storage}",
        jobs.waiting,
        jobs.ready,
        jobs.running,
        jobs.suspended,
        ended.done,
        ended.dead,
        ended.cancelled,
        ended.expired,
        figures.dead_letters,
    )];
    if !figures.kinds.is_empty() {
        parts.push(kinds(&figures.kinds));
    }
    parts.push(match figures.workers.is_empty() {
        true => "No worker is running.".to_owned(),
        false => workers(&figures.workers),
    });
    parts.join("\n\n")
}

fn kinds(kinds: &[Kind]) -> String {
    let row = |kind: &Kind| {
        let LiveCounts { waiting, ready, running, suspended } = kind.jobs;
        let [waiting, ready, running, suspended] =
            [waiting, ready, running, suspended].map(|count| count.to_string());
        [kind.kind.clone(), waiting, ready, running, suspended]
    };
    let head = ["KIND", "WAITING", "READY", "RUNNING", "SUSPENDED"];
    table(head, &kinds.iter().map(row).collect::<Vec<_>>())
}

fn workers(workers: &[Worker]) -> String {
    let row = |worker: &Worker| {
        [
            worker.name.clone(),
            worker.version.clone(),
            format!("{}/{}", worker.running, worker.slots),
            short(worker.started_at.0),
            if worker.live { "live".to_owned() } else { "silent".to_owned() },
        ]
    };
    let head = ["WORKER", "VERSION", "BUSY", "SINCE (UTC)", "LEASE"];
    table(head, &workers.iter().map(row).collect::<Vec<_>>())
}
