//! What the server is, and whether it may be trusted with acknowledged events.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;

use crate::options::CONNECT_TIMEOUT;
use crate::statements::{EXTENSIONS, PING, SERVER_FACTS, STORAGE_MODE};
use crate::wire::get;
use crate::{Queue, QueueError};

/// How the log is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageMode {
    /// TimescaleDB hypertables.
    Timescale,
    /// Native daily partitions.
    Native,
}

/// What was found about the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// `server_version_num`, as in 150018.
    pub version: i32,
    /// `server_version` for people.
    pub version_text: String,
    /// How the log is stored; `None` before migration.
    pub storage: Option<StorageMode>,
    /// The extensions present in this database, with their versions.
    pub extensions: Vec<(String, String)>,
    /// Whether the server is a standby or otherwise read-only.
    pub read_only: bool,
    /// What is unsafe about its settings; empty unless unsafe settings are allowed.
    pub findings: Vec<String>,
}

/// The oldest server that serves, as `server_version_num` counts.
const VERSION_MIN: i32 = 150_000;

/// How long a hint may take from the notifier to the listener before the listener counts as deaf.
const HINT_PATIENCE: Duration = Duration::from_secs(2);

impl Queue {
    /// Looks at the server's version and settings.
    ///
    /// # Errors
    /// [`QueueError::Unsafe`] on `fsync`, `full_page_writes` or `synchronous_commit` off, unless
    /// [`crate::Options::allow_unsafe`]; on a listener that gets no notifications (a pooler in
    /// transaction mode); on a server older than PostgreSQL 15.
    pub async fn check_server(&self) -> Result<ServerFacts, QueueError> {
        let rows = self.query(SERVER_FACTS, vec![]).await?;
        let row = rows.first().ok_or(QueueError::Closed)?;
        let extensions = self.query(EXTENSIONS, vec![]).await?;
        let extensions = extensions.iter();
        let facts = ServerFacts {
            version: get(row, "version")?,
            version_text: get(row, "version_text")?,
            storage: if get(row, "migrated")? { Some(self.storage().await?) } else { None },
            extensions: extensions
                .map(|row| Ok((get(row, "name")?, get(row, "version")?)))
                .collect::<Result<_, QueueError>>()?,
            read_only: get(row, "read_only")?,
            findings: settings(row)?,
        };
        let mut grave = Vec::new();
        if facts.version < VERSION_MIN {
            let found = &facts.version_text;
            grave.push(format!("expected PostgreSQL 15 or newer, found {found}"));
        }
        if !self.hears_hints().await? {
            grave.push(DEAF.to_owned());
        }
        if !self.options.allow_unsafe {
            grave.extend(facts.findings.iter().cloned());
        }
        match grave.is_empty() {
            true => Ok(facts),
            false => Err(QueueError::Unsafe { findings: grave }),
        }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ping(&self) -> Result<(), QueueError> {
        self.query(PING, vec![]).await.map(drop)
    }

    /// How the log is stored.
    pub(crate) async fn storage(&self) -> Result<StorageMode, QueueError> {
        let rows = self.query(STORAGE_MODE, vec![]).await?;
        let mode = rows.first().map(|row| get::<String>(row, "mode")).transpose()?;
        match mode.as_deref() {
            Some("timescale") => Ok(StorageMode::Timescale),
            _ => Ok(StorageMode::Native),
        }
    }

    /// Listens and hints to itself. A pooler in transaction mode takes LISTEN and delivers nothing.
    async fn hears_hints(&self) -> Result<bool, QueueError> {
        let done = CancellationToken::new();
        let (mut hints, listener) = self.wakeups(done.clone());
        let registered = timeout(CONNECT_TIMEOUT, hints.changed()).await.is_ok();
        self.hint().await;
        let heard = timeout(HINT_PATIENCE, hints.changed()).await.is_ok();
        done.cancel();
        let ended = listener.await.is_ok();
        match registered && ended {
            true => Ok(heard),
            false => Err(QueueError::Timeout {
                doing: "accept a listener (ATHENAEUM_LISTEN_URL or DATABASE_URL)",
                seconds: CONNECT_TIMEOUT.as_secs(),
            }),
        }
    }
}

const DEAF: &str = "expected the listening connection to receive notifications, found none: behind a \
                    pooler in transaction mode, set ATHENAEUM_LISTEN_URL to a direct connection";

/// Settings under which a committed event may vanish.
fn settings(row: &Row) -> Result<Vec<String>, QueueError> {
    let mut findings = Vec::new();
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        if get::<&str>(row, setting)? == "off" {
            findings.push(format!("expected {setting} on, found it off: turn it on"));
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_server_that_serves_is_the_oldest_that_is_migrated() {
        assert_eq!(VERSION_MIN, service::migrate::SERVER_VERSION_MIN);
    }
}
