//! The processes of one measurement.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use sim::model::OfflineModel;
use sim::slack::LocalSlack;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::cluster::repository;

/// How long a process may take to become ready.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Ingest, workers, the local Slack and the model; the children die with it.
pub(crate) struct Crew {
    pub(crate) slack: LocalSlack,
    pub(crate) model: OfflineModel,
    ingest: Child,
    workers: Vec<Child>,
    database_url: String,
}

/// Builds the measured programs as they are shipped. A debug build of this program takes what is
/// there: it only shows whether a measurement works.
pub(crate) fn build() -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        crate::figures::say("a debug build: its figures are not those of what is shipped");
        return Ok(());
    }
    crate::figures::say("building the release binaries …");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = "build --release --quiet --locked -p ingest -p worker -p mcp --bins";
    let built = std::process::Command::new(cargo)
        .args(arguments.split(' '))
        .current_dir(repository())
        .status()
        .context("cargo could not be started")?;
    ensure!(built.success(), "the release build ended with {built}");
    Ok(())
}

impl Crew {
    /// Starts everything and waits until all is ready.
    pub(crate) async fn start(url: &str, workers: usize, slots: u32) -> anyhow::Result<Self> {
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let slack =
            LocalSlack::start(sim::slack::Options { addr, ..sim::slack::Options::default() });
        let slack = slack.await.context("the local Slack")?;
        let model =
            OfflineModel::start(sim::model::Options { addr, ..sim::model::Options::default() });
        let model = model.await.context("the offline model")?;
        let environment = environment(url, &slack, &model, slots);
        let ingest = start("athenaeum-ingest", &environment).await?;
        let mut started = Vec::new();
        for _ in 0..workers {
            started.push(start("athenaeum-worker", &environment).await?);
        }
        let database_url = url.to_owned();
        Ok(Crew { slack, model, ingest, workers: started, database_url })
    }

    /// One more worker, ready, that dies with its handle.
    pub(crate) async fn another_worker(&self, slots: u32) -> anyhow::Result<Child> {
        let environment = environment(&self.database_url, &self.slack, &self.model, slots);
        start("athenaeum-worker", &environment).await
    }

    /// Somebody asks the bot something.
    pub(crate) fn mention(&self) -> anyhow::Result<()> {
        let question = "<@U0ATHENA> How are failed events replayed?";
        self.slack
            .control()
            .say("C0GENERAL", "U0ADA", question)
            .context("a mention was refused")?;
        Ok(())
    }

    /// The resident memory of each worker, its guard included, in MB.
    pub(crate) fn worker_memory_mb(&self) -> anyhow::Result<Vec<f64>> {
        let guards = self.workers.iter().filter_map(Child::id);
        guards.map(|guard| Ok(resident_mb(guard)? + sum(&children(guard)?)?)).collect()
    }

    /// Ends the children and what runs in this process.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        for child in self.workers.iter_mut().chain([&mut self.ingest]) {
            child.kill().await?;
        }
        self.slack.stop().await;
        self.model.stop().await;
        Ok(())
    }
}

fn environment(
    url: &str,
    slack: &LocalSlack,
    model: &OfflineModel,
    slots: u32,
) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", url.to_owned()),
        ("SLACK_API_URL", slack.api_url()),
        ("SLACK_APP_TOKEN", "xapp-local".to_owned()),
        ("SLACK_BOT_TOKEN", "xoxb-local".to_owned()),
        ("OPENAI_BASE_URL", model.base_url()),
        ("ATHENAEUM_SECRET", "a secret for measurements".to_owned()),
        ("ATHENAEUM_WORKER_SLOTS", slots.to_string()),
        // What is measured is ours; Slack's limits would be all that one saw.
        ("ATHENAEUM_SLACK_LIMITS", "false".to_owned()),
        ("ATHENAEUM_USER_MESSAGES_PER_MINUTE", "0".to_owned()),
        ("ATHENAEUM_USER_TOKENS_PER_DAY", "0".to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ]
}

async fn start(name: &str, environment: &[(&'static str, String)]) -> anyhow::Result<Child> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut child = Command::new(binary(name)?)
        .envs(environment.iter().cloned())
        .current_dir(repository())
        .env("ATHENAEUM_HEALTH_ADDR", format!("127.0.0.1:{port}"))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("{name} could not be started"))?;
    let begun = Instant::now();
    while begun.elapsed() < START_LIMIT {
        if let Some(status) = child.try_wait()? {
            bail!("{name} ended with {status} before it was ready");
        }
        let ready = reqwest::get(format!("http://127.0.0.1:{port}/readyz")).await;
        if ready.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(child);
        }
        sleep(Duration::from_millis(20)).await;
    }
    bail!("{name} was not ready within {} s", START_LIMIT.as_secs())
}

/// A shipped program, beside this one.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{path:?} is missing");
    Ok(path)
}

/// The processes that another one is the parent of.
pub(crate) fn children(parent: u32) -> anyhow::Result<Vec<u32>> {
    let listed = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    listed.split_whitespace().map(|id| Ok(id.parse()?)).collect()
}

fn sum(processes: &[u32]) -> anyhow::Result<f64> {
    processes.iter().map(|process| resident_mb(*process)).sum()
}

/// `VmRSS` of a process.
fn resident_mb(process: u32) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("no VmRSS")?;
    Ok(kilobytes.parse::<f64>()? / 1024.0)
}
