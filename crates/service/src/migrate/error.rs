//! What is wrong with the database, in words that say what to do.

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;

/// What is in the way between a process and its schema.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// `DATABASE_URL` does not parse.
    #[error("DATABASE_URL is no Postgres URL: set it to postgres://USER:PASSWORD@HOST:5432/NAME")]
    Url(#[source] sqlx::Error),
    /// Nothing listens, or the network is down.
    #[error(
        "no Postgres answers at {address}: start it, or correct the host and port in DATABASE_URL"
    )]
    Unreachable {
        /// Host and port.
        address: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// Something accepted and then said nothing.
    #[error("the database did not answer within {seconds} s: see whether it is overloaded")]
    Silent {
        /// How long we waited.
        seconds: u64,
    },
    /// The server starts up, shuts down or is full.
    #[error("the database is not taking connections now")]
    Busy(#[source] sqlx::Error),
    /// Wrong user or password.
    #[error("the database refused user {user:?}: correct the user and password in DATABASE_URL")]
    Credentials {
        /// Who we said we were.
        user: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server has no such database.
    #[error(
        "there is no database {name:?} on the server: create it (createdb {name}), or correct \
         DATABASE_URL"
    )]
    NoDatabase {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A server that we do not support.
    #[error("the server is PostgreSQL {found}; expected 15 or newer: upgrade it")]
    ServerTooOld {
        /// Its major version.
        found: i32,
    },
    /// No migration ever ran.
    #[error("the database has no schema yet; expected version {expected}: run `athenaeum migrate`")]
    Unmigrated {
        /// What this program needs.
        expected: i64,
    },
    /// Migrations are missing.
    #[error(
        "the schema is at version {found}, older than the {expected} that this program needs: run \
         `athenaeum migrate`"
    )]
    Older {
        /// What this program needs.
        expected: i64,
        /// What stands.
        found: i64,
    },
    /// A newer program migrated it.
    #[error(
        "the schema is at version {found}, newer than the {expected} that this program knows: run \
         the newer version of Athenaeum"
    )]
    Newer {
        /// What this program needs.
        expected: i64,
        /// What stands.
        found: i64,
    },
    /// A migration's text is not the one that was applied.
    #[error(
        "migration {version} was applied with another text than this program's: run the version of \
         Athenaeum that applied it"
    )]
    Changed {
        /// Which.
        version: i64,
    },
    /// Others hold locks.
    #[error(
        "a migration waits for locks that other sessions hold: end long transactions (see \
         pg_stat_activity) and run `athenaeum migrate` again"
    )]
    Locked {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A migration failed; nothing of it remains.
    #[error("migration {version} failed and was rolled back")]
    Apply {
        /// Which.
        version: i64,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A query failed.
    #[error("the database could not be asked about its schema")]
    Query(#[source] sqlx::Error),
    /// Anything else of the migrator.
    #[error("the migrations could not be run")]
    Other(#[source] MigrateError),
}

impl SchemaError {
    /// Whether waiting may heal it. What needs an operator does not.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        match self {
            SchemaError::Unreachable { .. }
            | SchemaError::Silent { .. }
            | SchemaError::Busy(_)
            | SchemaError::Locked { .. } => true,
            SchemaError::Query(error) => matches!(error, sqlx::Error::Io(_)),
            SchemaError::Url(_)
            | SchemaError::Credentials { .. }
            | SchemaError::NoDatabase { .. }
            | SchemaError::ServerTooOld { .. }
            | SchemaError::Unmigrated { .. }
            | SchemaError::Older { .. }
            | SchemaError::Newer { .. }
            | SchemaError::Changed { .. }
            | SchemaError::Apply { .. }
            | SchemaError::Other(_) => false,
        }
    }

    pub(super) fn connecting(source: sqlx::Error, options: &PgConnectOptions) -> Self {
        let state = sql_state(&source);
        match state.as_deref() {
            Some("28P01" | "28000") => {
                SchemaError::Credentials { user: options.get_username().to_owned(), source }
            }
            Some("3D000") => {
                let name = options.get_database().unwrap_or(options.get_username()).to_owned();
                SchemaError::NoDatabase { name, source }
            }
            // Starting up or shutting down, administrator's shutdown, too many connections.
            Some("57P03" | "57P01" | "57P02" | "53300") => SchemaError::Busy(source),
            Some(_) => SchemaError::Query(source),
            None => {
                let address = format!("{}:{}", options.get_host(), options.get_port());
                SchemaError::Unreachable { address, source }
            }
        }
    }

    pub(super) fn query(source: sqlx::Error) -> Self {
        match sql_state(&source).as_deref() {
            Some("55P03") => SchemaError::Locked { source },
            Some("57P03" | "57P01" | "57P02" | "53300") => SchemaError::Busy(source),
            Some(_) | None => SchemaError::Query(source),
        }
    }

    pub(super) fn applying(version: i64, source: sqlx::Error) -> Self {
        // A deadlock heals like a lock that was not had in time.
        match sql_state(&source).as_deref() {
            Some("55P03" | "40P01") => SchemaError::Locked { source },
            Some(_) | None => SchemaError::Apply { version, source },
        }
    }
}

fn sql_state(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}
