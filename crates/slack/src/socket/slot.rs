//! One slot: keeps a connection, replaces it before or after its end.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::{Instant, sleep};
use tracing::Instrument;

use super::Shared;
use super::connection::{Connection, Notice};
use super::open::{self, Opened};
use crate::error::{Failure, SlackError};

/// Keeps slot `number` connected until shutdown.
pub(super) async fn keep(shared: Arc<Shared>, number: usize) {
    let span = tracing::info_span!("socket", slot = number);
    let stagger = shared.bounds.stagger * u32::try_from(number).unwrap_or(u32::MAX);
    let shutdown = shared.shutdown.clone();
    let keeping = async move {
        sleep(stagger).await;
        Slot { backoff: Backoff::new(&shared), shared }.keep().await;
    };
    // Opening and waiting are safe to drop; a connection is a task of its own and drains itself.
    let _ = shutdown.run_until_cancelled_owned(keeping).instrument(span).await;
}

struct Slot {
    shared: Arc<Shared>,
    backoff: Backoff,
}

impl Slot {
    async fn keep(&mut self) {
        let mut current = self.connect().await;
        loop {
            let opened_at = Instant::now();
            let notice = current.notice().await;
            let stable = opened_at.elapsed() >= self.shared.bounds.stable_after;
            if stable {
                self.backoff = Backoff::new(&self.shared);
            }
            match notice {
                Notice::Leaving { reason } => {
                    tracing::info!(reason, "this connection ends soon; opening its successor");
                    if !stable {
                        // `too_many_websockets`, say, ends every successor at once.
                        sleep(self.backoff.next()).await;
                    }
                    let successor = self.connect().await;
                    current.retire();
                    current = successor;
                }
                Notice::Ended { error } => {
                    self.wait_after(&error).await;
                    current = self.connect().await;
                }
            }
        }
    }

    /// Tries until a connection has said hello.
    async fn connect(&mut self) -> Connection {
        loop {
            match open::open(&self.shared).await {
                Ok(opened) => return self.connected(opened),
                Err(error) => self.wait_after(&error).await,
            }
        }
    }

    fn connected(&mut self, opened: Opened) -> Connection {
        self.shared.status.send_modify(|status| status.fault = None);
        Connection::start(Arc::clone(&self.shared), opened)
    }

    /// Reports a failure and waits as long as it asks for.
    async fn wait_after(&mut self, error: &SlackError) {
        let pause = self.backoff.next();
        let pause = match error.kind() {
            Failure::RateLimited { after } => pause.max(after),
            Failure::Auth { code } => {
                self.report(&code);
                self.shared.bounds.fault_retry
            }
            Failure::Unknown | Failure::NotSent | Failure::Refused { .. } => pause,
        };
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::warn!(%error, cause, retry_ms = pause.as_millis(), "not connected to Slack");
        sleep(pause).await;
    }

    fn report(&self, code: &str) {
        tracing::error!(
            code,
            "Slack refuses the app: expected a valid SLACK_APP_TOKEN (xapp-, scope \
             connections:write) of an app with Socket Mode switched on; check both in the app's \
             settings"
        );
        self.shared.status.send_modify(|status| status.fault = Some(code.to_owned()));
    }
}

/// Doubling delays with jitter, without an end.
struct Backoff {
    delays: ExponentialBackoff,
    longest: Duration,
}

impl Backoff {
    fn new(shared: &Shared) -> Self {
        let longest = shared.bounds.backoff_max;
        let delays = ExponentialBuilder::default()
            .with_min_delay(shared.bounds.backoff_min)
            .with_max_delay(longest)
            .with_jitter()
            .without_max_times()
            .build();
        Backoff { delays, longest }
    }

    fn next(&mut self) -> Duration {
        self.delays.next().unwrap_or(self.longest)
    }
}
