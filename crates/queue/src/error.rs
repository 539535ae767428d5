//! What can go wrong between a caller and the engine.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use deadpool_postgres::PoolError;
use event::{EventId, Refusal};
use tokio_postgres::error::SqlState;

/// Every way in which the queue says no.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The connection string cannot be used.
    #[error(
        "DATABASE_URL cannot be used: expected postgres://user:password@host:port/name, found {found}"
    )]
    Url {
        /// What is wrong with it; never the string itself, which holds a password.
        found: String,
    },
    /// The certificates for TLS cannot be read or used.
    #[error("cannot set up TLS to the database: {found}")]
    Tls {
        /// What is wrong with them.
        found: String,
    },
    /// No connection could be had.
    #[error("cannot reach the database")]
    Connect(#[source] Arc<PoolError>),
    /// The server refused or broke off a statement.
    #[error("the database failed to {doing}")]
    Database {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// What the driver says, without any row's content.
        #[source]
        source: DatabaseError,
    },
    /// The bounded time for an operation passed; what became of it is unknown.
    #[error("the database did not {doing} within {seconds} s")]
    Timeout {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// The bound.
        seconds: u64,
    },
    /// The server's settings would lose acknowledged events.
    #[error("the database is not safe to use: {}", findings.join("; "))]
    Unsafe {
        /// Each setting, with what was expected and found.
        findings: Vec<String>,
    },
    /// Someone else holds the job, or the lease was taken away: stop, write nothing more.
    #[error("the lease was lost: another holder may be at work")]
    Fenced,
    /// Nothing may be done outside until an operator says so.
    #[error(
        "the database is held, as after a restore: nothing is done outside until an operator runs \
         `athenaeum release`"
    )]
    Held,
    /// A stored word or number that this version does not know.
    #[error("event {event}: cannot read {what} from the database")]
    Unreadable {
        /// Whose row.
        event: EventId,
        /// Which column.
        what: &'static str,
    },
    /// What was handed in cannot be taken; nothing was written.
    #[error("the queue will not take this")]
    Refused(#[source] Refusal),
    /// The thread that keeps a worker's lease could not be started.
    #[error("cannot start the thread that keeps the lease")]
    Thread {
        /// What the system says.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// The committer has shut down and takes no more events.
    #[error("the queue is shutting down and takes no more events")]
    Closed,
}

/// The driver's error as it may be told: the server's DETAIL may quote the row that it refused, and
/// with it what people wrote.
#[derive(Clone, Debug)]
pub struct DatabaseError(Arc<tokio_postgres::Error>);

impl DatabaseError {
    /// The server's code, when it was the server that said no.
    #[must_use]
    pub fn code(&self) -> Option<&SqlState> {
        self.0.code()
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_db_error() {
            Some(said) => {
                let (severity, message, code) = (said.severity(), said.message(), said.code());
                write!(f, "{severity}: {message} ({})", code.code())
            }
            None => write!(f, "{}", self.0),
        }
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.0.as_db_error() {
            Some(_) => None,
            None => self.0.source(),
        }
    }
}

impl QueueError {
    /// Whether the same call may succeed later, without anybody mending anything but the database.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            QueueError::Connect(_) | QueueError::Timeout { .. } | QueueError::Held => true,
            QueueError::Database { source, .. } => source.code().is_none_or(is_transient_code),
            QueueError::Url { .. }
            | QueueError::Tls { .. }
            | QueueError::Unsafe { .. }
            | QueueError::Fenced
            | QueueError::Unreadable { .. }
            | QueueError::Refused(_)
            | QueueError::Thread { .. }
            | QueueError::Closed => false,
        }
    }

    /// Whether the server answered with a verdict of its own, so that nothing was committed.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            QueueError::Database { source, .. } => {
                source.code().is_some_and(|code| !is_link_code(code))
            }
            QueueError::Fenced
            | QueueError::Held
            | QueueError::Unreadable { .. }
            | QueueError::Refused(_) => true,
            QueueError::Connect(_)
            | QueueError::Timeout { .. }
            | QueueError::Url { .. }
            | QueueError::Tls { .. }
            | QueueError::Unsafe { .. }
            | QueueError::Thread { .. }
            | QueueError::Closed => false,
        }
    }

    /// A shared copy, for everyone who waited on the same commit.
    pub(crate) fn share(&self) -> QueueError {
        match self {
            QueueError::Connect(source) => QueueError::Connect(Arc::clone(source)),
            QueueError::Database { doing, source } => {
                QueueError::Database { doing, source: source.clone() }
            }
            QueueError::Timeout { doing, seconds } => {
                QueueError::Timeout { doing, seconds: *seconds }
            }
            QueueError::Url { found } => QueueError::Url { found: found.clone() },
            QueueError::Tls { found } => QueueError::Tls { found: found.clone() },
            QueueError::Unsafe { findings } => QueueError::Unsafe { findings: findings.clone() },
            QueueError::Unreadable { event, what } => {
                QueueError::Unreadable { event: *event, what }
            }
            QueueError::Refused(refusal) => QueueError::Refused(refusal.clone()),
            QueueError::Thread { source } => QueueError::Thread { source: Arc::clone(source) },
            QueueError::Fenced => QueueError::Fenced,
            QueueError::Held => QueueError::Held,
            QueueError::Closed => QueueError::Closed,
        }
    }
}

/// Names what was being done when the driver failed.
pub(crate) fn database(doing: &'static str) -> impl Fn(tokio_postgres::Error) -> QueueError {
    move |source| QueueError::Database { doing, source: DatabaseError(Arc::new(source)) }
}

/// Class 08 and 57P0x: the link or the server went away, and a COMMIT's fate with it.
fn is_link_code(code: &SqlState) -> bool {
    code.code().starts_with("08") || code.code().starts_with("57P")
}

/// Codes that a healthy database stops giving by itself.
fn is_transient_code(code: &SqlState) -> bool {
    const CODES: [&str; 7] = ["40001", "40P01", "55P03", "53300", "53100", "57014", "25006"];
    is_link_code(code) || CODES.contains(&code.code())
}
