//! What every test needs: a database, events, and ways to look behind the scenes.

use chrono::Utc;
use event::{ErrorChain, NewEvent, Outcome, Policy, Raw, Timestamp, Work};
use queue::{Claim, Committed, Incarnation, Options, Queue};
use service::testing::Database;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// A queue on a database of its own, with a raw connection beside it.
pub struct Fixture {
    pub queue: Queue,
    pub sql: Client,
    pub database: Database,
}

impl Fixture {
    pub async fn new() -> Self {
        let database = Database::create().await;
        let queue = connect(database.url()).await;
        let sql = raw(database.url()).await;
        Fixture { queue, sql, database }
    }

    /// As [`Fixture::new`], with a worker.
    pub async fn with_worker() -> (Self, Incarnation) {
        let fixture = Self::new().await;
        let who = fixture.queue.register("worker-1", "0.1.0", 8).await.unwrap();
        (fixture, who)
    }

    pub async fn append(&self, event: NewEvent) -> Committed {
        self.queue.append(event).await.unwrap()
    }

    /// Claims one job, which must be there.
    pub async fn claim_one(&self, who: Incarnation) -> Claim {
        let mut claims = self.queue.claim(who, 1).await.unwrap();
        assert_eq!(claims.len(), 1, "a job should be ready");
        claims.remove(0)
    }

    /// Claims nothing.
    pub async fn claim_none(&self, who: Incarnation) {
        let claims = self.queue.claim(who, 10).await.unwrap();
        assert!(claims.is_empty(), "no job should be ready: {claims:?}");
    }

    pub async fn done(&self, claim: &Claim) {
        self.queue.settle(claim, Outcome::Done(None), &Policy::ANSWER).await.unwrap();
    }

    /// Lets a worker's lease end now.
    pub async fn end_lease(&self, who: Incarnation) {
        let ended =
            "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 ms' WHERE id = $1";
        self.sql.execute(ended, &[&who.id]).await.unwrap();
    }

    /// Brings every waiting job's time.
    pub async fn end_waits(&self) {
        let due = "UPDATE jobs SET position = 0 WHERE state = 'w'";
        self.sql.execute(due, &[]).await.unwrap();
        self.queue.sweep().await.unwrap();
    }

    /// Brings every suspended job's time.
    pub async fn end_sleeps(&self) {
        let due = "UPDATE jobs SET position = 0 WHERE state = 's'";
        self.sql.execute(due, &[]).await.unwrap();
    }

    /// The first column of the first row, a number.
    pub async fn number(&self, query: &str) -> i64 {
        self.sql.query_one(query, &[]).await.unwrap().get(0)
    }

    /// Rows in `table`.
    pub async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    /// The first column of every row, as text.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        self.sql.query(query, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// What must hold between any two transactions.
    pub async fn assert_sound(&self) {
        let stuck = "SELECT DISTINCT lane::text FROM jobs j WHERE lane IS NOT NULL AND state = 'w'
                     AND NOT EXISTS (SELECT FROM jobs h WHERE h.lane = j.lane AND h.head)";
        assert_eq!(self.texts(stuck).await, [""; 0], "lanes without a head");
        let both = "SELECT j.event_id::text FROM jobs j JOIN outcomes o
                      ON o.event_id = j.event_id AND o.generation >= j.generation";
        assert_eq!(self.texts(both).await, [""; 0], "jobs that are live and ended");
        let balanced = "SELECT balanced::integer::bigint FROM conservation()";
        assert_eq!(self.number(balanced).await, 1, "jobs made are live or ended");
        let strays = "SELECT key FROM deliveries d WHERE NOT EXISTS
                      (SELECT FROM events e WHERE e.occurred_at = d.occurred_at AND e.id = d.event_id)";
        assert_eq!(self.texts(strays).await, [""; 0], "keys that lead nowhere");
        let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
        assert_eq!(self.number(deadlocks).await, 0, "deadlocks");
    }
}

pub fn options(url: &str) -> Options {
    Options {
        database_url: url.to_owned(),
        listen_url: None,
        pool_connections_max: 8,
        application_name: "queue-tests",
        allow_unsafe: true,
    }
}

/// Waits until so many sessions of the database wait for a lock. `sql` holds no transaction: inside
/// one, `pg_stat_activity` stands still.
pub async fn until_blocked(sql: &Client, sessions: i64) {
    let blocked = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sql.query_one(blocked, &[]).await.unwrap().get::<_, i64>(0) != sessions {
        tokio::task::yield_now().await;
    }
}

pub async fn connect(url: &str) -> Queue {
    Queue::connect(options(url)).await.unwrap()
}

pub async fn raw(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// An event that is owed work, in no lane.
pub fn event(key: &str) -> NewEvent {
    NewEvent {
        source: "test".to_owned(),
        kind: "app_mention".to_owned(),
        tenant: "T1".to_owned(),
        actor: Some("U1".to_owned()),
        lane: None,
        lane_order: 0,
        occurred_at: Timestamp(Utc::now().timestamp_micros()),
        correlation_id: Uuid::new_v4(),
        delivery_key: format!("delivery:{key}"),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(format!("{{\"key\":\"{key}\"}}").into_bytes()),
        quarantine: None,
        work: Some(Work::default()),
    }
}

/// An event in a lane.
pub fn in_lane(key: &str, lane: &str, order: i64) -> NewEvent {
    NewEvent { lane: Some(lane.to_owned()), lane_order: order, ..event(key) }
}

/// An event that is only kept.
pub fn stored(key: &str) -> NewEvent {
    NewEvent { work: None, kind: "message".to_owned(), ..event(key) }
}

/// With the key of the happening itself.
pub fn about(logical: &str, event: NewEvent) -> NewEvent {
    NewEvent { logical_key: Some(logical.to_owned()), ..event }
}

pub fn failed() -> Outcome {
    Outcome::Failed(ErrorChain(vec!["no answer".to_owned(), "connection refused".to_owned()]))
}
