//! One ingest at work, with a Slack and a database of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ingest::{Ingest, IngestError, Patience, backfill};
use serde_json::{Value, json};
use service::config::{DatabaseConfig, IngestConfig, RequestsConfig};
use service::shutdown::Signals;
use service::testing::Database;
use sim::slack::{Clock, LocalSlack, Options};
use slack::socket::Bounds;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// The local Slack's.
pub const SIGNING_SECRET: &str = "local-signing-secret";

/// No wait in these tests is longer; reaching it means that what was waited for did not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub struct Rig {
    pub slack: LocalSlack,
    pub pool: PgPool,
    pub signals: Signals,
    pub health: SocketAddr,
    pub database: Database,
    /// Where Slack's requests are taken, if they are.
    pub requests: Option<SocketAddr>,
    http: reqwest::Client,
    task: JoinHandle<Result<(), IngestError>>,
    config: IngestConfig,
}

impl Rig {
    /// An ingest that is ready, under a Slack whose clock stands.
    pub async fn start() -> Self {
        let rig = Self::begin().await;
        rig.until("two sockets", async || rig.facts().await["sockets_open"] == 2).await;
        rig
    }

    /// An ingest that holds no socket: Slack sends it requests.
    pub async fn start_with_requests() -> Self {
        let rig = Self::begin_with(|config| {
            let addr = SocketAddr::from(([127, 0, 0, 1], 0));
            let signing_secret = SIGNING_SECRET.into();
            config.requests = Some(RequestsConfig { addr, signing_secret });
            config.app_token = None;
        })
        .await;
        rig.until("readiness", async || rig.ready().await.0 == 200).await;
        let url = format!("http://{}/slack", rig.requests.unwrap());
        rig.control("requests", &json!({"url": url})).await;
        rig
    }

    /// An ingest that may not be ready yet.
    pub async fn begin() -> Self {
        Self::begin_with(|_| {}).await
    }

    /// An ingest that may not be ready yet, told otherwise than usual.
    pub async fn begin_with(change: impl FnOnce(&mut IngestConfig)) -> Self {
        let options = Options { clock: Clock::test(), ..Options::default() };
        Self::begin_under(options, change).await
    }

    /// The same under a Slack of one's own.
    pub async fn begin_under(options: Options, change: impl FnOnce(&mut IngestConfig)) -> Self {
        let database = Database::create().await;
        let slack = LocalSlack::start(options).await.unwrap();
        let mut config = config(&slack, database.url());
        change(&mut config);
        let signals = Signals::default();
        let (health, requests, task) = start(config.clone(), &signals).await;
        let pool = PgPool::connect(database.url()).await.unwrap();
        let http = reqwest::Client::new();
        Rig { slack, pool, signals, health, database, requests, http, task, config }
    }

    /// Ends the ingest as an operator does.
    pub async fn leave(&mut self) {
        self.signals.soft.cancel();
        self.ended().await.unwrap();
    }

    /// Starts another in its place.
    pub async fn come_back(&mut self) {
        self.signals = Signals::default();
        let started = start(self.config.clone(), &self.signals).await;
        (self.health, self.requests, self.task) = started;
        self.until("a socket", async || self.ready().await.0 == 200).await;
    }

    /// Starts another beside it; the test stops it.
    pub async fn second(&self, signals: &Signals) -> JoinHandle<Result<(), IngestError>> {
        start(self.config.clone(), signals).await.2
    }

    /// Says something as a person; returns its `ts`.
    pub async fn say(&self, channel: &str, text: &str) -> String {
        let said = json!({"channel": channel, "user": "U0ADA", "text": text});
        self.control("messages", &said).await["ts"].as_str().unwrap().to_owned()
    }

    /// Mentions the bot in a channel.
    pub async fn mention(&self, text: &str) -> String {
        self.say("C0GENERAL", &format!("<@U0ATHENA> {text}")).await
    }

    /// Calls the local Slack's control API.
    pub async fn control(&self, path: &str, body: &Value) -> Value {
        let address = format!("{}sim/{path}", self.slack.page_url());
        let response = self.http.post(address).json(body).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The local Slack's journal, of one kind of entry.
    pub async fn journal(&self, kind: &str) -> Vec<Value> {
        let address = format!("{}sim/journal", self.slack.page_url());
        let journal: Value = self.http.get(address).send().await.unwrap().json().await.unwrap();
        let entries = journal.as_array().or_else(|| journal["entries"].as_array()).unwrap();
        entries.iter().filter(|entry| entry["kind"] == kind).cloned().collect()
    }

    /// Acknowledgements that Slack took.
    pub async fn acks(&self) -> usize {
        let acks = self.journal("ack").await;
        acks.iter().filter(|ack| ack["result"] == "done").count()
    }

    /// What `/readyz` says: its status, and its body.
    pub async fn ready(&self) -> (u16, Value) {
        let response = self.http.get(format!("http://{}/readyz", self.health)).send().await;
        let response = response.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn facts(&self) -> Value {
        self.ready().await.1["facts"].take()
    }

    pub async fn metrics(&self) -> String {
        let response = self.http.get(format!("http://{}/metrics", self.health)).send().await;
        response.unwrap().text().await.unwrap()
    }

    /// A count from the database.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.pool).await.unwrap()
    }

    /// Waits until a count is what it should become.
    pub async fn until_count(&self, query: &'static str, expected: i64) {
        self.until(query, async || self.count(query).await == expected).await;
    }

    pub async fn until_acks(&self, expected: usize) {
        let what = format!("{expected} acknowledgements");
        self.until(&what, async || self.acks().await == expected).await;
    }

    /// Waits until a condition holds.
    pub async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition().await {
            assert!(Instant::now() < deadline, "{what} did not come within {PATIENCE:?}");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits for the end of the run that a signal asked for.
    pub async fn ended(&mut self) -> Result<(), IngestError> {
        tokio::time::timeout(PATIENCE, &mut self.task).await.unwrap().unwrap()
    }

    pub async fn stop(mut self) {
        self.signals.soft.cancel();
        self.ended().await.unwrap();
        self.slack.stop().await;
        self.pool.close().await;
        self.database.close().await;
    }
}

async fn start(config: IngestConfig, signals: &Signals) -> Started {
    let ingest = Ingest::prepare(config, patience(), signals).await.unwrap();
    let (health, requests) = (ingest.health_addr(), ingest.requests_addr());
    (health, requests, tokio::spawn(ingest.run(signals.clone())))
}

/// Where health and requests are served, and the run.
type Started = (SocketAddr, Option<SocketAddr>, JoinHandle<Result<(), IngestError>>);

pub fn config(slack: &LocalSlack, database_url: &str) -> IngestConfig {
    let database =
        DatabaseConfig { url: database_url.into(), listen_url: None, allow_unsafe: true };
    IngestConfig {
        database,
        app_token: Some("xapp-local".into()),
        requests: None,
        bot_token: "xoxb-local".into(),
        slack_api_url: slack.api_url(),
        backfill: Duration::from_secs(24 * 3_600),
        bots: BTreeSet::new(),
        health_addr: SocketAddr::from(([127, 0, 0, 1], 0)),
        drain: Duration::from_secs(10),
    }
}

/// Short enough for a test, long enough for a busy machine.
fn patience() -> Patience {
    Patience {
        socket: Bounds {
            ping_every: Duration::from_millis(200),
            pong: Duration::from_secs(1),
            backoff_min: Duration::from_millis(10),
            backoff_max: Duration::from_millis(200),
            stable_after: Duration::ZERO,
            stagger: Duration::ZERO,
            ..Bounds::default()
        },
        backfill: backfill::Bounds {
            listen_every: Duration::from_millis(50),
            look_every: Duration::from_millis(20),
            call_every: Duration::from_millis(1),
            retry_pause: Duration::from_millis(5),
            refused_retry: Duration::from_millis(200),
            ..backfill::Bounds::default()
        },
        retry_min: Duration::from_millis(20),
        retry_max: Duration::from_millis(200),
        ..Patience::default()
    }
}
