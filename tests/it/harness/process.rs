//! The real binaries as children of a test.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::until;

/// How much of a process' log a failing test shows, in lines.
const LOG_LINES_SHOWN: usize = 60;

/// How long the last lines of a log may take to arrive after their process' end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A daemon under test; killed with the test.
pub struct Process {
    name: String,
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    health: String,
    log: Arc<Mutex<String>>,
    /// Whether its stderr is read.
    listening: watch::Sender<bool>,
    /// Ends with its stderr.
    collecting: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a daemon and waits until it says that it is ready.
    pub async fn start(name: &str, environment: &[(String, String)]) -> Self {
        Self::start_as(name, &[], environment).await
    }

    /// As [`Process::start`], with arguments.
    pub async fn start_as(
        name: &str,
        arguments: &[&str],
        environment: &[(String, String)],
    ) -> Self {
        let mut process = Self::start_unready(name, arguments, environment);
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
    pub fn start_unready(name: &str, arguments: &[&str], environment: &[(String, String)]) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        let mut environment = environment.to_vec();
        environment.push(("ATHENAEUM_HEALTH_ADDR".to_owned(), address.clone()));
        let mut process = Self::spawn(name, arguments, &environment);
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
        let (listening, listens) = watch::channel(true);
        let collecting = Some(tokio::spawn(collect(stderr, Arc::clone(&log), listens)));
        let stdout = BufReader::new(child.stdout.take().expect("its stdout is ours")).lines();
        let (name, health) = (name.to_owned(), String::new());
        Process { name, child, stdout, health, log, listening, collecting }
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
        signal(self.id(), Signal::TERM);
    }

    /// The process itself; of a guarded worker, the guard.
    pub fn id(&self) -> Pid {
        let id = i32::try_from(self.child.id().expect("it runs")).expect("a process id");
        Pid::from_raw(id).expect("a process id is not zero")
    }

    /// The worker under a guard, as soon as there is one.
    pub async fn guarded(&self) -> Pid {
        until("a guarded worker", super::SOON, async || guarded_by(self.id())).await
    }

    /// SIGKILL to the worker under a guard, and waits until the guard has seen it.
    pub async fn kill_guarded(&self) {
        let worker = self.guarded().await;
        signal(worker, Signal::KILL);
        until("the worker's death", super::SOON, async || {
            (guarded_by(self.id()) != Some(worker)).then_some(())
        })
        .await;
    }

    /// Whether a health endpoint answers well within a second.
    pub async fn answers(&self, path: &str) -> bool {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).build();
        let asked = client.expect("a client").get(format!("{}{path}", self.health)).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    /// Connects to its health server many times, each of which it logs at the level trace.
    pub async fn knock(&self, times: u32) {
        let address = self.health.trim_start_matches("http://");
        for _ in 0..times {
            let connected = tokio::net::TcpStream::connect(address);
            let _ = tokio::time::timeout(Duration::from_millis(100), connected).await;
        }
    }

    /// Reads its stderr, or lets the pipe run full.
    pub fn listen(&self, listening: bool) {
        self.listening.send_replace(listening);
    }

    /// Waits for the end, and for its last words where they are read; returns the exit code.
    pub async fn ended(&mut self, deadline: Duration) -> Option<i32> {
        let ended = tokio::time::timeout(deadline, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("it still runs:\n{}", self.log()));
        let collecting = self.collecting.take().filter(|_| *self.listening.borrow());
        if let Some(collecting) = collecting {
            // A child of its own may keep its stderr open.
            let _ = tokio::time::timeout(LAST_WORDS, collecting).await;
        }
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
    run_within(name, arguments, environment, Duration::from_secs(120)).await
}

/// Runs a command of ours that may take long.
pub async fn run_within(
    name: &str,
    arguments: &[&str],
    environment: &[(String, String)],
    limit: Duration,
) -> (i32, String, String) {
    let mut command = command(name, environment);
    let output = command.args(arguments).stdin(Stdio::null()).output();
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

/// Sends a signal to a process that runs.
pub fn signal(pid: Pid, signal: Signal) {
    kill_process(pid, signal).expect("the signal was sent");
}

/// The processes that another one is the parent of.
pub fn children(parent: Pid) -> Vec<Pid> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(Pid::from_raw).filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// The fourth word of `/proc/PID/stat`, after the name, which may hold spaces.
fn parent_of(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    let (_, behind_name) = stat.rsplit_once(") ")?;
    Pid::from_raw(behind_name.split(' ').nth(1)?.parse().ok()?)
}

fn guarded_by(guard: Pid) -> Option<Pid> {
    let option = format!("--guarded-by\0{}", guard.as_raw_pid());
    children(guard).into_iter().find(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_pid()));
        line.is_ok_and(|line| line.contains(&option))
    })
}

async fn collect(
    stderr: impl AsyncRead + Unpin,
    log: Arc<Mutex<String>>,
    mut listening: watch::Receiver<bool>,
) {
    let mut lines = BufReader::new(stderr).lines();
    loop {
        // Its sender is dropped with the process.
        if listening.wait_for(|listening| *listening).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        let mut log = log.lock().expect("nobody panics with the log");
        log.push_str(&line);
        log.push('\n');
    }
}

/// Waits until a process' log holds a text.
pub async fn logged(process: &Process, text: &str) {
    until(text, super::SOON, async || process.log().contains(text).then_some(())).await;
}
