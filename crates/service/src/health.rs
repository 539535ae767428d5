//! `/healthz`, `/readyz` and `/metrics` of a process.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::http;
use crate::metrics::{self, InstallError};

/// How long one check may take before it counts as failed.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long open connections may take to finish once the server is told to end: a client that never
/// ends its request must not keep the process.
pub const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How often histograms are folded while nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

type CheckFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

struct Check {
    name: &'static str,
    run: Box<dyn Fn() -> CheckFuture + Send + Sync>,
}

type Fact = Box<dyn Fn() -> Value + Send + Sync>;

/// What is asked before a process calls itself alive or ready. A check returns its reason in words
/// that an operator understands, without secrets: whoever reaches the port reads it.
#[derive(Default)]
pub struct Probes {
    live: Vec<Check>,
    ready: Vec<Check>,
    facts: Vec<(&'static str, Fact)>,
}

impl Probes {
    /// Adds a check of `/healthz`: fails only when a restart would help.
    #[must_use]
    pub fn live<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.live.push(Check { name, run: Box::new(move || Box::pin(check())) });
        self
    }

    /// Adds a check of `/readyz`: fails while the process cannot do its work.
    #[must_use]
    pub fn ready<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.ready.push(Check { name, run: Box::new(move || Box::pin(check())) });
        self
    }

    /// Adds something that `/readyz` tells besides, whatever it is; without secrets.
    #[must_use]
    pub fn tell<F>(mut self, name: &'static str, fact: F) -> Self
    where
        F: Fn() -> Value + Send + Sync + 'static,
    {
        self.facts.push((name, Box::new(fact)));
        self
    }

    /// Makes the process unready from the moment that `soft` is cancelled.
    #[must_use]
    pub fn draining(self, soft: CancellationToken) -> Self {
        self.ready("shutdown", move || {
            let draining = soft.is_cancelled();
            async move {
                match draining {
                    true => Err("draining: it takes nothing new".to_owned()),
                    false => Ok(()),
                }
            }
        })
    }
}

/// Why the health server does not run.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The address is taken, not ours, or not allowed.
    #[error(
        "cannot serve health at {addr}: set ATHENAEUM_HEALTH_ADDR to a free address, or to \
         127.0.0.1:0 for any free port"
    )]
    Bind {
        /// Where.
        addr: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No metrics recorder.
    #[error("cannot serve /metrics")]
    Metrics(#[source] InstallError),
}

/// A health server at work.
#[derive(Debug)]
pub struct HealthServer {
    /// Where it listens; the port is the real one when 0 was asked for.
    pub addr: SocketAddr,
    /// Ends after the token that it was given was cancelled.
    pub task: JoinHandle<()>,
}

/// Serves health and metrics at `addr` until `shutdown`.
///
/// `shutdown` is the last thing that a process cancels: it should tell of itself while it drains.
///
/// # Errors
/// When the address cannot be bound or metrics cannot be recorded.
pub async fn serve(
    addr: SocketAddr,
    probes: Probes,
    shutdown: CancellationToken,
) -> Result<HealthServer, HealthError> {
    let metrics = metrics::install().map_err(HealthError::Metrics)?;
    let bind = |source| HealthError::Bind { addr, source };
    let listener = TcpListener::bind(addr).await.map_err(bind)?;
    let addr = listener.local_addr().map_err(bind)?;
    let app = router(probes, metrics.clone());
    let task = tokio::spawn(async move {
        let serving = http::serve(listener, app, shutdown.clone(), LEAVE_TIMEOUT);
        tokio::join!(serving, upkeep(metrics, shutdown));
    });
    tracing::info!(%addr, "serving /healthz, /readyz and /metrics");
    Ok(HealthServer { addr, task })
}

async fn upkeep(metrics: PrometheusHandle, shutdown: CancellationToken) {
    let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
    while shutdown.run_until_cancelled(interval.tick()).await.is_some() {
        metrics.run_upkeep();
    }
}

struct App {
    probes: Probes,
    metrics: PrometheusHandle,
}

fn router(probes: Probes, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(scrape))
        .with_state(Arc::new(App { probes, metrics }))
}

#[derive(Serialize)]
struct Report {
    ok: bool,
    checks: Vec<Finding>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    facts: Map<String, Value>,
}

#[derive(Serialize)]
struct Finding {
    name: &'static str,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

async fn healthz(State(app): State<Arc<App>>) -> Response {
    report(&app.probes.live, &[]).await
}

async fn readyz(State(app): State<Arc<App>>) -> Response {
    report(&app.probes.ready, &app.probes.facts).await
}

async fn scrape(State(app): State<Arc<App>>) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, app.metrics.render()).into_response()
}

async fn report(checks: &[Check], facts: &[(&'static str, Fact)]) -> Response {
    let mut findings = Vec::with_capacity(checks.len());
    for check in checks {
        let reason = match tokio::time::timeout(CHECK_TIMEOUT, (check.run)()).await {
            Ok(result) => result.err(),
            Err(_) => Some(format!("no answer within {} s", CHECK_TIMEOUT.as_secs())),
        };
        findings.push(Finding { name: check.name, ok: reason.is_none(), reason });
    }
    let ok = findings.iter().all(|finding| finding.ok);
    let status = if ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let facts = facts.iter().map(|(name, fact)| ((*name).to_owned(), fact())).collect();
    (status, Json(Report { ok, checks: findings, facts })).into_response()
}
