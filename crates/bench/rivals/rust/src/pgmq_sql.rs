//! `pgmq` from its crate's embedded SQL: messages are read with a visibility timeout and deleted.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use pgmq::{Message, PGMQueueExt};
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::watch;

use crate::driver::{Job, Seen, Stop, System, Work, payload};

const QUEUE: &str = "bench";
const CONNECTIONS_MAX: u32 = 80;
/// Longer than any message is worked on here.
const INVISIBLE_SECONDS: i32 = 300;
const BATCH_BEST: usize = 500;
/// Readers of one process when no number is asked for.
const READERS_BEST: usize = 4;
/// It has no wake-up by default; this is how often its own blocking read looks.
const POLL: Duration = Duration::from_millis(100);

pub(crate) struct Pgmq {
    pool: PgPool,
    queue: PGMQueueExt,
}

impl System for Pgmq {
    const VERSION: &'static str = "0.34.0-alpha.7";
    const NO_LANES: Option<&'static str> =
        Some("a group orders the reads, but does not run one job at a time");

    async fn open(url: String) -> anyhow::Result<Self> {
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).connect(&url).await?;
        Ok(Pgmq { queue: PGMQueueExt::new_with_pool(pool.clone()).await, pool })
    }

    async fn prepare(&self) -> anyhow::Result<()> {
        self.queue.install_sql_from_embedded().await?;
        self.queue.create(QUEUE).await?;
        Ok(())
    }

    async fn enqueue(&self, jobs: Vec<Job>) -> anyhow::Result<()> {
        let messages = jobs.iter().map(|job| serde_json::from_str(&payload(job.n, job.bytes)));
        let messages: Vec<Value> = messages.collect::<Result<_, _>>()?;
        self.queue.send_batch(QUEUE, &messages).await?;
        Ok(())
    }

    async fn work(&self, work: Work, seen: Arc<Seen>) -> anyhow::Result<Stop> {
        let (stop, stopped) = watch::channel(false);
        let readers = if work.slots == 0 { READERS_BEST } else { work.slots };
        let batch = if work.batch == 0 { BATCH_BEST } else { work.batch };
        let mut running = Vec::new();
        for _ in 0..work.workers * readers {
            let (queue, seen, stopped) = (self.queue.clone(), Arc::clone(&seen), stopped.clone());
            running.push(tokio::spawn(read(queue, batch, seen, stopped)));
        }
        Ok(Box::new(move || {
            async move {
                stop.send(true)?;
                for reader in running {
                    reader.await??;
                }
                Ok(())
            }
            .boxed()
        }))
    }

    async fn left(&self) -> anyhow::Result<Option<u64>> {
        let query = "SELECT count(*) FROM (SELECT FROM pgmq.q_bench LIMIT 1) AS one";
        let (left,): (i64,) = sqlx::query_as(query).fetch_one(&self.pool).await?;
        Ok(Some(left.unsigned_abs()))
    }
}

async fn read(
    queue: PGMQueueExt,
    batch: usize,
    seen: Arc<Seen>,
    mut stopped: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let quantity = i32::try_from(batch)?;
    while !*stopped.borrow() {
        let messages: Vec<Message<Value>> =
            queue.read_batch(QUEUE, INVISIBLE_SECONDS, quantity).await?;
        if messages.is_empty() {
            let _ = tokio::time::timeout(POLL, stopped.changed()).await;
            continue;
        }
        for message in &messages {
            seen.handle(message.message.get("n").and_then(Value::as_u64).unwrap_or_default()).await;
        }
        let ids: Vec<i64> = messages.iter().map(|message| message.msg_id).collect();
        queue.delete_batch(QUEUE, &ids).await?;
    }
    Ok(())
}
