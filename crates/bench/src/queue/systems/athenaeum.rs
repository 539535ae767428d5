//! Ours, through the public interface of `queue`.

use std::sync::Arc;

use anyhow::Context;
use event::{ErrorChain, NewEvent, Outcome, Raw, Timestamp, Work as Owed};
use futures::FutureExt;
use futures::future::try_join_all;
use queue::{Claim, Committer, Handler, Options, Queue, Runner, RunnerOptions};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Fill, Program, System};
use crate::queue::driver::{self, Job, Seen, Stop, Work, payload, sequence_of};

pub(crate) const SYSTEM: System = System {
    name: "athenaeum",
    program: Program::Ours,
    by_default: true,
    claim: &["update jobs", "skip locked", "job_tokens"],
    fill: Fill::Sql(include_str!("athenaeum_fill.sql")),
    log_and_job: &["events", "jobs"],
};

const CONNECTIONS_MAX: usize = 32;

// What drains fastest on two cores: two runners, so that one's claim and the other's commit keep both
// busy, with a batch that makes a commit's wait small beside its work.
const RUNNERS_BEST: usize = 2;
const SLOTS_BEST: usize = 2_048;
const BATCH_BEST: usize = 1_024;

/// Serves one measurement's requests over the database of `DATABASE_URL`.
pub(crate) async fn drive() -> anyhow::Result<()> {
    let url = std::env::var("DATABASE_URL").context("DATABASE_URL is unset")?;
    driver::serve::<Athenaeum>(url).await
}

struct Athenaeum {
    url: String,
    queue: Queue,
    committer: Committer,
    shutdown: CancellationToken,
}

impl Drop for Athenaeum {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl driver::System for Athenaeum {
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const NO_LANES: Option<&'static str> = None;

    async fn open(url: String) -> anyhow::Result<Self> {
        let options = Options {
            database_url: url.clone(),
            listen_url: None,
            pool_connections_max: CONNECTIONS_MAX,
            application_name: "bench",
            allow_unsafe: false,
        };
        let queue = Queue::connect(options).await?;
        let shutdown = CancellationToken::new();
        // It ends with the token; what it was given is answered before that.
        let (committer, _) = queue.committer(shutdown.clone());
        Ok(Athenaeum { url, queue, committer, shutdown })
    }

    async fn prepare(&self) -> anyhow::Result<()> {
        Ok(service::migrate::run(&self.url).await.map(drop)?)
    }

    async fn enqueue(&self, jobs: Vec<Job>) -> anyhow::Result<()> {
        try_join_all(jobs.iter().map(|job| self.committer.commit(event_of(job)))).await?;
        Ok(())
    }

    async fn work(&self, work: Work, seen: Arc<Seen>) -> anyhow::Result<Stop> {
        let soft = CancellationToken::new();
        let mut running = Vec::new();
        let runners = if work.slots == 0 { RUNNERS_BEST } else { 1 };
        for number in 0..work.workers * runners {
            let runner = Runner::new(self.queue.clone(), options(&work, number));
            let (handler, hard) = (Account(Arc::clone(&seen)), CancellationToken::new());
            running.push(tokio::spawn(runner.run(handler, soft.clone(), hard)));
        }
        Ok(Box::new(move || {
            async move {
                soft.cancel();
                for worker in running {
                    worker.await??;
                }
                Ok(())
            }
            .boxed()
        }))
    }

    async fn left(&self) -> anyhow::Result<Option<u64>> {
        let live = self.queue.stats().await?.jobs;
        Ok(Some(live.waiting + live.ready + live.running + live.suspended))
    }
}

/// The handler: it reads the number and accounts for it.
struct Account(Arc<Seen>);

impl Handler for Account {
    async fn handle(&self, claim: &Claim, _: &queue::Stop) -> Outcome {
        match sequence_of(&claim.raw) {
            Ok(n) => {
                self.0.handle(n).await;
                Outcome::Done(None)
            }
            Err(error) => Outcome::Refused(ErrorChain::message(&error.to_string())),
        }
    }
}

fn options(work: &Work, number: usize) -> RunnerOptions {
    let slots = if work.slots == 0 { SLOTS_BEST } else { work.slots };
    let batch_max = if work.batch == 0 { BATCH_BEST } else { work.batch };
    RunnerOptions {
        name: format!("bench-{number}"),
        slots: u32::try_from(slots).unwrap_or(u32::MAX),
        batch_max,
        ..RunnerOptions::default()
    }
}

fn event_of(job: &Job) -> NewEvent {
    let now_us = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_us = now_us.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
    NewEvent {
        source: "bench".to_owned(),
        kind: "bench_job".to_owned(),
        tenant: "bench".to_owned(),
        actor: None,
        lane: job.lane.map(|lane| format!("lane-{lane}")),
        lane_order: i64::try_from(job.n).unwrap_or(i64::MAX),
        occurred_at: Timestamp(now_us),
        correlation_id: Uuid::new_v4(),
        delivery_key: format!("bench:{}", job.n),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(payload(job.n, job.bytes).into_bytes()),
        quarantine: None,
        work: Some(Owed::default()),
    }
}
