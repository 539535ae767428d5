//! Slack's rates, shared by all workers through the engine's limits.
//!
//! Each call with a rate costs one statement, a fraction of a millisecond that waits for no disk,
//! where the call itself takes tens of them. Taking several units at once would save little of that,
//! since Slack grants a whole fleet no more than a few calls a second, and it would break the promise
//! that a 429 told to one process ends the calls of all.

use std::time::Duration;

use async_trait::async_trait;
use event::ErrorChain;
use event::limits::RATE_LIMIT_WAIT_MAX;
use queue::{Limit, LimitError, Queue, Reserved};
use slack::budget::{Bucket, Budget, Purpose};
use tokio::time::{Instant, sleep};

/// How long to come again after, when the database does not say. Without it nothing could be
/// recorded of a call either.
const NOBODY_TO_ASK: Duration = Duration::from_secs(1);

/// The shortest time that a caller is sent away for, and the least that such times are spread over.
const AWAY_MIN: Duration = Duration::from_secs(1);

/// The calls of one app in one workspace.
pub(crate) struct FleetBudget {
    queue: Queue,
    team: String,
}

impl FleetBudget {
    pub(crate) fn new(queue: Queue, team: &str) -> Self {
        FleetBudget { queue, team: team.to_owned() }
    }

    fn limit(&self, bucket: &Bucket, purpose: Purpose) -> Limit {
        Limit {
            name: format!("slack:{}:{}", self.team, bucket.name),
            per_second: bucket.per_second,
            burst: bucket.burst_for(purpose),
        }
    }

    /// Waits for what was reserved, and looks whether Slack refused anyone meanwhile.
    async fn after(
        &self,
        wait: Duration,
        limit: &Limit,
    ) -> Result<Result<(), Duration>, LimitError> {
        if wait.is_zero() {
            return Ok(Ok(()));
        }
        sleep(wait).await;
        Ok(self.queue.refused(limit).await?.map_or(Ok(()), Err))
    }

    async fn ask(
        &self,
        limit: &Limit,
        patience: Duration,
    ) -> Result<Result<(), Duration>, LimitError> {
        match self.queue.reserve(limit, 1.0, patience).await? {
            Reserved::In(wait) => self.after(wait, limit).await,
            Reserved::RetryAfter(wait) => Ok(Err(wait.saturating_sub(patience))),
        }
    }
}

#[async_trait]
impl Budget for FleetBudget {
    async fn turn(
        &self,
        bucket: &Bucket,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<(), Duration> {
        let begun = Instant::now();
        let asked = self.ask(&self.limit(bucket, purpose), patience).await;
        metrics::histogram!("worker_slack_turn_seconds").record(begun.elapsed());
        let away = match asked {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(away)) => spread(away),
            Err(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "nobody grants calls to Slack; waiting");
                NOBODY_TO_ASK
            }
        };
        metrics::counter!("worker_slack_calls_put_off_total", "by" => "budget").increment(1);
        Err(away)
    }

    async fn refused(&self, bucket: &Bucket, meanwhile: Duration) {
        metrics::counter!("worker_slack_calls_put_off_total", "by" => "slack").increment(1);
        let limit = self.limit(bucket, Purpose::Answer);
        let seconds = meanwhile.as_secs();
        tracing::warn!(
            bucket = limit.name,
            seconds,
            "Slack limits the rate; no worker calls meanwhile"
        );
        let noted = self.queue.refuse(&limit, meanwhile.min(RATE_LIMIT_WAIT_MAX)).await;
        if let Err(error) = noted {
            tracing::warn!(error = %ErrorChain::line(&error), "the other workers do not hear of it");
        }
    }
}

/// Those who are sent away together come back over twice the time, not all at once.
fn spread(away: Duration) -> Duration {
    let away = away.max(AWAY_MIN);
    away + away.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_sent_away_comes_back_no_earlier_and_not_for_ever() {
        for away in [Duration::ZERO, Duration::from_millis(1), Duration::from_secs(30)] {
            let spread = spread(away);
            assert!(spread >= away.max(AWAY_MIN) && spread <= away.max(AWAY_MIN) * 2);
        }
    }
}
