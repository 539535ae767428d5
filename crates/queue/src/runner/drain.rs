//! The end: stop claiming, let what runs finish, tell it to stop, drop it, settle what is left.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::options::RunnerOptions;
use super::running::Running;
use super::stop::Why;

/// How long a job that is dropped may take to be gone.
const GONE: Duration = Duration::from_secs(1);

/// How long outcomes may still find no database.
const SETTLE_GRACE: Duration = Duration::from_secs(30);

/// The stages of the end, each a token.
#[derive(Clone, Debug)]
pub(super) struct Drain {
    /// Take nothing new.
    pub(super) soft: CancellationToken,
    /// Hurry.
    pub(super) hard: CancellationToken,
    /// The puller's word that it starts nothing any more.
    pub(super) quiet: CancellationToken,
    /// Nothing runs any more: settle what is left, then leave.
    pub(super) finish: CancellationToken,
    /// Leave.
    pub(super) give_up: CancellationToken,
}

impl Drain {
    pub(super) fn new(soft: CancellationToken, hard: CancellationToken) -> Self {
        let [quiet, finish, give_up] = std::array::from_fn(|_| CancellationToken::new());
        Drain { soft, hard, quiet, finish, give_up }
    }

    /// Goes through the stages, from `soft` until `ended`.
    pub(super) async fn see_to(
        &self,
        running: &Running,
        options: &RunnerOptions,
        ended: &CancellationToken,
    ) {
        ended.run_until_cancelled(self.stages(running, options)).await;
    }

    async fn stages(&self, running: &Running, options: &RunnerOptions) {
        self.soft.cancelled().await;
        let deadline = Instant::now() + options.drain;
        let all_done = async {
            self.quiet.cancelled().await;
            running.emptied().await;
        };
        tokio::select! {
            () = all_done => {}
            () = self.hard.cancelled() => cancel(running, options.obey).await,
            () = sleep_until(deadline) => cancel(running, options.obey).await,
        }
        self.finish.cancel();
        sleep(SETTLE_GRACE).await;
        self.give_up.cancel();
    }
}

async fn cancel(running: &Running, obey: Duration) {
    if running.len() > 0 {
        tracing::warn!(jobs = running.len(), "the grace is over; giving jobs back");
    }
    running.stop_all(Why::Drain);
    if timeout(obey, running.emptied()).await.is_err() {
        running.kill_all();
        if timeout(GONE, running.emptied()).await.is_err() {
            tracing::error!(jobs = running.len(), "handlers block their threads; leaving them");
        }
    }
}
