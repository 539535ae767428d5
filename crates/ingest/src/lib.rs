//! The ingest process: Slack's frames in, committed events out, acknowledgements after.
//!
//! **Invariant:** a frame is acknowledged only after the commit that holds it returned.
//! **Invariant:** no model key is read and no agent code is linked here.

mod intake;
mod observe;
mod start;

use std::time::Duration;

use queue::{Queue, QueueError};
use service::config::IngestConfig;
use service::health::{self, HealthError, HealthServer};
use service::migrate::SchemaError;
use service::shutdown::Signals;
use slack::socket::Bounds;
use slack::{SlackError, SocketOptions, SocketStatus};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use intake::Intake;

/// Why ingest could not run. Each is told once, with its causes, where it is handled.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The health server could not start.
    #[error("the health server cannot start")]
    Health(#[source] HealthError),
    /// The database is set up in a way that no retry heals.
    #[error("the database cannot be used")]
    Database(#[source] QueueError),
    /// The database's schema is not this program's.
    #[error("the database's schema does not fit")]
    Schema(#[source] SchemaError),
    /// The Slack client cannot be set up.
    #[error("the Slack client cannot be set up")]
    Slack(#[source] SlackError),
}

/// Times that tests shorten.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The sockets' own.
    pub socket: Bounds,
    /// How long one frame's commit is tried while the database is away.
    pub commit: Duration,
    /// The pause before the first retry of a commit or of a question at the start; doubles.
    pub retry_min: Duration,
    /// The longest such pause.
    pub retry_max: Duration,
    /// The pause while Slack refuses a token.
    pub fault_retry: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            socket: Bounds::default(),
            // Slack redelivers after a minute: longer than that, its copy is as good as ours.
            commit: Duration::from_secs(60),
            retry_min: Duration::from_millis(100),
            retry_max: Duration::from_secs(2),
            fault_retry: Duration::from_secs(60),
        }
    }
}

/// Runs until `signals.soft`, then stops reading, finishes commits and acknowledgements, and
/// returns; `signals.hard` makes it return at once.
///
/// # Errors
/// When something is set up in a way that no retry heals. What may heal is waited for.
pub async fn run(config: IngestConfig, signals: Signals) -> Result<(), IngestError> {
    Ingest::prepare(config, Patience::default(), &signals).await?.run(signals).await
}

/// An ingest whose health is served already, so that whoever started it sees how it stands.
pub struct Ingest {
    config: IngestConfig,
    patience: Patience,
    queue: Queue,
    status: watch::Sender<SocketStatus>,
    /// Cancelled last: health and metrics are told until the end.
    side: CancellationToken,
    health: HealthServer,
}

impl Ingest {
    /// Serves health; connects to nothing yet.
    ///
    /// # Errors
    /// [`IngestError::Health`], and [`IngestError::Database`] for an address that is none.
    pub async fn prepare(
        config: IngestConfig,
        patience: Patience,
        signals: &Signals,
    ) -> Result<Self, IngestError> {
        let queue = start::queue(&config).await?;
        let status = watch::Sender::new(SocketStatus::default());
        let side = CancellationToken::new();
        let probes = observe::probes(&queue, &status).draining(signals.soft.clone());
        let health = health::serve(config.health_addr, probes, side.clone())
            .await
            .map_err(IngestError::Health)?;
        Ok(Ingest { config, patience, queue, status, side, health })
    }

    /// Where health is served.
    #[must_use]
    pub fn health_addr(&self) -> std::net::SocketAddr {
        self.health.addr
    }

    /// See [`run`].
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(self, signals: Signals) -> Result<(), IngestError> {
        let observing = tokio::spawn(observe::publish(self.status.subscribe(), self.side.clone()));
        let worked = signals.hard.run_until_cancelled(self.work(&signals.soft)).await;
        self.side.cancel();
        if worked.is_none() {
            tracing::warn!("ended at once; what was not acknowledged comes again");
            return Ok(());
        }
        let _ = tokio::join!(observing, self.health.task);
        worked.unwrap_or(Ok(()))
    }

    async fn work(&self, soft: &CancellationToken) -> Result<(), IngestError> {
        let starting = start::start(&self.config, &self.patience, &self.queue, soft);
        let Some(bot) = starting.await? else { return Ok(()) };
        let committing = CancellationToken::new();
        let (committer, committed) = self.queue.committer(committing.clone());
        let intake = Intake::new(committer, bot, self.patience, soft.clone());
        let options = SocketOptions {
            bounds: Bounds { drain: self.config.drain, ..self.patience.socket },
            ..SocketOptions::new(&self.config.slack_api_url, self.config.app_token.clone())
        };
        let handler = std::sync::Arc::new(intake);
        let served = slack::socket::run(options, handler, soft.clone(), self.status.clone()).await;
        // The sockets are closed and nothing more is submitted.
        committing.cancel();
        if let Err(error) = committed.await {
            tracing::error!(%error, "the committer ended badly");
        }
        tracing::info!("every committed frame is acknowledged; closed");
        served.map_err(IngestError::Slack)
    }
}
