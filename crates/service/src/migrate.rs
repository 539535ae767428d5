//! The database's schema: brought up to date by `athenaeum migrate`, checked by every process.

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod connect;
mod error;

pub(crate) use connect::connect;
pub use error::SchemaError;

/// The oldest server that serves, as `server_version_num` counts.
pub const SERVER_VERSION_MIN: i32 = 150_000;

/// How long one statement of a migration waits for a lock before it lets go and tries again: a
/// waiting `ALTER TABLE` blocks everyone who comes after it.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long `run` tries in all while others hold the locks that it needs.
pub const LOCK_PATIENCE: Duration = Duration::from_secs(120);

/// The pause between two tries of `run`.
const LOCK_PAUSE: Duration = Duration::from_millis(200);

/// The pause between two checks of `wait`: the first, then twice as long up to the last.
const WAIT_PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

/// The advisory lock of a run. `sqlx` takes one of its own as well, but only after it has been
/// asked to run; under ours, a run can tell what it did from what another did.
const RUN_LOCK: i64 = 0x6d69_6772_6174_6531;

static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// What `run` did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The versions applied by this run, oldest first; empty when all stood already.
    pub applied: Vec<i64>,
    /// The schema's version now; 0 without migrations.
    pub version: i64,
}

/// Brings the schema up to date. Safe to repeat and to run from several processes at once: they take
/// turns under an advisory lock, and whoever comes second finds the work done.
///
/// # Errors
/// Whatever keeps the schema from being up to date; nothing is left half applied, as each migration
/// is a transaction.
pub async fn run(url: &str) -> Result<Migrated, SchemaError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match run_once(url).await {
            Err(SchemaError::Locked { .. }) if Instant::now() < deadline => {
                tracing::info!("another process holds locks that a migration needs; trying again");
                tokio::time::sleep(LOCK_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// Whether the schema is the one that this program was built for.
///
/// # Errors
/// What is in the way, in a sentence that says what to do.
pub async fn check(url: &str) -> Result<(), SchemaError> {
    let mut connection = connect(url).await?;
    let result = compare(&mut connection).await;
    // The answer is had; a connection that cannot say goodbye is closed by the server.
    let _ = connection.close().await;
    result
}

/// [`check`], again and again while waiting may heal it (no server yet, one that starts up), until
/// it is fine, cannot heal, or `shutdown`.
///
/// # Errors
/// As [`check`]; after `shutdown`, the last of them.
pub async fn wait(url: &str, shutdown: &CancellationToken) -> Result<(), SchemaError> {
    let (mut pause, pause_max) = WAIT_PAUSES;
    loop {
        let error = match check(url).await {
            Err(error) if error.may_heal() => error,
            result => return result,
        };
        tracing::warn!(error = &error as &dyn std::error::Error, "the database is not ready");
        if shutdown.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return Err(error);
        }
        pause = (pause * 2).min(pause_max);
    }
}

/// The version of the schema that this program was built for; 0 without migrations.
#[must_use]
pub fn built_for() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// A name for this exact set of migrations.
#[cfg(feature = "testing")]
pub(crate) fn fingerprint() -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    for migration in MIGRATOR.iter() {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

async fn run_once(url: &str) -> Result<Migrated, SchemaError> {
    let mut connection = connect(url).await?;
    let lock_timeout = format!("SET lock_timeout = {}", LOCK_TIMEOUT.as_millis());
    connection.execute(sqlx::AssertSqlSafe(lock_timeout)).await.map_err(SchemaError::query)?;
    let lock = format!("SELECT pg_advisory_lock({RUN_LOCK})");
    connection.execute(sqlx::AssertSqlSafe(lock)).await.map_err(SchemaError::query)?;
    let before = applied(&mut connection).await?.unwrap_or_default();
    // `run` is generic over what it borrows a connection from, and its future is not `Send`.
    let migrating = MIGRATOR.run_direct(None, &mut connection, false);
    migrating.await.map_err(SchemaError::migration)?;
    let after = applied(&mut connection).await?.unwrap_or_default();
    // Closing lets go of the lock.
    let _ = connection.close().await;
    let version = after.iter().map(|(version, _)| *version).max().unwrap_or_default();
    let known = |version: &i64| before.iter().any(|(known, _)| known == version);
    let applied = after.into_iter().map(|(version, _)| version).filter(|v| !known(v)).collect();
    Ok(Migrated { applied, version })
}

/// Compares what was applied with what this program brings.
async fn compare(connection: &mut PgConnection) -> Result<(), SchemaError> {
    let Some(applied) = applied(connection).await?.filter(|applied| !applied.is_empty()) else {
        return Err(SchemaError::Unmigrated { expected: built_for() });
    };
    let newest = applied.iter().map(|(version, _)| *version).max().unwrap_or_default();
    if applied.iter().any(|(version, _)| !MIGRATOR.version_exists(*version)) {
        return Err(SchemaError::Newer { expected: built_for(), found: newest });
    }
    for migration in MIGRATOR.iter() {
        match applied.iter().find(|(version, _)| *version == migration.version) {
            None => return Err(SchemaError::Older { expected: built_for(), found: newest }),
            Some((version, checksum)) if *checksum != *migration.checksum => {
                return Err(SchemaError::Changed { version: *version });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The applied migrations' versions and checksums; `None` where none ever ran.
async fn applied(
    connection: &mut PgConnection,
) -> Result<Option<Vec<(i64, Vec<u8>)>>, SchemaError> {
    let there: bool = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await
        .map_err(SchemaError::query)?;
    if !there {
        return Ok(None);
    }
    let rows = sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
        .fetch_all(connection)
        .await
        .map_err(SchemaError::query)?;
    Ok(Some(rows))
}

impl SchemaError {
    fn migration(error: MigrateError) -> Self {
        let newest = built_for();
        if let MigrateError::VersionMissing(found) = error {
            return SchemaError::Newer { expected: newest, found };
        }
        if let MigrateError::VersionMismatch(version) = error {
            return SchemaError::Changed { version };
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "sqlx's enum, and it may grow")]
        match error {
            MigrateError::Execute(error) => SchemaError::query(error),
            MigrateError::ExecuteMigration(error, version) => SchemaError::applying(version, error),
            other => SchemaError::Other(other),
        }
    }
}
