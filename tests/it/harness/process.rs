//! The real binaries as children of a test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::until;

/// How much of a process' log a failing test shows, in lines.
const LOG_LINES_SHOWN: usize = 60;

/// A daemon under test; killed with the test.
pub struct Process {
    name: String,
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    health: String,
    log: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a daemon and waits until it says that it is ready.
    pub async fn start(name: &str, environment: &[(String, String)]) -> Self {
        let mut process = Self::start_unready(name, environment);
        let ready = format!("{}/readyz", process.health);
        let client = reqwest::Client::new();
        for _ in 0..600 {
            if let Some(status) = process.child.try_wait().expect("a child's status") {
                panic!("{name} ended with {status} before it was ready:\n{}", process.log());
            }
            let answer = client.get(&ready).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return process;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{name} was not ready within 30 s:\n{}", process.log());
    }

    /// Starts a daemon without waiting.
    pub fn start_unready(name: &str, environment: &[(String, String)]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut environment = environment.to_vec();
        environment.push(("ATHENAEUM_HEALTH_ADDR".to_owned(), address.clone()));
        let mut process = Self::spawn(name, &[], &environment);
        process.health = format!("http://{address}");
        process
    }

    /// Starts anything of ours.
    pub fn spawn(name: &str, arguments: &[&str], environment: &[(String, String)]) -> Self {
        let mut command = command(name, environment);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a binary of ours starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("its stderr is ours");
        tokio::spawn(collect(stderr, Arc::clone(&log)));
        let stdout = BufReader::new(child.stdout.take().expect("its stdout is ours")).lines();
        let (name, health) = (name.to_owned(), String::new());
        Process { name, child, stdout, health, log }
    }

    /// The next line of its stdout.
    pub async fn line(&mut self, deadline: Duration) -> String {
        let line = tokio::time::timeout(deadline, self.stdout.next_line()).await;
        let line = line.unwrap_or_else(|_| panic!("it says nothing:\n{}", self.log()));
        line.expect("its stdout is text").unwrap_or_default()
    }

    /// SIGKILL, and waits for the death.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// SIGTERM; the caller waits.
    pub fn terminate(&self) {
        let id = i32::try_from(self.child.id().expect("it runs")).expect("a process id");
        let pid = Pid::from_raw(id).expect("a process id is not zero");
        kill_process(pid, Signal::TERM).expect("the signal was sent");
    }

    /// Waits for the end and returns the exit code.
    pub async fn ended(&mut self, deadline: Duration) -> Option<i32> {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it still runs:\n{}", self.log()));
        status.expect("a child's status").code()
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log").clone()
    }
}

/// A failing test shows what its processes said.
impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.lines().count().saturating_sub(LOG_LINES_SHOWN);
            let tail: Vec<&str> = log.lines().skip(from).collect();
            eprintln!("── {} said last:\n{}", self.name, tail.join("\n"));
        }
    }
}

/// Runs a command of ours to its end.
pub async fn run(
    name: &str,
    arguments: &[&str],
    environment: &[(String, String)],
) -> (i32, String, String) {
    let mut command = command(name, environment);
    let output = command.args(arguments).stdin(Stdio::null()).output();
    let limit = Duration::from_secs(120);
    let output = tokio::time::timeout(limit, output).await.expect("the command ends");
    let output = output.expect("a binary of ours starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it writes UTF-8");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn command(name: &str, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(binary(name));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(environment.iter().cloned()).kill_on_drop(true);
    // Prompts and tools are found as a user's are: by their default paths.
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command
}

/// A binary of the workspace, beside the test's own.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("target/PROFILE/deps/it");
    let path = folder.join(name);
    assert!(path.is_file(), "{path:?} is missing; run `cargo build --workspace` first");
    path
}

async fn collect(stderr: impl AsyncRead + Unpin, log: Arc<Mutex<String>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut log = log.lock().expect("nobody panics with the log");
        log.push_str(&line);
        log.push('\n');
    }
}

/// Waits until a process' log holds a text.
pub async fn logged(process: &Process, text: &str) {
    until(text, super::SOON, async || process.log().contains(text).then_some(())).await;
}
