//! What operators do meanwhile: they call jobs off, replay ended ones, and count.

use std::sync::Arc;
use std::time::Duration;

use event::EventId;
use queue::{Queue, ReplayOptions, Selection};
use serde_json::{Map, Value};
use tokio::time::sleep;
use tokio_postgres::Client;
use tokio_util::sync::CancellationToken;

use super::journal::Journal;
use super::orders::HOLD_FILE;
use super::stage::Stage;

/// How often an operator does something.
const ACT_EVERY: Duration = Duration::from_millis(400);

/// How often everything is counted.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

/// Enqueuers hold while more than this many jobs are live, and go on below half of it.
const BACKLOG_MAX: i64 = 10_000;

/// Calls off a few live jobs and replays a few ended ones, at random, until told to stop.
pub(super) async fn operate(stage: Arc<Stage>, stop: CancellationToken) -> anyhow::Result<()> {
    let queue = super::queue(&stage.server.url, "bench-operator", 2).await?;
    while stop.run_until_cancelled(sleep(ACT_EVERY)).await.is_some() {
        // The database may be away; there is always a next time.
        let _ = act(&stage, &queue).await;
    }
    Ok(())
}

async fn act(stage: &Stage, queue: &Queue) -> anyhow::Result<()> {
    let sql = stage.server.sql().await?;
    let live = "SELECT event_id FROM jobs TABLESAMPLE SYSTEM (10) ORDER BY random() LIMIT 1";
    queue.cancel(&ids(&sql, live).await?, "operator", "the soak says so").await?;
    let ended = "SELECT event_id FROM outcomes WHERE ended_at > clock_timestamp() - INTERVAL '3 s'
                  ORDER BY random() LIMIT 1";
    let options = ReplayOptions {
        actor: "operator".to_owned(),
        reason: Some("the soak says so".to_owned()),
        dry_run: false,
        limit: 1,
        ..ReplayOptions::default()
    };
    queue.replay(&Selection::Ids(ids(&sql, ended).await?), &options).await?;
    Ok(())
}

async fn ids(sql: &Client, query: &str) -> anyhow::Result<Vec<EventId>> {
    Ok(sql.query(query, &[]).await?.iter().map(|row| EventId(row.get(0))).collect())
}

/// Samples what should be conserved, and keeps the backlog within its bound, until told to stop.
pub(super) async fn sample(stage: Arc<Stage>, stop: CancellationToken) -> anyhow::Result<()> {
    let journal = Journal::create(&stage.run, "samples", "conductor")?;
    let hold = stage.run.join(HOLD_FILE);
    while stop.run_until_cancelled(sleep(SAMPLE_EVERY)).await.is_some() {
        let Ok(live) = sample_once(&stage, &journal).await else { continue };
        if live > BACKLOG_MAX {
            std::fs::write(&hold, "")?;
        } else if live < BACKLOG_MAX / 2 && hold.exists() {
            std::fs::remove_file(&hold)?;
        }
    }
    if hold.exists() {
        std::fs::remove_file(&hold)?;
    }
    Ok(())
}

async fn sample_once(stage: &Stage, journal: &Journal) -> anyhow::Result<i64> {
    let sql = stage.server.sql().await?;
    let query = "SELECT to_jsonb(c) - 'balanced' || jsonb_build_object('db_at',
                        (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
                   FROM conservation() AS c";
    let counted: Map<String, Value> =
        serde_json::from_value(sql.query_one(query, &[]).await?.try_get(0)?)?;
    let live = ["waiting", "ready", "running", "suspended"];
    let live = live.iter().filter_map(|state| counted.get(*state)?.as_i64()).sum();
    journal.write(Value::Object(counted));
    Ok(live)
}
