//! A driver's process, as the bench sees it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::driver::{Answer, Request, now_ns};

/// No request takes longer than a held snapshot and the loading before it.
const ANSWER_LIMIT: Duration = Duration::from_secs(1_200);

/// How long a driver may take to end once its stdin is closed.
const END_LIMIT: Duration = Duration::from_secs(20);

/// One running driver; killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    /// When it was started.
    pub(crate) started_ns: u64,
    /// The system's version, once it has answered.
    pub(crate) version: Option<String>,
}

/// What a system has no feature for.
#[derive(Debug)]
pub(crate) struct Unsupported(pub(crate) String);

impl std::fmt::Display for Unsupported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not supported: {}", self.0)
    }
}

impl std::error::Error for Unsupported {}

impl Process {
    /// Starts a driver over a database.
    pub(crate) fn start(mut command: Command, url: &str) -> anyhow::Result<Self> {
        command.env("DATABASE_URL", url).env_remove("RUST_LOG").kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let started_ns = now_ns();
        let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
        let stdin = child.stdin.take().context("no pipe to the driver")?;
        let stdout = child.stdout.take().context("no pipe from the driver")?;
        let stdout = BufReader::new(stdout).lines();
        Ok(Process { child, stdin, stdout, started_ns, version: None })
    }

    /// Tells the driver what to do, and waits until it has.
    pub(crate) async fn ask(&mut self, request: &Request) -> anyhow::Result<Answer> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.stdin.write_all(&line).await.context("the driver ended")?;
        let line = timeout(ANSWER_LIMIT, self.stdout.next_line()).await;
        let line = line.with_context(|| format!("no answer to {request:?}"))??;
        let line = line.with_context(|| format!("the driver ended at {request:?}"))?;
        let answer: Answer = serde_json::from_str(&line).context("an answer that is none")?;
        self.version.clone_from(&answer.version);
        if let Some(why) = answer.unsupported {
            return Err(Unsupported(why).into());
        }
        match answer.error {
            Some(error) => bail!("{error}"),
            None => Ok(answer),
        }
    }

    /// Its processor time so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        super::server::cpu_seconds_of(self.pid()?).map(|times| times.own)
    }

    /// Its resident memory, in MB.
    pub(crate) fn memory_mb(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next());
        let kilobytes: f64 = kilobytes.context("no VmRSS")?.parse()?;
        Ok(kilobytes / 1024.0)
    }

    /// Ends it: the workers first, then the process.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        self.ask(&Request::Stop).await?;
        drop(self.stdin);
        match timeout(END_LIMIT, self.child.wait()).await {
            Ok(status) => {
                status?;
            }
            // Whatever keeps it does not concern the figures, which are taken.
            Err(_) => self.child.kill().await?,
        }
        Ok(())
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.child.id().context("the driver ended")
    }
}
