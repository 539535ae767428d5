//! Hints to the workers, outside every transaction that matters (NOTIFY inside the ingest
//! transaction costs it 2 to 24 times its commits: its COMMIT takes a database-wide lock).

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::error::database;
use crate::options::HINT_TIMEOUT;
use crate::pool::{acquire, answered, part_with, prepare};
use crate::statements::{NOTIFY, NOTIFY_STOPS};
use crate::transaction::Sql;
use crate::{Queue, QueueError, stepping};

/// After one hint the next comes no sooner; it covers everything in between.
const HINT_INTERVAL: Duration = Duration::from_millis(10);

impl Queue {
    /// One hint now. A failure is no fault: workers poll.
    pub(crate) async fn hint(&self) {
        if stepping::is_gated() {
            return;
        }
        told(send(&self.hints, NOTIFY).await);
    }

    /// Tells all workers now that a running job was called off. A failure is no fault: they look every
    /// second.
    pub(crate) async fn hint_at_stops(&self) {
        if stepping::is_gated() {
            return;
        }
        told(send(&self.hints, NOTIFY_STOPS).await);
    }
}

/// Sends hints as they are asked for: the first at once, then at most one per [`HINT_INTERVAL`].
/// `Notify` keeps one permit, so nothing that is asked for during a hint is forgotten.
pub(crate) async fn run(hints: Pool, wanted: Arc<Notify>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(wanted.notified()).await.is_some() {
        told(send(&hints, NOTIFY).await);
        tokio::time::sleep(HINT_INTERVAL).await;
    }
}

fn told(sent: Result<(), QueueError>) {
    if let Err(error) = sent {
        tracing::debug!(%error, "no hint sent; the workers' poll will do");
    }
}

async fn send(hints: &Pool, hint: Sql) -> Result<(), QueueError> {
    let client = acquire(hints).await?;
    let sent = answered(hint.doing, HINT_TIMEOUT, async {
        let statement = prepare(&client, hint).await?;
        client.execute(&statement, &[]).await.map_err(database(hint.doing))
    })
    .await;
    part_with(client, &sent);
    sent.map(drop)
}
