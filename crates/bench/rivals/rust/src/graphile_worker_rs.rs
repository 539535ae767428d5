//! `graphile_worker`, set up as its own benchmark `perf_test` does for throughput (500 slots, a local
//! queue of 5,000, completions batched for 5 ms), and without the batching where one job's latency or
//! one claim is measured.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use graphile_worker::{
    Database, IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, TaskHandler, Worker,
    WorkerContext, WorkerOptions, WorkerUtils,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::driver::{Job, Seen, Stop, System, Work, payload};

const SCHEMA: &str = "graphile_worker";
const CONNECTIONS_MAX: u32 = 80;

pub(crate) struct GraphileWorker {
    pool: PgPool,
    utils: WorkerUtils,
}

/// The job; its padding is not read.
#[derive(Deserialize, Serialize)]
struct BenchJob {
    n: u64,
}

#[derive(Clone, Debug)]
struct Account(Arc<Seen>);

impl TaskHandler for BenchJob {
    const IDENTIFIER: &'static str = "bench_job";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(Account(seen)) = context.get_ext::<Account>() {
            seen.handle(self.n).await;
        }
        Ok::<(), String>(())
    }
}

impl System for GraphileWorker {
    const VERSION: &'static str = "0.14.1";
    const NO_LANES: Option<&'static str> = None;

    async fn open(url: String) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).connect(&url).await?;
        let utils = WorkerUtils::new(Database::from(pool.clone()), SCHEMA);
        Ok(GraphileWorker { pool, utils })
    }

    async fn prepare(&self) -> anyhow::Result<()> {
        self.utils.migrate().await?;
        // Makes the task's row as well.
        self.options(1, 1, Arc::default()).init().await?;
        Ok(())
    }

    async fn enqueue(&self, jobs: Vec<Job>) -> anyhow::Result<()> {
        let specs = jobs.iter().map(|job| {
            let queue_name = job.lane.map(|lane| format!("lane-{lane}"));
            Ok(RawJobSpec {
                identifier: BenchJob::IDENTIFIER.to_owned(),
                payload: serde_json::from_str(&payload(job.n, job.bytes))?,
                spec: JobSpec { queue_name, ..JobSpec::default() },
            })
        });
        let mut specs: Vec<RawJobSpec> = specs.collect::<anyhow::Result<_>>()?;
        if specs.len() == 1 {
            let one = specs.remove(0);
            self.utils.add_raw_job(&one.identifier, one.payload, one.spec).await?;
        } else {
            self.utils.add_raw_jobs(&specs).await?;
        }
        Ok(())
    }

    async fn work(&self, work: Work, seen: Arc<Seen>) -> anyhow::Result<Stop> {
        let mut running = Vec::new();
        for _ in 0..work.workers {
            let slots = if work.slots == 0 { 500 } else { work.slots };
            let options = self.options(slots, work.batch, Arc::clone(&seen));
            let worker = Arc::new(options.init().await?);
            let task = tokio::spawn({
                let worker: Arc<Worker> = Arc::clone(&worker);
                async move { worker.run().await }
            });
            running.push((worker, task));
        }
        Ok(Box::new(move || {
            async move {
                for (worker, _) in &running {
                    worker.request_shutdown();
                }
                for (_, task) in running {
                    task.await??;
                }
                Ok(())
            }
            .boxed()
        }))
    }

    async fn left(&self) -> anyhow::Result<Option<u64>> {
        // Ended jobs are deleted, so the first row found answers.
        let query =
            "SELECT count(*) FROM (SELECT FROM graphile_worker._private_jobs LIMIT 1) AS one";
        let (left,): (i64,) = sqlx::query_as(query).fetch_one(&self.pool).await?;
        Ok(Some(left.unsigned_abs()))
    }
}

impl GraphileWorker {
    fn options(&self, slots: usize, batch: usize, seen: Arc<Seen>) -> WorkerOptions {
        let options = WorkerOptions::default()
            .database(self.pool.clone())
            .schema(SCHEMA)
            .concurrency(slots)
            .listen_os_shutdown_signals(false)
            .add_extension(Account(seen))
            .define_job::<BenchJob>();
        if batch == 1 {
            return options;
        }
        let size = if batch == 0 { 5_000 } else { batch };
        options
            .poll_interval(Duration::from_millis(5))
            .complete_job_batch_delay(Duration::from_millis(5))
            .local_queue(LocalQueueConfig::default().with_size(size))
    }
}
