//! What must stand before the first socket opens: the database, its schema, and who we are.

use std::time::Duration;

use event::ErrorChain;
use queue::{Options, Queue};
use secrecy::ExposeSecret;
use service::config::IngestConfig;
use service::migrate;
use slack::{Api, ApiOptions, Failure, Hearing, Identity};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{IngestError, Patience};

/// Database connections besides the committer's: readiness checks need no more.
const CONNECTIONS_MAX: usize = 2;

/// Prepares the queue; sends nothing yet.
pub(crate) async fn queue(config: &IngestConfig) -> Result<Queue, IngestError> {
    let options = Options {
        database_url: config.database.url.expose_secret().to_owned(),
        listen_url: config.database.listen_url.as_ref().map(|url| url.expose_secret().to_owned()),
        pool_connections_max: CONNECTIONS_MAX,
        application_name: "athenaeum-ingest",
        allow_unsafe: config.database.allow_unsafe,
    };
    Queue::connect(options).await.map_err(IngestError::Database)
}

/// Waits until the database can take events and Slack has said who we are; `None` when told to
/// stop before.
pub(crate) async fn start(
    config: &IngestConfig,
    patience: &Patience,
    queue: &Queue,
    soft: &CancellationToken,
) -> Result<Option<(Api, Hearing)>, IngestError> {
    let url = config.database.url.expose_secret();
    match migrate::wait(url, soft).await {
        Ok(()) => {}
        Err(_) if soft.is_cancelled() => return Ok(None),
        Err(error) => return Err(IngestError::Schema(error)),
    }
    let asking = async {
        check(queue, patience).await?;
        let options = ApiOptions::new(&config.slack_api_url, config.bot_token.clone());
        let api = Api::new(options).map_err(IngestError::Slack)?;
        let bot = introduce(&api, patience).await;
        Ok((api, Hearing { bot, bots: config.bots.clone() }))
    };
    soft.run_until_cancelled(asking).await.transpose()
}

/// Refuses a server that would lose acknowledged events.
async fn check(queue: &Queue, patience: &Patience) -> Result<(), IngestError> {
    let mut pause = patience.retry_min;
    loop {
        match queue.check_server().await {
            Ok(_) => return Ok(()),
            Err(error) if !error.is_transient() => return Err(IngestError::Database(error)),
            Err(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "the database is not reachable; retrying");
            }
        }
        wait(&mut pause, patience).await;
    }
}

/// Asks Slack who we are, so that our own messages are not answered.
async fn introduce(api: &Api, patience: &Patience) -> Identity {
    let mut pause = patience.retry_min;
    loop {
        let error = match api.auth_test().await {
            Ok(identity) => {
                tracing::info!(team = identity.team_id, bot = identity.user_id, "known to Slack");
                return identity;
            }
            Err(error) => error,
        };
        match error.kind() {
            Failure::Auth { code } | Failure::Refused { code } => {
                tracing::error!(
                    code,
                    "Slack refuses the bot: expected a valid SLACK_BOT_TOKEN (xoxb-) of an \
                     installed app; reinstall the app or correct the token"
                );
                sleep(patience.fault_retry).await;
            }
            Failure::RateLimited { after } => sleep(after).await,
            Failure::Unknown | Failure::NotSent => {
                tracing::warn!(error = %ErrorChain::line(&error), "Slack does not answer yet; retrying");
                wait(&mut pause, patience).await;
            }
        }
    }
}

async fn wait(pause: &mut Duration, patience: &Patience) {
    sleep(*pause).await;
    *pause = (*pause * 2).min(patience.retry_max);
}
