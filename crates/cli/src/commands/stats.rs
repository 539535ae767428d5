//! `athenaeum stats`.

use queue::{Conservation, EndedCounts, KindCount, LiveCounts, StorageMode, WorkerStats};
use serde::Serialize;

use crate::exit::Exit;
use crate::moment::short;
use crate::output::{Output, table};
use crate::store;
use crate::view::{Moment, views};

#[derive(Serialize)]
struct Figures {
    at: Moment,
    storage: StorageMode,
    jobs: LiveCounts,
    ended_last_day: EndedCounts,
    conservation: Conservation,
    dead_letters: u64,
    oldest_ready_seconds: Option<f64>,
    workers: Vec<Worker>,
    kinds: Vec<KindCount>,
}

views! {
    Worker of WorkerStats {
        id: i64,
        name: String,
        version: String,
        live: bool,
        slots: u32,
        running: u64,
        started_at: Moment,
        lease_until: Moment,
    }
}

pub(crate) async fn run(output: &Output) -> anyhow::Result<Exit> {
    let figures = Figures::from(store::open().await?.stats().await?);
    output.result(&figures, || people(&figures))?;
    Ok(Exit::Done)
}

impl From<queue::Stats> for Figures {
    fn from(stats: queue::Stats) -> Self {
        Figures {
            at: Moment(stats.at),
            storage: stats.storage,
            jobs: stats.jobs,
            ended_last_day: stats.ended_last_day,
            conservation: stats.conservation,
            dead_letters: stats.dead_letters,
            oldest_ready_seconds: stats.oldest_ready.map(|age| age.as_secs_f64()),
            workers: stats.workers.into_iter().map(Worker::from).collect(),
            kinds: stats.kinds,
        }
    }
}

fn people(figures: &Figures) -> String {
    let jobs = &figures.jobs;
    let oldest = match figures.oldest_ready_seconds {
        Some(seconds) => format!("{seconds:.1} s"),
        None => "none".to_owned(),
    };
    let (made, ended) = (figures.conservation.made, figures.conservation.ended);
    let ended_all = ended.done + ended.dead + ended.cancelled + ended.expired;
    let conserved = match figures.conservation.balanced {
        true => format!("{made} made, {ended_all} ended, the rest lives"),
        false => {
            format!("{made} made, {ended_all} ended: THE SUMS DISAGREE, jobs were lost or doubled")
        }
    };
    let ended = &figures.ended_last_day;
    let storage = match figures.storage {
        StorageMode::Timescale => "TimescaleDB hypertables",
        StorageMode::Native => "native daily partitions",
    };
    let mut parts = vec![format!(
        "Live          {} waiting, {} ready, {} running, {} suspended\n\
         Oldest ready  {oldest}\n\
         Last day      {} done, {} dead, {} cancelled, {} expired\n\
         Dead letters  {}\n\
         All jobs      {conserved}\n\
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

fn kinds(kinds: &[KindCount]) -> String {
    let row = |kind: &KindCount| {
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
