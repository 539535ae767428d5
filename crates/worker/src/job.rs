//! One claimed job: the handler that its kind names, then the settling of what it reports.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use event::{ErrorChain, Outcome, Policy, Verdict};
use futures::FutureExt;
use queue::{Claim, QueueError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, JobError};
use crate::stop::Stop;
use crate::{answer, ask, notice};

/// How soon a settlement that did not reach the database is tried again.
const SETTLE_RETRY: Duration = Duration::from_millis(500);

/// Whether events of a kind are answered in a Slack thread.
pub(crate) fn answers_in_slack(kind: &str) -> bool {
    matches!(kind, "app_mention" | "message")
}

/// How often and how patiently a kind is tried.
pub(crate) fn policy(kind: &str) -> Policy {
    match kind {
        queue::DEAD_LETTER_KIND => NOTICE_POLICY,
        _ => Policy::ANSWER,
    }
}

/// A notice is small and owed to someone who waits: it is tried for about an hour.
const NOTICE_POLICY: Policy = Policy {
    attempts_max: 20,
    backoff_base: Duration::from_secs(2),
    backoff_max: Duration::from_secs(300),
};

/// Works on a claim until the database knows what came of it.
pub(crate) async fn work(desk: &Desk, claim: &Claim, stop: &Stop, hard: &CancellationToken) {
    let begun = Instant::now();
    let handled = AssertUnwindSafe(handle(desk, claim, stop)).catch_unwind().await;
    let outcome = handled.unwrap_or_else(|_| Outcome::Failed(ErrorChain::message(PANICKED)));
    let word = outcome.as_str();
    metrics::counter!("worker_attempts_total", "outcome" => word).increment(1);
    metrics::histogram!("worker_attempt_seconds", "outcome" => word).record(begun.elapsed());
    settle(desk, claim, outcome, hard).await;
}

/// A panic's own words may hold a message's text; the log's backtrace names the place.
const PANICKED: &str = "the handler panicked";

async fn handle(desk: &Desk, claim: &Claim, stop: &Stop) -> Outcome {
    let handled = match claim.kind.as_str() {
        kind if answers_in_slack(kind) => answer::answer(desk, claim, stop).await,
        "ask" => ask::ask(desk, claim, stop).await,
        queue::DEAD_LETTER_KIND => notice::notify(desk, claim, stop).await,
        kind => Err(JobError::Kind { kind: kind.to_owned() }),
    };
    handled.unwrap_or_else(|error| {
        tracing::warn!(error = %ErrorChain::line(&error), "the attempt did not finish");
        error.outcome(stop)
    })
}

/// Reports the outcome until the database has it, refuses it, or the process must end at once.
async fn settle(desk: &Desk, claim: &Claim, outcome: Outcome, hard: &CancellationToken) {
    let policy = policy(&claim.kind);
    loop {
        match desk.queue.settle(claim, outcome.clone(), &policy).await {
            Ok(verdict) => return log(&verdict),
            Err(QueueError::Fenced) => {
                tracing::warn!("another worker holds this job now; what we report is refused");
                return;
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "the outcome is not settled yet; trying again");
            }
        }
        if hard.run_until_cancelled(sleep(SETTLE_RETRY)).await.is_none() {
            tracing::warn!("ending unsettled; the lease's end returns the job");
            return;
        }
    }
}

fn log(verdict: &Verdict) {
    match verdict {
        Verdict::End { state, error: None, .. } => {
            tracing::info!(state = state.as_str(), "settled");
        }
        Verdict::End { state, error: Some(error), .. } => {
            tracing::error!(state = state.as_str(), error = %error, "settled");
        }
        Verdict::Again { after, charged, .. } => {
            tracing::info!(again_in_ms = after.as_millis(), charged, "to be tried again");
        }
        Verdict::Suspend { error: None, .. } => tracing::info!("suspended"),
        Verdict::Suspend { error: Some(error), .. } => {
            tracing::warn!(error = %error, "parked for a newer worker");
        }
    }
}
