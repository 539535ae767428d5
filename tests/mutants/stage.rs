//! A database of its own with the checker's triggers, a queue on it, and everybody's journals.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{NewEvent, Raw, Timestamp, Work};
use queue::{Committed, Options, Queue};
use serde_json::json;
use service::testing::Database;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::hand::{Hand, POLICY};
use crate::record::Record;

/// The triggers that write the history.
const HISTORY: &str = include_str!("../../crates/checker/history.sql");

/// Looks without anything found after which a scene is as quiet as it will be.
const IDLE_LOOKS: u32 = 3;

/// How often a scene looks whether somebody waits.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How long a scene waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a scene is played on.
pub struct Stage {
    pub queue: Queue,
    pub record: Arc<Record>,
    pub sql: Client,
    url: String,
    /// Dropped last: the database goes with it.
    _database: Database,
}

impl Stage {
    /// `backstops`: constraints of `jobs` that would stop a mutant before the checker sees it.
    pub async fn new(run_dir: &Path, backstops: &[&str]) -> Self {
        let database = Database::create().await;
        let url = database.url().to_owned();
        let sql = connect(&url).await;
        sql.batch_execute(HISTORY).await.unwrap();
        for name in backstops {
            sql.batch_execute(&format!("ALTER TABLE jobs DROP CONSTRAINT {name}")).await.unwrap();
        }
        let queue = Self::queue_on(&url).await;
        Self { queue, record: Arc::new(Record::new(run_dir)), sql, url, _database: database }
    }

    async fn queue_on(url: &str) -> Queue {
        let options = Options {
            database_url: url.to_owned(),
            listen_url: None,
            pool_connections_max: 8,
            application_name: "mutants",
            allow_unsafe: true,
        };
        Queue::connect(options).await.unwrap()
    }

    /// Another process, as far as the queue can tell.
    pub async fn another_queue(&self) -> Queue {
        Self::queue_on(&self.url).await
    }

    /// A worker of the stage's queue.
    pub async fn hand(&self) -> Hand<'_> {
        Hand::new(&self.queue, &self.record, 0).await
    }

    /// What is about to be offered, written down as such.
    pub fn offer(
        &self,
        key: &str,
        logical: Option<&str>,
        lane: Option<&str>,
        order: i64,
    ) -> NewEvent {
        self.record.line(
            "acks/all.jsonl",
            json!({"t": "offer", "key": key, "logical": logical, "kind": "ask", "lane": lane,
                   "order": order, "work": true}),
        );
        NewEvent {
            source: "scene".to_owned(),
            lane: lane.map(str::to_owned),
            lane_order: order,
            logical_key: logical.map(str::to_owned),
            twin_key: None,
            ..Self::event(key)
        }
    }

    /// An event that is owed work and that no enqueuer offers.
    pub fn event(key: &str) -> NewEvent {
        NewEvent {
            source: "stage".to_owned(),
            kind: "ask".to_owned(),
            tenant: "T1".to_owned(),
            actor: None,
            lane: None,
            lane_order: 0,
            occurred_at: Timestamp(1_790_000_000_000_000),
            correlation_id: Uuid::new_v4(),
            delivery_key: key.to_owned(),
            logical_key: None,
            twin_key: None,
            raw: Raw::keep(b"{}".to_vec()),
            quarantine: None,
            work: Some(Work::default()),
        }
    }

    /// Writes down that an offer was answered as committed.
    pub fn acknowledged(&self, key: &str, committed: &Committed) {
        let event = committed.event;
        self.record.line(
            "acks/all.jsonl",
            json!({"t": "ack", "key": key, "event": event.id.0, "occurred_at": event.occurred_at.0,
                   "as": "new"}),
        );
    }

    /// Offers an event in no lane and sees it committed.
    pub async fn append(&self, key: &str) {
        let event = self.offer(key, None, None, 0);
        let committed = self.queue.append(event).await.unwrap();
        self.acknowledged(key, &committed);
    }

    /// A worker falls silent: its lease ends.
    pub async fn silence(&self, hand: &Hand<'_>) {
        let ended =
            "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 ms' WHERE id = $1";
        self.sql.execute(ended, &[&hand.who.id]).await.unwrap();
        self.record.fault("silence");
    }

    pub async fn reap(&self) {
        self.queue.reap(&|_: &str| POLICY).await.unwrap();
    }

    /// Drives `work` until it is over, and then what came of it, or until somebody waits for a lock.
    pub async fn waiting_or<F: Future + Unpin>(&self, work: &mut F) -> Option<F::Output> {
        let waiting = "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
                        WHERE NOT l.granted AND a.datname = current_database()";
        let begun = Instant::now();
        loop {
            if let Ok(answer) = tokio::time::timeout(LOOK_EVERY, &mut *work).await {
                return Some(answer);
            }
            if self.count(waiting).await > 0 {
                return None;
            }
            assert!(begun.elapsed() < PATIENCE, "nobody came to wait");
        }
    }

    /// The database's clock, in microseconds.
    pub async fn now(&self) -> i64 {
        self.count("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").await
    }

    /// The one number that a query answers.
    pub async fn count(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Waits until a query counts something, at most so long; whether it did.
    pub async fn counts(&self, query: &str, within: Duration) -> bool {
        let begun = Instant::now();
        while self.count(query).await == 0 {
            if begun.elapsed() > within {
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        true
    }

    /// Writes everything down as it stands.
    pub async fn write_down(&self, stopped_db_at: i64) {
        self.record.close(&self.sql, stopped_db_at, POLICY.attempts_max).await;
    }

    /// Lets a healthy worker do whatever can be done, then writes everything down.
    pub async fn close(&self) {
        let stopped = self.now().await;
        let hand = self.hand().await;
        let mut idle = 0;
        while idle < IDLE_LOOKS {
            self.reap().await;
            self.queue.sweep().await.unwrap();
            let claims = hand.claim(16).await;
            idle = if claims.is_empty() { idle + 1 } else { 0 };
            for claim in claims {
                hand.done(&claim).await;
            }
        }
        self.write_down(stopped).await;
    }
}

pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
