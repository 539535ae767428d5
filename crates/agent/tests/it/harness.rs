//! A model, a tool server over some documents, and an agent between them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use agent::{
    Agent, AgentError, AgentOptions, Answer, Asker, ModelOptions, Progress, Question, Task,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sim::model::{OfflineModel, Options};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// How long anything may take that takes no time to speak of.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const PROMPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");

const GUIDE: &str = "# Guide

## Replay

Failed events are replayed with `athenaeum replay`. A replay is a new generation.

## Lanes

Events of one thread run one at a time.
";

/// What a test plays with.
pub(crate) struct Bench {
    pub(crate) model: OfflineModel,
    pub(crate) agent: Agent,
    /// Documents, configuration, and whatever tool servers write.
    pub(crate) dir: TempDir,
}

/// An offline model, the documentation server over a small guide, and an agent.
pub(crate) async fn bench() -> Bench {
    let dir = documents();
    let config = shell(&dir, "");
    bench_with(dir, Some(config)).await
}

pub(crate) async fn bench_with(dir: TempDir, config: Option<Value>) -> Bench {
    let model = OfflineModel::start(Options::default()).await.unwrap();
    let options =
        AgentOptions { mcp_config: config.map(|c| write(&dir, &c)), ..options(&model.base_url()) };
    Bench { agent: Agent::new(options).unwrap(), model, dir }
}

/// Options with patience for tests only.
pub(crate) fn options(base_url: &str) -> AgentOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut model = ModelOptions::new(base_url, None, "any");
    model.idle_timeout = Duration::from_secs(1);
    model.total_timeout = Duration::from_secs(5);
    let tool_timeout = Duration::from_secs(2);
    AgentOptions { prompts_dir: PROMPTS.into(), model, tool_timeout, ..AgentOptions::default() }
}

/// A directory with the guide in it.
pub(crate) fn documents() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("docs")).unwrap();
    fs::write(dir.path().join("docs/guide.md"), GUIDE).unwrap();
    dir
}

/// The documentation server, started by a shell that runs `first` and leaves its pid in `pids`.
pub(crate) fn shell(dir: &TempDir, first: &str) -> Value {
    let script = format!("{first}\necho $$ >> pids\nexec \"$0\" docs --root docs");
    let script = format!("cd '{}'\n{script}", dir.path().display());
    json!({"docs": {"command": "sh", "args": ["-c", script, tool_server()]}})
}

fn write(dir: &TempDir, servers: &Value) -> PathBuf {
    let path = dir.path().join("mcp.json");
    fs::write(&path, json!({"mcpServers": servers}).to_string()).unwrap();
    path
}

/// The built `athenaeum-mcp`, beside the directory of this test's executable.
pub(crate) fn tool_server() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(Path::parent).unwrap().join("athenaeum-mcp");
    if !program.is_file() {
        // Another package's binary is not built for this one's tests.
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "-p", "mcp"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(cargo.status().unwrap().success());
    }
    assert!(program.is_file(), "{program:?} is missing: run `cargo build -p mcp`");
    program
}

impl Bench {
    pub(crate) async fn ask(&self, text: &str) -> Result<Answer, AgentError> {
        let (question, steps) = (question(text), Steps::default());
        let asked = self.agent.answer(&question, &steps, CancellationToken::new());
        tokio::time::timeout(PATIENCE, asked).await.unwrap()
    }

    /// The messages of the n-th request to the model, from 0.
    pub(crate) fn messages(&self, request: usize) -> Vec<Value> {
        self.model.requests()[request].body["messages"].as_array().unwrap().clone()
    }

    /// The pids that tool servers have had, oldest first.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let pids = fs::read_to_string(self.dir.path().join("pids")).unwrap_or_default();
        pids.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Ends everything, and holds the agent to its word that nothing is left.
    pub(crate) async fn close(self) {
        self.agent.shutdown().await;
        for pid in self.pids() {
            assert!(!is_running(pid), "tool server {pid} is still there");
        }
        self.model.stop().await;
    }
}

pub(crate) fn question(text: &str) -> Question {
    Question {
        text: text.into(),
        asker: Asker { id: "U1".into(), name: Some("Ada".into()), timezone: None },
        now_utc: "2026-11-21 08:30 UTC".into(),
        ..Question::default()
    }
}

/// Remembers the steps, the tool calls and the text that were told.
#[derive(Default)]
pub(crate) struct Steps(
    pub(crate) Mutex<Vec<String>>,
    pub(crate) Mutex<Vec<String>>,
    pub(crate) Mutex<String>,
);

impl Progress for Steps {
    fn step(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }

    fn task(&self, task: &Task<'_>) {
        let Task { number, title, state, sources } = task;
        let told = format!("{number} {title} {state:?} {}", sources.len());
        self.1.lock().unwrap().push(told);
    }

    fn text(&self, more: &str) {
        self.2.lock().unwrap().push_str(more);
    }
}

/// Whether a process runs; a zombie does not.
pub(crate) fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
    !state.is_empty() && !state.starts_with('Z')
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} never came about");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
