//! A database with events in it, and the binary beside it.

use std::process::{Output, Stdio};
use std::time::Duration;

use event::{
    ErrorChain, EventId, NewEvent, Outcome, Policy, Raw, Reply, Source, Timestamp, Usage, Work,
};
use queue::{Claim, Incarnation, Options, Queue};
use serde_json::Value;
use service::testing::Database;
use tokio::process::Command;
use uuid::Uuid;

/// How long one command of a test may run.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A migrated database of one's own.
pub struct Fixture {
    pub queue: Queue,
    pub database: Database,
}

/// What a command left behind.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Stdout as the one JSON object that it must be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in {:?} ({})", self.stdout, self.stderr))
    }
}

impl Fixture {
    pub async fn new() -> Self {
        let database = Database::create().await;
        let options = Options {
            database_url: database.url().to_owned(),
            listen_url: None,
            pool_connections_max: 4,
            application_name: "cli-test",
            allow_unsafe: true,
        };
        Fixture { queue: Queue::connect(options).await.unwrap(), database }
    }

    /// Runs `athenaeum` with this database.
    pub async fn athenaeum(&self, arguments: &[&str]) -> Ran {
        self.athenaeum_with(arguments, &[]).await
    }

    /// As above, with variables of its own.
    pub async fn athenaeum_with(&self, arguments: &[&str], set: &[(&str, &str)]) -> Ran {
        let mut set = set.to_vec();
        set.push(("DATABASE_URL", self.database.url()));
        athenaeum(arguments, &set).await
    }

    /// Adds an event that happened `minute` minutes after a fixed hour.
    pub async fn event(&self, minute: i64, work: Option<Work>) -> EventId {
        self.queue.append(new_event(minute, work)).await.unwrap().event.id
    }

    /// Adds an event and ends its job with `outcome`.
    pub async fn ended(&self, minute: i64, outcome: Outcome) -> EventId {
        let id = self.event(minute, Some(Work::default())).await;
        let worker = self.worker().await;
        let claim = self.claim(worker, id).await;
        self.queue.settle(&claim, outcome, &once()).await.unwrap();
        self.queue.retire(worker).await.unwrap();
        id
    }

    pub async fn dead(&self, minute: i64) -> EventId {
        let error = ErrorChain(vec!["the model did not answer".into(), "status 500".into()]);
        self.ended(minute, Outcome::Refused(error)).await
    }

    pub async fn worker(&self) -> Incarnation {
        self.queue.register("desk-1", "0.1.0", 4).await.unwrap()
    }

    /// Claims until it holds `id`; what else it claims stays with it.
    pub async fn claim(&self, worker: Incarnation, id: EventId) -> Claim {
        let claims = self.queue.claim(worker, 100).await.unwrap();
        let claim = claims.into_iter().find(|claim| claim.event.id == id);
        claim.unwrap_or_else(|| panic!("event {id} cannot be claimed"))
    }
}

/// A policy under which nothing is tried twice.
pub fn once() -> Policy {
    Policy { attempts_max: 1, ..Policy::ANSWER }
}

pub fn reply() -> Reply {
    let link = Some("https://example.com/guide".to_owned());
    Reply {
        text: "From the command line [1], or by a filter [2].".to_owned(),
        sources: vec![
            Source { label: "docs/replay.md › Replay".to_owned(), link: None },
            Source { label: "Guide".to_owned(), link },
        ],
        message: None,
        usage: Usage { input_tokens: 11, output_tokens: 7 },
    }
}

/// 2026-11-20T08:00:00Z; within retention whenever the tests run near then, in the DEFAULT partition
/// otherwise.
const HOUR: i64 = 1_795_161_600_000_000;

fn new_event(minute: i64, work: Option<Work>) -> NewEvent {
    let raw = format!(r#"{{"minute":{minute}}}"#);
    NewEvent {
        source: "slack.socket".to_owned(),
        kind: "app_mention".to_owned(),
        tenant: "T0LOCAL".to_owned(),
        actor: Some(if minute % 2 == 0 { "U0ADA" } else { "U0GRACE" }.to_owned()),
        lane: None,
        lane_order: 0,
        occurred_at: Timestamp(HOUR + minute * 60_000_000),
        correlation_id: Uuid::new_v4(),
        delivery_key: format!("slack:{}", Uuid::new_v4()),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(raw.into_bytes()),
        quarantine: None,
        work,
    }
}

/// Runs `athenaeum` with these variables and no others of ours.
pub async fn athenaeum(arguments: &[&str], set: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_athenaeum"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let ours = ["DATABASE_URL", "SLACK_", "OPENAI_", "ATHENAEUM_", "RUST_LOG"];
        if ours.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("USER", "ada").env("ATHENAEUM_UNSAFE_DATABASE", "true");
    command.envs(set.iter().copied());
    let ran = tokio::time::timeout(COMMAND_TIMEOUT, command.output()).await;
    let Output { status, stdout, stderr } = ran.expect("the command ends").unwrap();
    Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}
