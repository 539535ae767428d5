//! The private Postgres of a soak, and the harm that is done to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, NoTls};

use crate::cluster::repository;

/// How long a crashed server may take to be back.
const BACK_WITHIN: Duration = Duration::from_secs(120);

/// How long one connection attempt may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How often something is looked at that is waited for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How a server goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crash {
    /// `pg_ctl stop -m immediate`.
    Immediate,
    /// SIGKILL of the postmaster.
    KillPostmaster,
}

/// A cluster; removed when dropped.
pub(super) struct Server {
    folder: PathBuf,
    /// Its superuser's address, past every proxy.
    pub(super) url: String,
    port: String,
    /// Held while it is down on purpose.
    down: Mutex<()>,
}

impl Server {
    /// Makes one in `folder`, which must be one that the cluster's owner can reach.
    pub(super) async fn start(folder: PathBuf) -> anyhow::Result<Self> {
        let url = script("start", &folder, &[]).await.context("no private PostgreSQL")?;
        let port = std::fs::read_to_string(folder.join("port"))?.trim().to_owned();
        Ok(Server { folder, url, port, down: Mutex::default() })
    }

    /// A connection past every proxy.
    pub(super) async fn sql(&self) -> anyhow::Result<Client> {
        let connected = timeout(CONNECT_PATIENCE, tokio_postgres::connect(&self.url, NoTls));
        let (client, connection) = connected.await.context("no answer")??;
        tokio::spawn(connection);
        Ok(client)
    }

    /// A connection as soon as there can be one.
    pub(super) async fn sql_soon(&self) -> anyhow::Result<Client> {
        let begun = Instant::now();
        loop {
            match self.sql().await {
                Ok(client) => return Ok(client),
                Err(error) if begun.elapsed() > BACK_WITHIN => return Err(error),
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Takes the server down for at least `pause`, and brings it back.
    pub(super) async fn crash(&self, crash: Crash, pause: Duration) -> anyhow::Result<()> {
        let down = self.down.lock().await;
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        let postmaster = file.lines().next().unwrap_or_default().trim().parse()?;
        kill(
            postmaster,
            match crash {
                // What `pg_ctl stop -m immediate` sends.
                Crash::Immediate => Signal::QUIT,
                Crash::KillPostmaster => Signal::KILL,
            },
        )?;
        sleep(pause).await;
        let begun = Instant::now();
        // On the port that everyone knows. A killed postmaster dies a moment later, and what it leaves behind keeps its memory for
        // another: a start may find it running still, or fail.
        loop {
            let started = script("start", &self.folder, &[&self.port]).await;
            match (started, self.sql().await) {
                (Ok(_), Ok(_)) => break,
                (Err(error), _) | (Ok(_), Err(error)) if begun.elapsed() > BACK_WITHIN => {
                    return Err(error.context("the server does not come back"));
                }
                (_, _) => sleep(LOOK_EVERY).await,
            }
        }
        drop(down);
        Ok(())
    }

    /// SIGKILLs one of the soak's backends; the server then resets every session. `None` when there
    /// was none.
    pub(super) async fn kill_backend(&self) -> anyhow::Result<Option<()>> {
        let row = self.backend("SELECT pid").await?;
        let Some(pid) = row else { return Ok(None) };
        let _down = self.down.lock().await;
        kill(pid, Signal::KILL)?;
        self.sql_soon().await?;
        Ok(Some(()))
    }

    /// `pg_terminate_backend` on one of the soak's backends.
    pub(super) async fn terminate_backend(&self) -> anyhow::Result<Option<()>> {
        let ended = self.backend("SELECT CASE WHEN pg_terminate_backend(pid) THEN pid END").await?;
        Ok(ended.map(drop))
    }

    async fn backend(&self, select: &str) -> anyhow::Result<Option<i32>> {
        let from = "FROM (SELECT pid FROM pg_stat_activity
                           WHERE application_name LIKE 'soak-%' AND state IS NOT NULL
                           ORDER BY (state <> 'idle') DESC, random() LIMIT 1) AS chosen";
        let rows = self.sql().await?.query(&format!("{select} {from}"), &[]).await?;
        Ok(rows.first().and_then(|row| row.get(0)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let script = repository().join("scripts/postgres");
        let removed = Command::new(script).arg("remove").arg(&self.folder).status();
        if !removed.is_ok_and(|status| status.success()) {
            crate::figures::say(&format!("the cluster in {:?} was left", self.folder));
        }
    }
}

/// Sends a signal to a process.
pub(super) fn kill(pid: i32, signal: Signal) -> anyhow::Result<()> {
    let pid = Pid::from_raw(pid).context("a process id is not zero")?;
    kill_process(pid, signal).context("the signal was not sent")
}

async fn script(verb: &str, folder: &Path, more: &[&str]) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(repository().join("scripts/postgres"));
    command.arg(verb).arg(folder).args(more).stdin(Stdio::null()).kill_on_drop(true);
    let ran = command.output().await?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "scripts/postgres {verb}: {} {said}", ran.status);
    Ok(String::from_utf8(ran.stdout)?.trim().to_owned())
}
