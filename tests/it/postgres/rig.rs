//! A database, the queue on it, and a line to it that can be harmed.

use std::time::Duration;

use event::{NewEvent, Policy, Raw, Timestamp, Work};
use queue::{Claim, Incarnation, Options, Queue};
use service::testing::Database;
use sim::link::Link;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// How the tests' jobs are tried: often, and without waiting.
pub const POLICY: Policy = Policy {
    attempts_max: 5,
    backoff_base: Duration::from_millis(1),
    backoff_max: Duration::from_millis(1),
};

/// A database of its own, seen directly and through a line.
pub struct Rig {
    pub link: Link,
    /// Through the line.
    pub queue: Queue,
    /// Past the line.
    pub direct: Queue,
    pub sql: Client,
    pub database: Database,
}

impl Rig {
    pub async fn new() -> Self {
        let database = Database::create().await;
        let link = Link::to(database.url()).await.expect("a line");
        let queue = connect(&link.url(database.url())).await;
        let direct = connect(database.url()).await;
        let sql = raw(database.url()).await;
        Rig { link, queue, direct, sql, database }
    }

    /// An incarnation of this queue's, and one job that it holds: a new one, so what earlier rounds
    /// left in line goes first.
    pub async fn claimed(&self, queue: &Queue) -> (Incarnation, Claim) {
        self.sql.execute("DELETE FROM jobs WHERE state <> 'x'", &[]).await.expect("they go");
        let who = queue.register("worker", "test", 4).await.expect("it registers");
        queue.append(event(&Uuid::new_v4().to_string())).await.expect("it is stored");
        let claim = queue.claim(who, 1).await.expect("it claims").pop().expect("a job is ready");
        (who, claim)
    }

    /// The first column of the first row, a number.
    pub async fn number(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.expect(query).get(0)
    }
}

/// A queue on a database.
pub async fn connect(url: &str) -> Queue {
    let options = Options {
        database_url: url.to_owned(),
        listen_url: None,
        pool_connections_max: 4,
        application_name: "postgres-faults",
        allow_unsafe: true,
    };
    Queue::connect(options).await.expect("the URL is one")
}

/// A plain connection.
pub async fn raw(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("it answers");
    tokio::spawn(connection);
    client
}

/// An event that is owed work, in no lane.
pub fn event(key: &str) -> NewEvent {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_us = now.map_or(0, |now| now.as_micros());
    NewEvent {
        source: "test".to_owned(),
        kind: "ask".to_owned(),
        tenant: "T1".to_owned(),
        actor: None,
        lane: None,
        lane_order: 0,
        occurred_at: Timestamp(i64::try_from(now_us).unwrap_or_default()),
        correlation_id: Uuid::new_v4(),
        delivery_key: format!("d-{key}"),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(b"{}".to_vec()),
        quarantine: None,
        work: Some(Work::default()),
    }
}
