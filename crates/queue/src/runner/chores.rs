//! What keeps the fleet tidy besides its jobs. Every worker does all of it; each chore is bounded
//! and safe to run at once with another worker's.

use std::time::{Duration, Instant};

use event::ErrorChain;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::handler::Handler;
use super::shared::Shared;
use super::stop::Why;
use crate::{Queue, QueueError};

/// How often due jobs are made ready, dead workers' jobs taken back and call-offs looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// How often partitions are made ahead and old delivery keys dropped.
const MAINTENANCE: Duration = Duration::from_secs(3600);

/// How long the database must have answered before leases are taken away: after an outage every
/// worker's has ended, and those that live renew theirs within this time.
const FENCE_GRACE: Duration = Duration::from_secs(5);

/// Runs the frequent chores until `ended`.
pub(super) async fn sweep<H: Handler>(shared: &Shared<H>, ended: &CancellationToken) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answers_since = None;
    while ended.run_until_cancelled(tick.tick()).await.is_some() {
        let since = *answers_since.get_or_insert_with(Instant::now);
        if let Err(error) = sweep_once(shared, since.elapsed() >= FENCE_GRACE).await {
            answers_since = None;
            let error = ErrorChain::line(&error);
            tracing::warn!(error, "the sweep failed; it comes again");
        }
    }
}

async fn sweep_once<H: Handler>(shared: &Shared<H>, fence: bool) -> Result<(), QueueError> {
    let Shared { queue, running, lease, .. } = shared;
    queue.sweep().await?;
    if fence {
        queue.fence_silent().await?;
    }
    let taken_back = queue.take_back(&|kind| shared.policy(kind)).await?;
    if taken_back > 0 {
        tracing::warn!(jobs = taken_back, "took jobs back from workers that went silent");
    }
    if running.len() > 0 {
        for event in queue.cancel_requests(lease.last()).await? {
            running.stop(event, Why::CalledOff);
        }
    }
    Ok(())
}

/// Runs the rare chores until `ended`, the first time at once.
pub(super) async fn maintain(queue: &Queue, ended: &CancellationToken) {
    let mut tick = interval(MAINTENANCE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = queue.maintain().await {
            let error = ErrorChain::line(&error);
            tracing::error!(error, "maintenance failed; partitions may run out");
        }
    }
}
