//! A whole fleet for a test: the real binaries, a real database, the local Slack and the offline
//! model, all its own.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use sim::model::{OfflineModel, Recorded};
use sim::slack::LocalSlack;
use tokio::time::sleep;

pub mod chat;
pub mod cluster;
pub mod process;

pub use chat::Chat;
pub use cluster::Cluster;
pub use process::Process;

/// How often a condition is looked at while a test waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a test waits for, unless it says otherwise.
pub const SOON: Duration = Duration::from_secs(30);

/// The fleet's shared parts; processes are started by the test.
pub struct Fleet {
    pub chat: Chat,
    pub slack: LocalSlack,
    pub model: OfflineModel,
    pub database_url: String,
    /// Kept so that the database is dropped with the fleet.
    _database: Option<service::testing::Database>,
}

impl Fleet {
    /// A fleet without processes, on a database of its own.
    pub async fn new() -> Self {
        let database = service::testing::Database::create().await;
        let url = database.url().to_owned();
        Self { _database: Some(database), ..Self::on(url).await }
    }

    /// As [`Fleet::new`], under a Slack that forgets at once what nobody hears.
    pub async fn under_a_forgetful_slack() -> Self {
        let database = service::testing::Database::create().await;
        let url = database.url().to_owned();
        let socket =
            sim::slack::SocketOptions { waiting_max: 0, ..sim::slack::SocketOptions::default() };
        let slack = sim::slack::Options { socket, ..sim::slack::Options::default() };
        Self { _database: Some(database), ..Self::under(slack, url).await }
    }

    /// A fleet without processes, on a migrated database that the test owns.
    pub async fn on(database_url: String) -> Self {
        Self::under(sim::slack::Options::default(), database_url).await
    }

    async fn under(slack: sim::slack::Options, database_url: String) -> Self {
        service::tls::install();
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let slack = LocalSlack::start(sim::slack::Options { addr: anywhere, ..slack });
        let slack = slack.await.expect("the local Slack starts");
        let model = OfflineModel::start(sim::model::Options {
            addr: anywhere,
            ..sim::model::Options::default()
        });
        let model = model.await.expect("the offline model starts");
        let chat = Chat::new(slack.page_url());
        Fleet { chat, slack, model, database_url, _database: None }
    }

    /// A running ingest, ready.
    pub async fn ingest(&self) -> Process {
        self.ingest_with(&[]).await
    }

    /// A running ingest with variables of its own.
    pub async fn ingest_with(&self, variables: &[(&str, &str)]) -> Process {
        Process::start("athenaeum-ingest", &self.environment_with(variables)).await
    }

    /// A running worker, ready.
    pub async fn worker(&self) -> Process {
        self.worker_with(&[]).await
    }

    /// A running worker with variables of its own.
    pub async fn worker_with(&self, variables: &[(&str, &str)]) -> Process {
        Process::start("athenaeum-worker", &self.environment_with(variables)).await
    }

    /// A running worker that nobody guards.
    pub async fn unguarded_worker(&self) -> Process {
        Process::start_as("athenaeum-worker", &["--unguarded"], &self.environment()).await
    }

    /// A worker that may never become ready.
    pub fn unready_worker(&self, variables: &[(&str, &str)]) -> Process {
        Process::start_unready("athenaeum-worker", &[], &self.environment_with(variables))
    }

    /// Runs the operator's command to its end: exit code, stdout, stderr.
    pub async fn athenaeum(&self, arguments: &[&str]) -> (i32, String, String) {
        process::run("athenaeum", arguments, &self.environment()).await
    }

    /// The database, for questions in plain SQL.
    pub async fn sql(&self) -> tokio_postgres::Client {
        self.try_sql().await.expect("the database answers")
    }

    /// The database, if it is there.
    pub async fn try_sql(&self) -> Option<tokio_postgres::Client> {
        let connected = tokio_postgres::connect(&self.database_url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.ok()?;
        tokio::spawn(connection);
        Some(client)
    }

    /// Lets nobody write to a table until the client rolls back or goes away.
    pub async fn hold(&self, table: &str) -> tokio_postgres::Client {
        let client = self.sql().await;
        let lock = format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE");
        client.batch_execute(&lock).await.expect("the lock");
        client
    }

    /// One number from the database.
    pub async fn count(&self, statement: &str) -> i64 {
        self.sql().await.query_one(statement, &[]).await.expect(statement).get(0)
    }

    /// The base of the offline model's control API.
    pub fn model_control(&self) -> String {
        self.model.base_url().trim_end_matches("/v1").to_owned()
    }

    /// Tells the offline model what to answer next, in order.
    pub async fn script(&self, steps: serde_json::Value) {
        let address = format!("{}/sim/script", self.model_control());
        let sent = reqwest::Client::new().post(address).json(&serde_json::json!({"steps": steps}));
        sent.send()
            .await
            .expect("the model takes scripts")
            .error_for_status()
            .expect("a good script");
    }

    /// Waits until the model has been asked for the first time.
    pub async fn model_is_asked(&self) {
        self.model_is_asked_about("").await;
    }

    /// Waits until the model has been asked something that holds a text.
    pub async fn model_is_asked_about(&self, text: &str) {
        let asked = |requests: &[Recorded]| {
            requests.iter().any(|request| request.body.to_string().contains(text))
        };
        let asked = self.model.until(asked);
        tokio::time::timeout(SOON, asked).await.expect("the model is asked");
    }

    fn environment_with(&self, variables: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut environment = self.environment();
        environment.extend(variables.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        environment
    }

    fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("DATABASE_URL", self.database_url.as_str()),
            ("ATHENAEUM_UNSAFE_DATABASE", "true"),
            ("SLACK_API_URL", &self.slack.api_url()),
            ("SLACK_APP_TOKEN", "xapp-local"),
            ("SLACK_BOT_TOKEN", "xoxb-local"),
            ("OPENAI_BASE_URL", &self.model.base_url()),
            ("ATHENAEUM_SECRET", "a secret for this test alone"),
            ("ATHENAEUM_REPLY_GRACE_SECONDS", "3"),
            // One person asks for all of them.
            ("ATHENAEUM_USER_TOKENS_PER_DAY", "0"),
            ("RUST_LOG", "info"),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }
}

/// Looks until `look` finds something; fails the test, by name, when it never does.
pub async fn until<T, F>(what: &str, deadline: Duration, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < deadline, "waited {deadline:?} in vain for this: {what}");
        sleep(LOOK_EVERY).await;
    }
}
