//! The database: server, settings, extensions, schema, workers.

use queue::{Queue, QueueError, ServerFacts, StorageMode};
use secrecy::ExposeSecret;
use service::config::{DatabaseConfig, DoctorConfig};
use service::migrate::{self, SchemaError};

use super::{Finding, chain};
use crate::moment::short;
use crate::store;

pub(super) async fn examine(config: &DoctorConfig) -> Vec<Finding> {
    let Some(database) = &config.database else { return Vec::new() };
    let schema = migrate::check(database.url.expose_secret()).await;
    match schema {
        Ok(()) => {
            let version = format!("at version {}, as this program needs it", migrate::built_for());
            let mut findings = vec![Finding::ok("database.schema", version)];
            findings.extend(engine(database).await);
            findings
        }
        Err(error @ (SchemaError::Unmigrated { .. } | SchemaError::Older { .. })) => {
            let mut findings =
                vec![Finding::fail("database.schema", chain(error), "run `athenaeum migrate`")];
            findings.extend(server(database).await);
            findings
        }
        Err(error @ (SchemaError::Newer { .. } | SchemaError::Changed { .. })) => {
            let mut findings = vec![Finding::fail("database.schema", chain(error), OTHER_FIX)];
            findings.extend(server(database).await);
            findings
        }
        Err(error) => vec![Finding::fail("database", chain(error), UNREACHABLE_FIX)],
    }
}

const OTHER_FIX: &str = "run the version of Athenaeum that migrated this database last";

const UNREACHABLE_FIX: &str = "see that the server runs and that DATABASE_URL names it, a database \
                               of it, and a user who may use it";

/// Server and queue, on a schema that fits.
async fn engine(database: &DatabaseConfig) -> Vec<Finding> {
    let mut findings = server(database).await;
    if let Ok(queue) = store::connect(database).await {
        findings.push(hold(&queue).await);
        findings.extend(workers(&queue).await);
    }
    findings
}

async fn server(database: &DatabaseConfig) -> Vec<Finding> {
    let queue = match store::connect(database).await {
        Ok(queue) => queue,
        Err(error) => return vec![Finding::fail("database", chain(error), UNREACHABLE_FIX)],
    };
    match queue.check_server().await {
        Ok(facts) => examined(&facts),
        Err(QueueError::Unsafe { findings }) => {
            findings.into_iter().map(|found| Finding::fail(SETTINGS, found, UNSAFE_FIX)).collect()
        }
        Err(error) => vec![Finding::fail("database", chain(error), UNREACHABLE_FIX)],
    }
}

const SETTINGS: &str = "database.settings";

/// Each finding says what was expected; not all of them are settings.
const UNSAFE_FIX: &str = "correct it: ingest and workers refuse to run until then";

const SETTINGS_FIX: &str = "set fsync, full_page_writes and synchronous_commit to on, or \
                            acknowledged events may be lost";

fn examined(facts: &ServerFacts) -> Vec<Finding> {
    let mut findings =
        vec![Finding::ok("database.server", format!("PostgreSQL {}", facts.version_text))];
    if facts.read_only {
        let fix = "point DATABASE_URL at the primary server";
        findings.push(Finding::fail("database.server", "it is read-only", fix));
    }
    match facts.findings.is_empty() {
        true => findings.push(Finding::ok(SETTINGS, "commits are durable")),
        false => findings.extend(facts.findings.iter().map(|found| {
            let found = format!("{found} (accepted by ATHENAEUM_UNSAFE_DATABASE)");
            Finding::warn(SETTINGS, found, SETTINGS_FIX)
        })),
    }
    let storage = match facts.storage {
        Some(StorageMode::Timescale) => "TimescaleDB hypertables",
        Some(StorageMode::Native) => "native daily partitions",
        None => "none yet",
    };
    findings.push(Finding::ok("database.storage", storage));
    findings.extend(["timescaledb", "vector"].map(|name| extension(facts, name)));
    findings
}

/// Both are optional: their absence is told and mends nothing.
fn extension(facts: &ServerFacts, name: &str) -> Finding {
    let found = match facts.extensions.iter().find(|(known, _)| known == name) {
        Some((_, version)) => format!("version {version}"),
        None => "absent; it is optional".to_owned(),
    };
    Finding::ok(&format!("database.extension.{name}"), found)
}

async fn hold(queue: &Queue) -> Finding {
    const CHECK: &str = "queue.hold";
    match queue.standing_hold().await {
        Ok(None) => Finding::ok(CHECK, "nothing is held"),
        Ok(Some(hold)) => {
            let since = short(hold.at);
            let found = format!("held since {since} UTC by {}: {}", hold.actor, hold.reason);
            let fix = "see that the database is the one that should run, then `athenaeum release \
                       --reason …`; nothing is posted before";
            Finding::fail(CHECK, found, fix)
        }
        Err(error) => Finding::fail(CHECK, chain(error), UNREACHABLE_FIX),
    }
}

async fn workers(queue: &Queue) -> Vec<Finding> {
    let stats = match queue.stats().await {
        Ok(stats) => stats,
        Err(error) => return vec![Finding::fail("queue", chain(error), UNREACHABLE_FIX)],
    };
    let live = stats.workers.iter().filter(|worker| worker.live).count();
    let workers = match live {
        0 => Finding::warn("queue.workers", "no worker is running", "start athenaeum-worker"),
        count => Finding::ok("queue.workers", format!("{count} running")),
    };
    let dead = match stats.dead_letters {
        0 => Finding::ok("queue.dead_letters", "none"),
        count => Finding::warn(
            "queue.dead_letters",
            format!("{count} events failed for good"),
            "see `athenaeum events list --state dead`, mend the cause, then `athenaeum replay`",
        ),
    };
    vec![workers, dead]
}
