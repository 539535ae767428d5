//! What keeps the fleet tidy besides its jobs. Every worker does all of it; each chore is bounded
//! and safe to run at once with another worker's. Call-offs are looked for at once when somebody hints
//! at them.

use std::time::{Duration, Instant};

use event::ErrorChain;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::handler::Handler;
use super::shared::Shared;
use super::stop::Why;
use crate::{Hints, Queue, QueueError};

/// How often due jobs are made ready, dead workers' jobs taken back and call-offs looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// Every how many sweeps all dead workers' jobs are looked for, and not only those of workers that
/// ended lately; the first time at once, because nobody may have been there to look for long. Under a
/// held snapshot of minutes that look takes seconds.
const SWEEPS_TO_LOOK_AT_ALL: u64 = 3600;

/// How often partitions are made ahead and old delivery keys dropped.
const MAINTENANCE: Duration = Duration::from_secs(3600);

/// How long the database must have answered before leases are taken away: after an outage every
/// worker's has ended, and those that live renew theirs within this time.
const FENCE_GRACE: Duration = Duration::from_secs(5);

/// Runs the frequent chores until `ended`. One that fails keeps none of the others.
pub(super) async fn sweep<H: Handler>(
    shared: &Shared<H>,
    mut hints: watch::Receiver<Hints>,
    ended: &CancellationToken,
) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut answers_since = None;
    let mut sweeps = 0_u64;
    let mut seen = hints.borrow().stops;
    loop {
        let hinted = tokio::select! {
            () = ended.cancelled() => return,
            _ = tick.tick() => false,
            Ok(_) = hints.wait_for(|hints| hints.stops != seen) => true,
        };
        // Before the look: whatever comes during it is looked for again.
        seen = hints.borrow().stops;
        if hinted {
            obey_call_offs(shared).await;
            continue;
        }
        let since = *answers_since.get_or_insert_with(Instant::now);
        let all = sweeps.is_multiple_of(SWEEPS_TO_LOOK_AT_ALL);
        if sweep_once(shared, since.elapsed() >= FENCE_GRACE, all).await {
            sweeps += 1;
        } else {
            answers_since = None;
        }
    }
}

/// With `all`, what was lost however long ago is taken back too. Whether the database answered all of
/// it well.
async fn sweep_once<H: Handler>(shared: &Shared<H>, fence: bool, all: bool) -> bool {
    let Shared { queue, .. } = shared;
    let mut well = done("make ready what is due", queue.sweep().await).is_some();
    if fence {
        well &= done("take ended leases away", queue.fence_silent().await).is_some();
    }
    let policy_of = |kind: &str| shared.policy(kind);
    let taken_back = match all {
        true => queue.take_back_all(&policy_of).await,
        false => queue.take_back(&policy_of).await,
    };
    let taken_back = done("take lost jobs back", taken_back);
    if let Some(jobs @ 1..) = taken_back {
        tracing::warn!(jobs, "took jobs back from workers that went silent");
    }
    let fired = done("fire schedules", queue.fire_due().await);
    well &= obey_call_offs(shared).await;
    well && taken_back.is_some() && fired.is_some()
}

/// Stops what runs here and was called off. Whether the database answered.
async fn obey_call_offs<H: Handler>(shared: &Shared<H>) -> bool {
    let Shared { queue, running, .. } = shared;
    if running.len() == 0 {
        return true;
    }
    let called_off = queue.cancel_requests(shared.lease.last()).await;
    let called_off = done("look for call-offs", called_off);
    let answered = called_off.is_some();
    for event in called_off.into_iter().flatten() {
        running.stop(event, Why::CalledOff);
    }
    answered
}

fn done<T>(what: &'static str, answer: Result<T, QueueError>) -> Option<T> {
    answer
        .inspect_err(|error| {
            let error = ErrorChain::line(error);
            tracing::warn!(chore = what, error, "a chore failed; it comes again");
        })
        .ok()
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
