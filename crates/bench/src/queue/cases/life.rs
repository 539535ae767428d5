//! What one event's whole life writes: bytes of the write-ahead log without full-page images, and
//! row versions left for vacuum.

use std::time::Duration;

use futures::FutureExt;
use tokio_postgres::Client;

use super::arena::flat_out;
use super::{Arena, Case, Measured, Round};
use crate::queue::driver::{Feed, Request};
use crate::queue::report::Measure;
use crate::queue::wal;

pub(super) const CASE: Case = Case {
    name: "life",
    figures: |_| names().map(str::to_owned).to_vec(),
    once: false,
    run: |round| run(round).boxed(),
};

/// Long enough for some ten thousand events, short enough for the reading of the log.
const OVER: Duration = Duration::from_secs(2);

const BACKLOG: u64 = 1_000;

fn names() -> [&'static str; 3] {
    ["wal_bytes_per_event", "wal_bytes_per_event_all", "dead_tuples_per_event"]
}

async fn run(round: Round<'_>) -> Measured {
    let mut arena = Arena::open(round).await?;
    let client = arena.connect().await?;
    arena.work().await?;
    client.batch_execute("CHECKPOINT").await?;
    let (from, dead) = (wal::position(&client).await?, dead_tuples(&client).await?);
    // Few wait at the end, so that a slow system, too, is soon done.
    let feed = Feed { backlog: BACKLOG, ..flat_out(0, OVER, 0) };
    arena.driver.ask(&Request::Feed(feed)).await?;
    let events = arena.driver.ask(&Request::Fed).await?.jobs;
    arena.wait(events).await?;
    arena.wait_ended().await?;
    let tables = wal::tables_by_file(&client).await?;
    // The sessions report what they did when they end.
    arena.restart().await?;
    let (to, dead) = (wal::position(&client).await?, dead_tuples(&client).await? - dead);
    let prefixes = round.system.log_and_job;
    let written = wal::written(round.server, (&from, &to), &tables, prefixes).await?;
    drop(client);
    arena.close().await?;
    let chosen = if prefixes.is_empty() { written.bytes } else { written.bytes_chosen };
    let [log_and_job, all, dead_name] = names();
    Ok(vec![
        Measure::new(log_and_job, "B", chosen as f64 / events as f64),
        Measure::new(all, "B", written.bytes as f64 / events as f64),
        Measure::new(dead_name, "rows", dead as f64 / events as f64),
    ])
}

/// Row versions that died so far: each update and each delete leaves one.
async fn dead_tuples(client: &Client) -> anyhow::Result<i64> {
    client.execute("SELECT pg_stat_clear_snapshot()", &[]).await?;
    let query = "SELECT coalesce(sum(n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_user_tables";
    Ok(client.query_one(query, &[]).await?.try_get(0)?)
}
