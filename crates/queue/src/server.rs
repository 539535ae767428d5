//! What the server is, and whether it may be trusted with acknowledged events.

use serde::Serialize;

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

impl Queue {
    /// Looks at the server's version and settings.
    ///
    /// # Errors
    /// [`QueueError::Unsafe`] on `fsync`, `full_page_writes` or `synchronous_commit` off, unless
    /// [`crate::Options::allow_unsafe`]; on a listener that gets no notifications (a pooler in
    /// transaction mode); on a server older than PostgreSQL 15.
    pub async fn check_server(&self) -> Result<ServerFacts, QueueError> {
        Err(QueueError::Closed)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ping(&self) -> Result<(), QueueError> {
        Err(QueueError::Closed)
    }
}
