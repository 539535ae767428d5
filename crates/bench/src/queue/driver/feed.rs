//! Enqueuing in the background, at a rate or as fast as the backlog allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{Feed, Job, Seen, System, now_ns};

/// How often a writer looks whether the backlog has room.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// `[number, before, after]` of each recorded commit, and how many jobs there were.
pub(super) type Fed = (u64, Vec<(u64, u64, u64)>);

/// Enqueues until the time is over.
pub(super) async fn run<S: System>(
    system: Arc<S>,
    seen: Arc<Seen>,
    feed: Feed,
) -> anyhow::Result<Fed> {
    if feed.rate > 0.0 {
        return paced(&*system, feed).await;
    }
    let numbers = Arc::new(AtomicU64::new(0));
    let base = seen.done();
    let writers = (0..feed.writers).map(|_| {
        let (system, seen, numbers) =
            (Arc::clone(&system), Arc::clone(&seen), Arc::clone(&numbers));
        tokio::spawn(flat_out(system, seen, numbers, base, feed))
    });
    for writer in futures::future::join_all(writers).await {
        writer??;
    }
    Ok((numbers.load(Ordering::Acquire), Vec::new()))
}

async fn paced<S: System>(system: &S, feed: Feed) -> anyhow::Result<Fed> {
    let ends = Instant::now() + Duration::from_secs_f64(feed.seconds);
    let mut tick = interval(Duration::from_secs_f64(feed.batch as f64 / feed.rate));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut next, mut commits) = (0, Vec::new());
    while Instant::now() < ends {
        tick.tick().await;
        let jobs = jobs(&feed, next);
        let before_ns = now_ns();
        system.enqueue(jobs).await?;
        if feed.record {
            commits.push((feed.first + next, before_ns, now_ns()));
        }
        next += feed.batch;
    }
    Ok((next, commits))
}

async fn flat_out<S: System>(
    system: Arc<S>,
    seen: Arc<Seen>,
    numbers: Arc<AtomicU64>,
    base: u64,
    feed: Feed,
) -> anyhow::Result<()> {
    let ends = Instant::now() + Duration::from_secs_f64(feed.seconds);
    while Instant::now() < ends {
        let waiting = numbers.load(Ordering::Acquire).saturating_sub(seen.done() - base);
        if waiting >= feed.backlog {
            sleep(LOOK_EVERY).await;
            continue;
        }
        let next = numbers.fetch_add(feed.batch, Ordering::AcqRel);
        system.enqueue(jobs(&feed, next)).await?;
    }
    Ok(())
}

fn jobs(feed: &Feed, next: u64) -> Vec<Job> {
    let job = |n: u64| {
        let lane = n.checked_rem(feed.lanes).map(|lane| feed.lane_first + lane);
        Job { n: feed.first + n, lane, bytes: feed.bytes }
    };
    (next..next + feed.batch).map(job).collect()
}
