//! Which submissions share a commit: all that arrived during the last one.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::Submission;

/// Events in one commit at most.
pub(crate) const BATCH_EVENTS_MAX: usize = 256;

/// Bytes of frames in one commit, after which no further event joins it.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long a commit waits for company, when the last one had some. A lone event never waits.
const LINGER: Duration = Duration::from_millis(2);

/// Draws batches from the submissions.
pub(crate) struct Gatherer {
    inbox: mpsc::Receiver<Submission>,
    shutdown: CancellationToken,
    last_had_company: bool,
}

impl Gatherer {
    pub(crate) fn new(inbox: mpsc::Receiver<Submission>, shutdown: CancellationToken) -> Self {
        Gatherer { inbox, shutdown, last_had_company: false }
    }

    /// The next batch; `None` once shut down and drained.
    pub(crate) async fn next(&mut self) -> Option<Vec<Submission>> {
        let first = self.first().await?;
        let deadline = Instant::now() + LINGER;
        let mut bytes = first.event.raw.bytes.len();
        let mut batch = vec![first];
        while batch.len() < BATCH_EVENTS_MAX && bytes < BATCH_BYTES_MAX {
            let one = match self.inbox.try_recv() {
                Ok(one) => one,
                Err(_) if self.last_had_company => {
                    match timeout_at(deadline, self.inbox.recv()).await {
                        Ok(Some(one)) => one,
                        Ok(None) | Err(_) => break,
                    }
                }
                Err(_) => break,
            };
            bytes += one.event.raw.bytes.len();
            batch.push(one);
        }
        self.last_had_company = batch.len() > 1;
        Some(batch)
    }

    /// Waits for a submission. At shutdown the inbox closes, and what is in it still comes out.
    async fn first(&mut self) -> Option<Submission> {
        let waited = self.shutdown.run_until_cancelled(self.inbox.recv()).await;
        match waited {
            Some(one) => one,
            None => {
                self.inbox.close();
                self.inbox.recv().await
            }
        }
    }
}
