//! `awa` with its default storage, set up for throughput as its own benchmarks do: no deadline per
//! claim (its short path) and COPY for batches.

use std::sync::Arc;
use std::time::Duration;

use awa::model::InsertParams;
use awa::{
    Client, InsertOpts, JobContext, JobError, JobResult, QueueConfig, QueueStorage,
    QueueStorageConfig, Worker,
};
use futures::FutureExt;
use sqlx_of_awa::PgPool;
use sqlx_of_awa::postgres::PgPoolOptions;

use crate::driver::{Job, Seen, Stop, System, Work, payload};

const QUEUE: &str = "bench";
const KIND: &str = "bench_job";
const CONNECTIONS_MAX: u32 = 180;
const DRAIN: Duration = Duration::from_secs(30);

pub(crate) struct Awa {
    pool: PgPool,
    store: QueueStorage,
}

struct BenchWorker(Arc<Seen>);

#[async_trait::async_trait]
impl Worker for BenchWorker {
    fn kind(&self) -> &'static str {
        KIND
    }

    async fn perform(&self, context: &JobContext) -> Result<JobResult, JobError> {
        let n = context.job.args.get("n").and_then(serde_json::Value::as_u64).unwrap_or_default();
        self.0.handle(n).await;
        Ok(JobResult::Completed)
    }
}

impl System for Awa {
    const VERSION: &'static str = "0.6.9";
    const NO_LANES: Option<&'static str> =
        Some("an ordering key orders the claims, but does not run one job at a time");

    async fn open(url: String) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).connect(&url).await?;
        Ok(Awa { pool, store: QueueStorage::new(QueueStorageConfig::default())? })
    }

    async fn prepare(&self) -> anyhow::Result<()> {
        // Its future is not `Send` for every lifetime, so it runs on a thread that need not send it.
        let (pool, runtime) = (self.pool.clone(), tokio::runtime::Handle::current());
        let migrating = move || runtime.block_on(awa::migrations::run(&pool));
        Ok(tokio::task::spawn_blocking(migrating).await??)
    }

    async fn enqueue(&self, jobs: Vec<Job>) -> anyhow::Result<()> {
        let parameters = jobs.iter().map(|job| {
            Ok(InsertParams {
                kind: KIND.to_owned(),
                args: serde_json::from_str(&payload(job.n, job.bytes))?,
                opts: InsertOpts { queue: QUEUE.to_owned(), ..InsertOpts::default() },
            })
        });
        let parameters: Vec<_> = parameters.collect::<anyhow::Result<_>>()?;
        if parameters.len() == 1 {
            awa::insert_many(&self.pool, &parameters).await?;
        } else {
            self.store.enqueue_params_copy(&self.pool, &parameters).await?;
        }
        Ok(())
    }

    async fn work(&self, work: Work, seen: Arc<Seen>) -> anyhow::Result<Stop> {
        let mut clients = Vec::new();
        for _ in 0..work.workers {
            let mut config =
                QueueConfig { deadline_duration: Duration::ZERO, ..QueueConfig::default() };
            config.max_workers = if work.slots == 0 { 500 } else { u32::try_from(work.slots)? };
            if work.batch > 0 {
                config.claim_batch_size = work.batch;
            }
            let client = Client::builder(self.pool.clone())
                .queue(QUEUE, config)
                .register_worker(BenchWorker(Arc::clone(&seen)))
                .build()?;
            client.start().await?;
            clients.push(client);
        }
        Ok(Box::new(move || {
            async move {
                for client in clients {
                    client.shutdown(DRAIN).await;
                }
                Ok(())
            }
            .boxed()
        }))
    }

    async fn left(&self) -> anyhow::Result<Option<u64>> {
        let counts = self.store.queue_counts(&self.pool, QUEUE).await?;
        Ok(Some((counts.available + counts.running).unsigned_abs()))
    }
}
