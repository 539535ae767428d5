//! Tells the database of a death, so that others take over at once instead of at the lease's end.

use std::time::Duration;

use event::ErrorChain;
use event::limits::LEASE;
use queue::{Incarnation, Queue, QueueError};
use secrecy::ExposeSecret;
use service::config::DatabaseConfig;
use tokio::time::{Instant, sleep, timeout};

use crate::job::policy;

/// How long one report may take.
const REPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// The pauses between two tries: the first, then twice as long up to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// After this the lease has ended by itself and a report would tell nobody anything new.
const PATIENCE: Duration = LEASE;

/// Reports the death of an incarnation and takes its jobs back, again and again until the database
/// has it or its lease must have ended. Connects for this alone: a guard at rest holds no connection.
pub(super) async fn report(database: DatabaseConfig, who: Incarnation) {
    let begun = Instant::now();
    let (mut pause, pause_max) = PAUSES;
    loop {
        let error = match timeout(REPORT_TIMEOUT, tell(&database, who)).await {
            Ok(Ok(jobs)) => {
                let took_ms = super::millis(begun.elapsed());
                tracing::info!(worker = who.id, jobs, took_ms, "reported the death");
                return;
            }
            Ok(Err(error)) => ErrorChain::line(&error),
            Err(_) => format!("no answer within {} s", REPORT_TIMEOUT.as_secs()),
        };
        if begun.elapsed() > PATIENCE {
            tracing::warn!(worker = who.id, error, "the death was not reported; the lease is over");
            return;
        }
        tracing::warn!(worker = who.id, error, "the death is not reported yet; trying again");
        sleep(pause).await;
        pause = (pause * 2).min(pause_max);
    }
}

/// How many jobs were taken back, those of other dead workers included.
async fn tell(database: &DatabaseConfig, who: Incarnation) -> Result<u64, QueueError> {
    let queue = Queue::connect(queue::Options {
        database_url: database.url.expose_secret().to_owned(),
        listen_url: None,
        pool_connections_max: 1,
        application_name: "athenaeum-worker-guard",
        allow_unsafe: database.allow_unsafe,
    });
    let queue = queue.await?;
    queue.report_death(who).await?;
    queue.take_back(&policy).await
}
