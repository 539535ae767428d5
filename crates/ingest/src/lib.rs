//! The ingest process: Slack's frames and requests in, committed events out, acknowledgements after.
//!
//! **Invariant:** a frame is acknowledged only after the commit that holds it returned.
//! **Invariant:** no model key is read and no agent code is linked here.

pub mod backfill;
mod intake;
mod observe;
mod requests;
mod start;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use queue::{Queue, QueueError};
use service::config::IngestConfig;
use service::health::{self, HealthError, HealthServer};
use service::migrate::SchemaError;
use service::shutdown::Signals;
use slack::socket::Bounds;
use slack::{Api, SlackError, SocketOptions, SocketStatus};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use backfill::{Backfill, Gaps};
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
    /// The address for Slack's requests is taken, not ours, or not allowed.
    #[error("cannot take Slack's requests at {addr}: set ATHENAEUM_EVENTS_ADDR to a free address")]
    Requests {
        /// Where.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The Slack client cannot be set up.
    #[error("the Slack client cannot be set up")]
    Slack(#[source] SlackError),
}

/// Times that tests shorten.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The sockets' own.
    pub socket: Bounds,
    /// Those of reading up what was missed.
    pub backfill: backfill::Bounds,
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
            backfill: backfill::Bounds::default(),
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
    /// Where Slack's requests come in, if they do.
    requests: Option<TcpListener>,
}

impl Ingest {
    /// Serves health; connects to nothing yet.
    ///
    /// # Errors
    /// [`IngestError::Health`], [`IngestError::Requests`], and [`IngestError::Database`] for an
    /// address that is none.
    pub async fn prepare(
        config: IngestConfig,
        patience: Patience,
        signals: &Signals,
    ) -> Result<Self, IngestError> {
        let queue = start::queue(&config).await?;
        let status = watch::Sender::new(SocketStatus::default());
        let side = CancellationToken::new();
        let sockets = config.app_token.is_some();
        let probes = observe::probes(&queue, &status, sockets).draining(signals.soft.clone());
        let requests = match &config.requests {
            Some(config) => Some(requests::bind(config).await?),
            None => None,
        };
        let health = health::serve(config.health_addr, probes, side.clone())
            .await
            .map_err(IngestError::Health)?;
        Ok(Ingest { config, patience, queue, status, side, health, requests })
    }

    /// Where health is served.
    #[must_use]
    pub fn health_addr(&self) -> SocketAddr {
        self.health.addr
    }

    /// Where Slack's requests are taken, if they are.
    #[must_use]
    pub fn requests_addr(&self) -> Option<SocketAddr> {
        self.requests.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// See [`run`].
    ///
    /// # Errors
    /// As [`run`].
    pub async fn run(mut self, signals: Signals) -> Result<(), IngestError> {
        let listener = self.requests.take();
        let observing = tokio::spawn(observe::publish(self.status.subscribe(), self.side.clone()));
        let worked = signals.hard.run_until_cancelled(self.work(listener, &signals.soft)).await;
        self.side.cancel();
        if worked.is_none() {
            tracing::warn!("ended at once; what was not acknowledged comes again");
            return Ok(());
        }
        let _ = tokio::join!(observing, self.health.task);
        worked.unwrap_or(Ok(()))
    }

    async fn work(
        &self,
        listener: Option<TcpListener>,
        soft: &CancellationToken,
    ) -> Result<(), IngestError> {
        let starting = start::start(&self.config, &self.patience, &self.queue, soft);
        let Some((api, hearing)) = starting.await? else { return Ok(()) };
        let committing = CancellationToken::new();
        let (committer, committed) = self.queue.committer(committing.clone());
        let gaps = Gaps::new(&self.queue, &hearing, self.config.backfill);
        let (patience, soft_too) = (self.patience, soft.clone());
        let intake = Intake { committer, hearing, gaps, patience, soft: soft_too };
        let backfill = self.backfill(&intake, api);
        let within = self.patience.commit.min(requests::COMMIT_PATIENCE);
        let hurried = Patience { commit: within, ..self.patience };
        let requests = Intake { patience: hurried, ..intake.clone() };
        let requests = self.requests(listener, requests, soft);
        let reading_up = async {
            backfill.run(soft).await;
            Ok(())
        };
        let served = tokio::try_join!(self.sockets(intake, soft), requests, reading_up);
        // Nothing more is submitted.
        committing.cancel();
        if let Err(error) = committed.await {
            tracing::error!(%error, "the committer ended badly");
        }
        tracing::info!("every committed frame is acknowledged; closed");
        served.map(drop)
    }

    fn backfill(&self, intake: &Intake, api: Api) -> Backfill {
        let Intake { committer, hearing, gaps, .. } = intake.clone();
        Backfill {
            gaps,
            api,
            committer,
            hearing,
            back: self.config.backfill,
            bounds: self.patience.backfill,
            sockets: self.config.app_token.is_some().then(|| self.status.subscribe()),
        }
    }

    async fn sockets(&self, intake: Intake, soft: &CancellationToken) -> Result<(), IngestError> {
        let Some(app_token) = &self.config.app_token else { return Ok(()) };
        let options = SocketOptions {
            bounds: Bounds { drain: self.config.drain, ..self.patience.socket },
            ..SocketOptions::new(&self.config.slack_api_url, app_token.clone())
        };
        let status = self.status.clone();
        let served = slack::socket::run(options, Arc::new(intake), soft.clone(), status).await;
        served.map_err(IngestError::Slack)
    }

    async fn requests(
        &self,
        listener: Option<TcpListener>,
        intake: Intake,
        soft: &CancellationToken,
    ) -> Result<(), IngestError> {
        if let (Some(listener), Some(config)) = (listener, &self.config.requests) {
            requests::serve(listener, config, intake, self.status.clone(), soft.clone()).await;
        }
        Ok(())
    }
}
