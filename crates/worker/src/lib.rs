//! The worker: claims jobs, asks the agent, replies in Slack, and settles what came of it.
//!
//! **Invariant:** no transaction and no connection is held while the model, a tool or Slack is
//! waited for. **Invariant:** handlers report outcomes; `event::settle` decides; the queue writes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use agent::{Agent, AgentError, AgentOptions, ModelOptions};
use event::ErrorChain;
use queue::{Incarnation, Lineage, Queue, QueueError, Runner, RunnerOptions};
use secrecy::ExposeSecret;
use service::config::WorkerConfig;
use service::health::{self, HealthError, Probes};
use service::shutdown::Signals;
use slack::{Api, ApiOptions, Failure, Identity, SlackError};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

mod allowance;
mod answer;
mod ask;
mod budget;
mod commands;
mod desk;
pub mod files;
mod gestures;
pub mod guard;
mod job;
mod manners;
mod notice;
mod opinions;
mod people;
mod reconcile;
mod reply;
mod restore;
mod sign;
mod view;

use budget::FleetBudget;
use desk::Desk;
use guard::Heartbeat;
use job::Desks;
use restore::Held;

/// How long to wait before a database or Slack that did not answer at the start is asked again.
const START_RETRY: Duration = Duration::from_secs(1);

/// How long small errands may take after the last job ended.
const ERRANDS_GRACE: Duration = Duration::from_secs(5);

/// Database connections of one worker: slots share them, since none is held while a job waits.
const CONNECTIONS_MAX: usize = 8;

/// Why a worker could not run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The health server could not start.
    #[error("the health server cannot start")]
    Health(#[source] HealthError),
    /// The database is reachable but not usable.
    #[error("the database cannot be used")]
    Database(#[source] QueueError),
    /// The database's schema is not this program's.
    #[error("the database's schema does not fit")]
    Schema(#[source] service::migrate::SchemaError),
    /// Prompts, model or tools are set up wrongly.
    #[error("the agent cannot start")]
    Agent(#[source] AgentError),
    /// Slack refused the bot's token.
    #[error("Slack refused the bot token; check SLACK_BOT_TOKEN and that the app is installed")]
    Slack(#[source] SlackError),
    /// The process was told to end before it had begun.
    #[error("told to stop before the start was complete")]
    Stopped,
}

/// Runs a worker until `signals.soft`, then drains it.
///
/// # Errors
/// When something is set up in a way that no retry heals. What may heal is waited for.
pub async fn run(
    config: WorkerConfig,
    signals: Signals,
    heartbeat: Heartbeat,
) -> Result<(), WorkerError> {
    let claiming = Arc::new(OnceLock::new());
    let held = Arc::new(Held::default());
    let side = CancellationToken::new();
    let told = Arc::clone(&held);
    let probes = probes(Arc::clone(&claiming)).draining(signals.soft.clone());
    let probes = probes.tell("held", move || told.stands().into());
    let server = health::serve(config.health_addr, probes, side.clone())
        .await
        .map_err(WorkerError::Health)?;
    let begun = tokio::select! {
        begun = begin(&config, &held, &signals.soft) => begun,
        () = signals.soft.cancelled() => Err(WorkerError::Stopped),
    };
    let worked = match begun {
        Ok((desk, seen)) => {
            let beats = Beats { heartbeat, queue: desk.queue.clone(), claiming };
            let beside = beside(Arc::clone(&desk), held, seen, side.child_token());
            let (worked, ()) = tokio::join!(
                async {
                    let worked = work(&config, desk, beats, signals).await;
                    side.cancel();
                    worked
                },
                beside,
            );
            worked
        }
        Err(WorkerError::Stopped) => Ok(()),
        Err(error) => Err(error),
    };
    side.cancel();
    let _ = server.task.await;
    worked
}

/// What a worker does beside its jobs.
async fn beside(desk: Arc<Desk>, held: Arc<Held>, seen: Lineage, ended: CancellationToken) {
    tokio::join!(restore::run(&desk.queue, &held, seen, &ended), reconcile::run(&desk, &ended),);
}

/// Ready means: it claims, and the database answers.
fn probes(claiming: Arc<OnceLock<Queue>>) -> Probes {
    Probes::default().ready("database", move || {
        let queue = claiming.get().cloned();
        async move {
            let queue = queue.ok_or("starting: the database or Slack has not answered yet")?;
            queue.ping().await.map_err(|error| ErrorChain::line(&error))
        }
    })
}

/// Passes the lease's news on to the guard, and the first to the probes.
struct Beats {
    heartbeat: Heartbeat,
    queue: Queue,
    claiming: Arc<OnceLock<Queue>>,
}

impl queue::Heartbeat for Beats {
    fn renewed(&self, who: Incarnation, asked_at: Duration) {
        self.heartbeat.renewed(who, asked_at);
        let _ = self.claiming.set(self.queue.clone());
    }

    fn idle(&self) {
        self.heartbeat.idle();
    }

    fn left(&self) {
        self.heartbeat.left();
    }
}

/// Everything that must stand before the first claim. Prompts are checked before anything is
/// waited for, so that a faulty one is told at once; then nothing waits for anything else.
async fn begin(
    config: &WorkerConfig,
    held: &Held,
    soft: &CancellationToken,
) -> Result<(Arc<Desk>, Lineage), WorkerError> {
    let agent = Agent::new(agent_options(config)).map_err(WorkerError::Agent)?;
    let queue = Queue::connect(queue_options(config)).await.map_err(WorkerError::Database)?;
    let slack = Api::new(ApiOptions::new(&config.slack_api_url, config.bot_token.clone()))
        .map_err(WorkerError::Slack)?;
    let url = config.database.url.expose_secret();
    let migrated = async { service::migrate::wait(url, soft).await.map_err(WorkerError::Schema) };
    let safe = until_it_answers(async || queue.check_server().await);
    let (bot, (), _) = tokio::try_join!(introduce(&slack), migrated, safe)?;
    let seen = until_it_answers(async || {
        let mut seen = Lineage::default();
        held.look(&queue, &mut seen).await.map(|()| seen)
    });
    let seen = seen.await?;
    let slack = match config.slack_limits {
        true => slack.asking(Arc::new(FleetBudget::new(queue.clone(), &bot.team_id))),
        false => slack,
    };
    let desk = Arc::new(Desk {
        queue,
        slack,
        bot,
        agent,
        people: people::People::default(),
        streams: view::Streams::default(),
        secret: config.secret.expose_secret().as_bytes().to_vec(),
        reply_grace: config.reply_grace,
        admins: config.admins.clone(),
        reactions: config.reactions.clone(),
        user_limits: config.user_limits.clone(),
        errands: TaskTracker::new(),
    });
    Ok((desk, seen))
}

async fn work(
    config: &WorkerConfig,
    desk: Arc<Desk>,
    beats: Beats,
    signals: Signals,
) -> Result<(), WorkerError> {
    let options = RunnerOptions {
        name: worker_name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        slots: config.slots,
        drain: config.drain,
        heartbeat: Some(Arc::new(beats)),
        ..RunnerOptions::default()
    };
    let runner = Runner::new(desk.queue.clone(), options);
    let worked = runner.run(Desks(Arc::clone(&desk)), signals.soft, signals.hard).await;
    // What outlives the jobs.
    desk.errands.close();
    let _ = tokio::time::timeout(ERRANDS_GRACE, desk.errands.wait()).await;
    desk.agent.shutdown().await;
    worked.map(drop).map_err(WorkerError::Database)
}

fn queue_options(config: &WorkerConfig) -> queue::Options {
    let listen_url = config.database.listen_url.as_ref();
    queue::Options {
        database_url: config.database.url.expose_secret().to_owned(),
        listen_url: listen_url.map(|url| url.expose_secret().to_owned()),
        pool_connections_max: CONNECTIONS_MAX,
        application_name: "athenaeum-worker",
        allow_unsafe: config.database.allow_unsafe,
    }
}

/// Asks the database again while waiting may heal what it says.
async fn until_it_answers<T>(
    ask: impl AsyncFn() -> Result<T, QueueError>,
) -> Result<T, WorkerError> {
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.is_transient() => {
                tracing::warn!(error = %ErrorChain::line(&error), "the database is not usable yet; trying again");
                sleep(START_RETRY).await;
            }
            Err(error) => return Err(WorkerError::Database(error)),
        }
    }
}

/// Asks Slack who we are, until it answers.
async fn introduce(slack: &Api) -> Result<Identity, WorkerError> {
    loop {
        let error = match slack.auth_test().await {
            Ok(identity) => return Ok(identity),
            Err(error) => error,
        };
        let wait = match error.kind() {
            Failure::Auth { .. } | Failure::Refused { .. } => {
                return Err(WorkerError::Slack(error));
            }
            Failure::RateLimited { after } => after,
            Failure::Unknown | Failure::NotSent => START_RETRY,
        };
        tracing::warn!(error = %ErrorChain::line(&error), "Slack does not answer yet; trying again");
        sleep(wait).await;
    }
}

fn agent_options(config: &WorkerConfig) -> AgentOptions {
    AgentOptions {
        prompts_dir: config.prompts_dir.clone(),
        mcp_config: config.mcp_config.clone(),
        model: ModelOptions {
            sees: config.model_sees,
            ..ModelOptions::new(
                &config.model.base_url,
                config.model.api_key.clone(),
                &config.model.model,
            )
        },
        ..AgentOptions::default()
    }
}

/// For people who look at the workers: the machine's name and the process id.
fn worker_name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}:{}", std::process::id())
}
