//! Ours, through the public interface of `queue`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use event::{NewEvent, Outcome, Policy, Raw, Timestamp, Work as Owed};
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use queue::{Committer, Incarnation, Options, Queue};
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Fill, Program, System};
use crate::queue::driver::{self, Job, Seen, Stop, Work, payload, sequence_of};

pub(crate) const SYSTEM: System = System {
    name: "athenaeum",
    program: Program::Ours,
    by_default: true,
    claim: &["update jobs", "skip locked"],
    fill: Fill::Sql(include_str!("athenaeum_fill.sql")),
    log_and_job: &["events", "jobs"],
};

const CONNECTIONS_MAX: usize = 32;
const BATCH_BEST: usize = 500;
const POLL: Duration = Duration::from_secs(1);
const RENEW_EVERY: Duration = Duration::from_secs(10);

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
        let (stop, stopped) = watch::channel(false);
        let shutdown = CancellationToken::new();
        let (wakeups, _) = self.queue.wakeups(shutdown.clone());
        let mut running = Vec::new();
        for number in 0..work.workers {
            let who = self.queue.register(&format!("bench-{number}"), "0", 1).await?;
            let worker = Worker {
                queue: self.queue.clone(),
                who,
                work,
                seen: Arc::clone(&seen),
                wakeups: wakeups.clone(),
                stopped: stopped.clone(),
            };
            running.push(tokio::spawn(worker.run()));
        }
        Ok(Box::new(move || {
            async move {
                stop.send(true)?;
                for worker in running {
                    worker.await??;
                }
                shutdown.cancel();
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

struct Worker {
    queue: Queue,
    who: Incarnation,
    work: Work,
    seen: Arc<Seen>,
    wakeups: watch::Receiver<u64>,
    stopped: watch::Receiver<bool>,
}

impl Worker {
    async fn run(mut self) -> anyhow::Result<()> {
        let (queue, who) = (self.queue.clone(), self.who);
        let renewing = tokio::spawn(async move {
            let mut tick = interval(RENEW_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                if queue.renew(who).await.is_err() {
                    return;
                }
            }
        });
        let worked = self.claim_until_stopped().await;
        renewing.abort();
        worked?;
        Ok(self.queue.retire(self.who).await?)
    }

    async fn claim_until_stopped(&mut self) -> anyhow::Result<()> {
        let best = if self.work.slots == 0 { BATCH_BEST } else { self.work.slots };
        let limit = if self.work.batch == 0 { best } else { self.work.batch.min(best) };
        while !*self.stopped.borrow() {
            self.wakeups.borrow_and_update();
            let claims = self.queue.claim(self.who, limit).await?;
            if claims.is_empty() {
                let hint = async {
                    tokio::select! {
                        _ = self.wakeups.changed() => {}
                        _ = self.stopped.changed() => {}
                    }
                };
                let _ = timeout(POLL, hint).await;
                continue;
            }
            // All handlers at once; their ends no more than there are connections for.
            let connections = &Semaphore::new(CONNECTIONS_MAX / 2);
            let handled = claims.iter().map(async |claim| {
                self.seen.handle(sequence_of(&claim.raw)?).await;
                let _connection = connections.acquire().await?;
                self.queue.settle(claim, Outcome::Done(None), &Policy::ANSWER).await?;
                anyhow::Ok(())
            });
            for one in join_all(handled).await {
                one?;
            }
        }
        Ok(())
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
        raw: Raw::keep(payload(job.n, job.bytes).into_bytes()),
        quarantine: None,
        work: Some(Owed::default()),
    }
}
