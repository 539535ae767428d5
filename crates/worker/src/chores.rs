//! What keeps the fleet tidy besides its jobs. Every worker does all of it; each chore is bounded
//! and safe to run at once with another worker's.

use std::time::Duration;

use event::ErrorChain;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;
use crate::job::policy;
use crate::lease::Lease;
use crate::stop::{Running, Why};

/// How often due jobs are made ready, dead workers' jobs taken back and call-offs looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// How often partitions are made ahead and old delivery keys dropped.
const MAINTENANCE: Duration = Duration::from_secs(3600);

/// Runs the frequent chores until shutdown.
pub(crate) async fn sweep(
    desk: &Desk,
    lease: &Lease,
    running: &Running,
    shutdown: CancellationToken,
) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = sweep_once(desk, lease, running).await {
            tracing::warn!(error = %ErrorChain::line(&error), "the sweep failed; it comes again");
        }
    }
}

async fn sweep_once(
    desk: &Desk,
    lease: &Lease,
    running: &Running,
) -> Result<(), queue::QueueError> {
    desk.queue.sweep().await?;
    let taken_back = desk.queue.reap(&policy).await?;
    if taken_back > 0 {
        tracing::warn!(jobs = taken_back, "took jobs back from workers that went silent");
    }
    if running.len() > 0 {
        for event in desk.queue.cancel_requests(lease.last()).await? {
            running.stop(event, Why::CalledOff);
        }
    }
    Ok(())
}

/// Runs the rare chores until shutdown, the first time at once.
pub(crate) async fn maintain(desk: &Desk, shutdown: CancellationToken) {
    let mut tick = interval(MAINTENANCE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
        if let Err(error) = desk.queue.maintain().await {
            tracing::error!(error = %ErrorChain::line(&error), "maintenance failed; partitions may run out");
        }
    }
}
