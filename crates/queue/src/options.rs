//! How a process uses the database, and the bounds that every connection carries.

use std::fmt;
use std::time::Duration;

/// Settings of a [`crate::Queue`].
#[derive(Clone)]
pub struct Options {
    /// Where the database is, `postgres://…`; holds the password, so never printed.
    pub database_url: String,
    /// A direct connection for LISTEN where `database_url` leads to a pooler.
    pub listen_url: Option<String>,
    /// Pooled connections at most; the committer, the notifier and the listener have one each
    /// besides.
    pub pool_connections_max: usize,
    /// How the connections name themselves in `pg_stat_activity`.
    pub application_name: &'static str,
    /// Accept settings that may lose acknowledged events (tests only).
    pub allow_unsafe: bool,
}

impl Options {
    /// The database at `database_url`, with eight connections.
    #[must_use]
    pub fn new(database_url: &str) -> Self {
        Options {
            database_url: database_url.to_owned(),
            listen_url: None,
            pool_connections_max: 8,
            application_name: "queue",
            allow_unsafe: false,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("pool_connections_max", &self.pool_connections_max)
            .field("application_name", &self.application_name)
            .field("allow_unsafe", &self.allow_unsafe)
            .finish_non_exhaustive()
    }
}

/// No statement of the engine runs longer.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);

/// An answer that takes longer never comes: the server would have given up by itself, so the link is
/// dead or the server stands still, whatever TCP says.
pub(crate) const REPLY_TIMEOUT: Duration = Duration::from_secs(13);

/// The same for maintenance, whose statements have a minute (`sql/maintenance_bounds.sql`).
pub(crate) const MAINTENANCE_REPLY_TIMEOUT: Duration = Duration::from_secs(65);

/// A hint that takes longer is no hint any more.
pub(crate) const HINT_TIMEOUT: Duration = Duration::from_secs(2);

/// No statement waits longer for a lock.
pub(crate) const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction whose client went away holds its locks no longer than this.
pub(crate) const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(10);

/// An ingest transaction lasts no longer, on the client's clock and on the server's.
pub(crate) const INGEST_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection attempt fails after this.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A caller waits this long for a pooled connection.
pub(crate) const POOL_WAIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Silence before TCP asks whether the peer still lives.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);

/// Time between such questions; a dead link is noticed within 5 + 3 · 3 s.
pub(crate) const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// How many questions may stay unanswered.
pub(crate) const KEEPALIVE_RETRIES: u32 = 3;

/// Sent data that stays unacknowledged this long breaks the link.
pub(crate) const TCP_USER_TIMEOUT: Duration = Duration::from_secs(12);

const _: () = assert!(LOCK_TIMEOUT.as_millis() < STATEMENT_TIMEOUT.as_millis());
const _: () = assert!(
    STATEMENT_TIMEOUT.as_millis() < event::limits::LEASE.as_millis(),
    "a renewal that hangs fails before the lease ends"
);
const _: () = assert!(STATEMENT_TIMEOUT.as_millis() < REPLY_TIMEOUT.as_millis());
