//! The process loop: everything between a [`Queue`] and the code that handles jobs.
//!
//! One [`Runner`] is one worker. It registers, keeps its lease on a thread of its own, claims for
//! its free slots, runs the handler, settles what it reports, and does the chores that keep the
//! whole fleet tidy. Ending it is an argument of [`Runner::run`]: the first token drains, the
//! second hurries.

mod attempt;
mod batch;
mod chores;
mod clock;
mod drain;
mod handler;
mod keeper;
mod lease;
mod meters;
mod offers;
mod options;
mod outbox;
mod puller;
mod report;
mod running;
mod shared;
mod start;
mod stop;
mod told;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{Queue, QueueError};

pub use clock::boot_clock;
pub use handler::{Handler, Heartbeat};
pub use options::{BATCH_MAX, POLL_MAX, RunnerOptions, SLOTS_MAX};
pub use report::Report;
pub use stop::{Stop, Why};

use drain::Drain;
use keeper::Keeper;
use puller::Puller;
use running::{KillOnDrop, Running};
use shared::Shared;

/// A worker that has not begun yet.
#[derive(Debug)]
pub struct Runner {
    queue: Queue,
    options: RunnerOptions,
}

impl Runner {
    /// A worker on `queue`; nothing is sent before [`Runner::run`].
    #[must_use]
    pub fn new(queue: Queue, options: RunnerOptions) -> Self {
        Runner { queue, options: options.bounded() }
    }

    /// Works until `soft`, then drains: what runs may finish within the options' grace, then it is
    /// told to stop, then it is dropped; what did not finish is given back uncharged. `hard` skips
    /// the grace.
    ///
    /// Outages of the database are waited out, also at the start. Dropping the future is like
    /// killing the process: what ran is dropped, and taken over once the lease ends.
    ///
    /// # Errors
    /// What no waiting heals, before the first claim.
    pub async fn run<H: Handler>(
        self,
        handler: H,
        soft: CancellationToken,
        hard: CancellationToken,
    ) -> Result<Report, QueueError> {
        let Runner { queue, options } = self;
        let ended = CancellationToken::new();
        let _end_what_is_beside = ended.clone().drop_guard();
        let running = Arc::new(Running::default());
        let _kill_what_runs = KillOnDrop(Arc::clone(&running));
        let (hints, listener) = queue.wakeups(ended.clone());
        // Whatever can be on its way at once is: a worker starts in one round trip or two.
        let keeper = Keeper::start(&queue, &options, &running, &soft);
        let (keeper, ()) = tokio::join!(keeper, queue.warm_up());
        let Some(keeper) = keeper? else { return Ok(Report::default()) };
        let lease = Arc::clone(&keeper.lease);
        let shared = Arc::new(Shared::new(queue, options, handler, Arc::clone(&lease), running));
        tracing::info!(worker = lease.last().id, slots = shared.options.slots, "ready");

        let drain = Drain::new(soft, hard);
        let puller = Puller::new(Arc::clone(&shared), drain.clone());
        let (mut report, ()) = tokio::join!(
            async {
                let report = puller.pull(hints.clone()).await;
                ended.cancel();
                report
            },
            async {
                tokio::join!(
                    drain.see_to(&shared.running, &shared.options, &ended),
                    chores::sweep(&shared, hints.clone(), &ended),
                    chores::maintain(&shared.queue, &ended),
                );
            },
        );
        report.left = shared.running.len();
        tracing::info!(left = report.left, unsettled = report.unsettled, "drained");
        keeper.leave().await;
        // It ends at once: the token that it watches is cancelled.
        let _ = listener.await;
        Ok(report)
    }
}
