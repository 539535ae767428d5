//! The claim of one job while millions are ready: its time in the server, and the whole turn of claim,
//! no-op and end in a worker with one slot.

use std::time::Duration;

use anyhow::ensure;
use futures::FutureExt;
use tokio::time::sleep;

use super::{Arena, Case, Measured, PAYLOAD_BYTES, Round, Size, short};
use crate::queue::driver::{Request, Work};
use crate::queue::log::claims_ms;
use crate::queue::report::{Measure, middle};
use crate::queue::systems::{Fill, fill};

pub(super) const CASE: Case = Case {
    name: "claim_ms_at",
    figures: |size| names(size).to_vec(),
    once: true,
    run: |round| run(round).boxed(),
};

/// Jobs in front that carry a whole payload; those behind are as many as the case says, but light.
const WHOLE: u64 = 20_000;
const WARM_UP: Duration = Duration::from_secs(2);
const OVER: Duration = Duration::from_secs(9);
/// Three medians show a spread where one filling must do.
const PARTS: usize = 3;
/// The number of the one job that the fillings copy.
const TEMPLATE: u64 = 999_999_999;

fn names(size: &Size) -> [String; 2] {
    let deep = short(size.deep);
    [format!("claim_ms_at_{deep}"), format!("turn_ms_at_{deep}")]
}

async fn run(round: Round<'_>) -> Measured {
    let mut arena = Arena::open_logged(round).await?;
    let deep = round.size.deep;
    match round.system.fill {
        Fill::Sql(statement) => {
            arena.load(TEMPLATE, 1, 0).await?;
            let client = arena.connect().await?;
            client.batch_execute("SET log_min_duration_statement = -1").await?;
            fill(&client, statement, (deep, WHOLE), PAYLOAD_BYTES).await?;
        }
        Fill::Load => {
            arena.load(0, WHOLE.min(deep), 0).await?;
            let rest = deep.saturating_sub(WHOLE);
            let light = Request::Load { first: WHOLE, jobs: rest, lanes: 0, bytes: 0 };
            arena.driver.ask(&light).await?;
        }
    }
    let client = arena.connect().await?;
    client.batch_execute("SET log_min_duration_statement = -1").await?;
    client.batch_execute("VACUUM (ANALYZE)").await?;
    client.batch_execute("CHECKPOINT").await?;
    arena.restart().await?;
    let work = Work { slots: 1, batch: 1, workers: 1, think_ms: 0, record_from: u64::MAX };
    arena.driver.ask(&Request::Work(work)).await?;
    sleep(WARM_UP).await;
    let log = round.server.log();
    let from_byte = std::fs::metadata(&log)?.len();
    let rate = arena.throughput(OVER).await?;
    let claims_ms = claims_ms(&log, from_byte, round.system.claim)?;
    arena.close().await?;
    ensure!(claims_ms.len() >= PARTS, "no claim of it was found in the server's log");
    let [claim, turn] = names(round.size);
    let parts = claims_ms.chunks(claims_ms.len().div_ceil(PARTS)).map(|part| {
        let mut part = part.to_vec();
        part.sort_by(f64::total_cmp);
        Measure::new(claim.clone(), "ms", middle(&part))
    });
    let mut measures: Vec<Measure> = parts.collect();
    measures.push(Measure::new(turn, "ms", 1e3 / rate));
    Ok(measures)
}
