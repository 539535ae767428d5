//! Throughput of enqueue and work at once while somebody holds an old snapshot, over that before.

use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, sleep};

use super::arena::flat_out;
use super::{Arena, Case, Measured, Round, Size};
use crate::queue::driver::Request;
use crate::queue::report::Measure;

pub(super) const CASE: Case = Case {
    name: "held_snapshot",
    figures: |size| size.held.iter().map(|held| name(*held)).collect(),
    once: true,
    run: |round| run(round).boxed(),
};

const HELD_FULL: Duration = Duration::from_secs(600);
/// Before the clean throughput is taken.
const WARM_UP: Duration = Duration::from_secs(10);
/// Over which the clean throughput is taken, and each later one that ends at its time.
const WINDOW: Duration = Duration::from_secs(20);

fn name(held: Duration) -> String {
    match held {
        HELD_FULL => "held_snapshot_ratio".to_owned(),
        held if held.as_secs() % 60 == 0 => {
            format!("held_snapshot_{}m_ratio", held.as_secs() / 60)
        }
        held => format!("held_snapshot_{}s_ratio", held.as_secs()),
    }
}

async fn run(round: Round<'_>) -> Measured {
    let Size { held, .. } = round.size;
    let last = held.last().copied().unwrap_or_default();
    let window = WINDOW.min(last / 2);
    let mut arena = Arena::open(round).await?;
    arena.work().await?;
    let whole = WARM_UP + window + last + window;
    arena.driver.ask(&Request::Feed(flat_out(0, whole, 0))).await?;
    sleep(WARM_UP.min(last)).await;
    let clean = arena.throughput(window).await?;
    let holder = arena.connect().await?;
    holder.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
    // The first statement takes the snapshot.
    holder.query_one("SELECT count(*) FROM pg_class", &[]).await?;
    let begun = Instant::now();
    let mut measures = Vec::new();
    for at in held {
        sleep((*at - window).saturating_sub(begun.elapsed())).await;
        let rate = arena.throughput(window).await?;
        measures.push(Measure::new(name(*at), "times", rate / clean));
    }
    holder.batch_execute("ROLLBACK").await?;
    drop(holder);
    // What is still being fed need not be waited for.
    arena.driver.ask(&Request::Fed).await?;
    arena.close().await?;
    Ok(measures)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_snapshot_is_named_by_how_long_it_is_held() {
        assert_eq!(name(Duration::from_secs(600)), "held_snapshot_ratio");
        assert_eq!(name(Duration::from_secs(120)), "held_snapshot_2m_ratio");
        assert_eq!(name(Duration::from_secs(30)), "held_snapshot_30s_ratio");
    }
}
