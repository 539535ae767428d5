//! One tool server: started when first needed, shared, started again when it died.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use process_wrap::tokio::{CommandWrap, ProcessGroup};
use rmcp::model::{CallToolRequestParams, Tool};
use rmcp::service::{ClientInitializeError, RunningService};
use rmcp::transport::TokioChildProcess;
use rmcp::{Peer, RoleClient, ServiceError, ServiceExt as _};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::config::ServerConfig;
use super::environment::command;
use super::last_words::LastWords;
use super::outcome::Outcome;

/// How long a server may take to start and to name its tools.
pub const START_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a server may take to answer after a call timed out, before it counts as stuck.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may take to end; past its own grace it is killed with its process group.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// The wait before a server that failed is started again: this, doubled with each failure.
const BACKOFF_BASE: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// A server that died before this age counts as one that failed to start.
const SETTLED_AFTER: Duration = Duration::from_secs(10);

/// Why a server cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ServerError {
    #[error("the tool server {server:?} could not be started: {why}")]
    Start { server: String, why: String },
    #[error("the tool server {server:?} is down and tried again in {} s: {why}", wait.as_secs())]
    Down { server: String, wait: Duration, why: String },
    #[error("the tool server {server:?} has been ended")]
    Ended { server: String },
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    config: ServerConfig,
    call_timeout: Duration,
    link: Mutex<Link>,
}

/// Where a server stands. Whoever holds the lock starts it, so that it is started once.
#[derive(Debug)]
enum Link {
    Idle { failures: u32 },
    Up { running: Running, failures: u32 },
    Down { retry_at: Instant, failures: u32, why: String },
    Ended,
}

#[derive(Debug)]
struct Running {
    service: RunningService<RoleClient, ()>,
    tools: Arc<Vec<Tool>>,
    started_at: Instant,
}

impl Server {
    pub(crate) fn new(name: &str, config: ServerConfig, call_timeout: Duration) -> Server {
        let link = Mutex::new(Link::Idle { failures: 0 });
        Server { name: name.to_owned(), config, call_timeout, link }
    }

    /// Its tools; starts it where need be.
    pub(crate) async fn tools(&self) -> Result<Arc<Vec<Tool>>, ServerError> {
        self.connect().await.map(|(_, tools)| tools)
    }

    /// Calls one of its tools.
    pub(crate) async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Outcome {
        let started = Instant::now();
        let outcome = self.answer(tool, arguments).await;
        let result = if matches!(outcome, Outcome::Failed(_)) { "failed" } else { "done" };
        let labels = [("server", self.name.clone()), ("outcome", result.to_owned())];
        metrics::counter!("athenaeum_tool_calls_total", &labels).increment(1);
        let elapsed_ms = started.elapsed().as_secs_f64() * 1e3;
        tracing::debug!(server = %self.name, tool, elapsed_ms, outcome = result, "tool called");
        outcome
    }

    async fn answer(&self, tool: &str, arguments: Map<String, Value>) -> Outcome {
        let peer = match self.connect().await {
            Ok((peer, _)) => peer,
            Err(error) => return Outcome::failed(&error.to_string()),
        };
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        match timeout(self.call_timeout, peer.call_tool(request)).await {
            Ok(Ok(result)) => Outcome::of(&self.name, tool, result),
            Ok(Err(ServiceError::McpError(error))) => Outcome::failed(&error.message),
            Ok(Err(error)) => Outcome::failed(&format!("the tool server failed: {error}")),
            Err(_) => {
                self.end_if_stuck(&peer).await;
                let seconds = self.call_timeout.as_secs_f32();
                Outcome::failed(&format!("the tool did not answer within {seconds} s"))
            }
        }
    }

    /// Ends the server for good.
    pub(crate) async fn shutdown(&self) {
        let link = std::mem::replace(&mut *self.link.lock().await, Link::Ended);
        if let Link::Up { running, .. } = link {
            end(running).await;
        }
    }

    async fn connect(&self) -> Result<(Peer<RoleClient>, Arc<Vec<Tool>>), ServerError> {
        let mut link = self.link.lock().await;
        let failures = match &*link {
            Link::Up { running, .. } if !running.service.is_transport_closed() => {
                return Ok((running.service.peer().clone(), Arc::clone(&running.tools)));
            }
            Link::Up { running, failures } => {
                tracing::warn!(server = %self.name, "the tool server died");
                let settled = running.started_at.elapsed() >= SETTLED_AFTER;
                let failures = if settled { 0 } else { failures + 1 };
                *link = Link::Idle { failures };
                if failures > 1 {
                    return Err(self.fail(&mut link, failures, "it keeps dying"));
                }
                failures
            }
            Link::Down { retry_at, why, .. } if *retry_at > Instant::now() => {
                let wait = retry_at.saturating_duration_since(Instant::now());
                return Err(ServerError::Down {
                    server: self.name.clone(),
                    wait,
                    why: why.clone(),
                });
            }
            Link::Idle { failures } | Link::Down { failures, .. } => *failures,
            Link::Ended => return Err(ServerError::Ended { server: self.name.clone() }),
        };
        match self.start().await {
            Ok(running) => {
                let found = (running.service.peer().clone(), Arc::clone(&running.tools));
                *link = Link::Up { running, failures };
                Ok(found)
            }
            Err(why) => Err(self.fail(&mut link, failures + 1, &why)),
        }
    }

    /// Marks the server as down until its next try.
    fn fail(&self, link: &mut Link, failures: u32, why: &str) -> ServerError {
        let wait = backoff(failures);
        tracing::warn!(server = %self.name, failures, wait_s = wait.as_secs(), why, "tool server down");
        *link = Link::Down { retry_at: Instant::now() + wait, failures, why: why.to_owned() };
        ServerError::Start { server: self.name.clone(), why: why.to_owned() }
    }

    async fn start(&self) -> Result<Running, String> {
        let mut command = CommandWrap::from(command(&self.config));
        command.wrap(ProcessGroup::leader());
        let spawned = TokioChildProcess::builder(command).stderr(Stdio::piped()).spawn();
        let (transport, stderr) =
            spawned.map_err(|error| format!("{:?} cannot be run: {error}", self.config.command))?;
        let last_words = LastWords::of(stderr);
        let greeted = timeout(START_TIMEOUT, async move {
            let service = ().serve(transport).await.map_err(|error| said(&error))?;
            let tools = service.list_all_tools().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((service, tools))
        });
        let (service, tools) = match greeted.await {
            Ok(Ok(greeted)) => greeted,
            Ok(Err(why)) => return Err(last_words.after(&why).await),
            Err(_) => {
                let seconds = START_TIMEOUT.as_secs();
                return Err(last_words
                    .after(&format!("it did not answer within {seconds} s"))
                    .await);
            }
        };
        last_words.forget();
        tracing::info!(server = %self.name, tools = tools.len(), "tool server started");
        Ok(Running { service, tools: Arc::new(tools), started_at: Instant::now() })
    }

    /// After a timeout: a server that answers nothing else either is killed with its process
    /// group, so that the next call gets a fresh one; one that is merely slow is left alone.
    async fn end_if_stuck(&self, peer: &Peer<RoleClient>) {
        if timeout(PROBE_TIMEOUT, peer.list_tools(None)).await.is_ok() {
            return;
        }
        let mut link = self.link.lock().await;
        if matches!(&*link, Link::Up { running, .. } if !running.service.is_transport_closed()) {
            // Dropping the link ends the server in the background, within its grace.
            let _ = self.fail(&mut link, 1, "it got stuck and was ended");
        }
    }
}

async fn end(mut running: Running) {
    // Within its time the child is asked to end, then told, then killed; past it, dropping kills.
    let _ = running.service.close_with_timeout(END_TIMEOUT).await;
}

/// The wait before the next try after `failures` in a row.
fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    BACKOFF_BASE.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

/// What went wrong with a server's greeting, without the messages themselves.
#[expect(clippy::wildcard_enum_match_arm, reason = "another crate's open-ended enum")]
fn said(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::ConnectionClosed(_) => "it ended before it answered".to_owned(),
        ClientInitializeError::JsonRpcError(error) => format!("it refused: {}", error.message),
        _ => "it does not speak the protocol".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        let waits: Vec<_> = [1, 2, 3, 7, 99].into_iter().map(|n| backoff(n).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 60, 60]);
    }
}
