//! `athenaeum demo`: all of it on this machine, against `DATABASE_URL`.

use anyhow::Context;
use queue::Queue;
use secrecy::ExposeSecret;
use serde::Serialize;
use service::config::CliConfig;
use service::shutdown::{self, Signals};

use crate::arguments::Demo;
use crate::commands::ask;
use crate::exit::{Exit, Usage};
use crate::output::{Output, note};
use crate::store;

mod child;
mod fleet;
mod mention;
mod outside;

use fleet::Fleet;
use mention::REPLY_TIMEOUT;
use outside::Outside;

#[derive(Serialize)]
struct Running {
    page_url: Option<String>,
    slack_api_url: Option<String>,
    model_base_url: Option<String>,
    health: Vec<String>,
}

/// A child that ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
#[error("{name} ended ({status}), and the demo with it; its own lines are above")]
struct ChildEnded {
    name: &'static str,
    status: std::process::ExitStatus,
}

pub(crate) async fn run(demo: Demo, output: &Output) -> anyhow::Result<Exit> {
    let signals = shutdown::on_signals()?;
    let config = CliConfig::from_env()?;
    service::migrate::run(config.database.url.expose_secret()).await?;
    let queue = store::connect(&config.database).await?;
    let outside = Outside::start(&demo).await?;
    let mut fleet = Fleet::start(&outside)?;
    let result = work(&demo, &queue, &outside, &mut fleet, &signals, output).await;
    fleet.stop(&signals).await;
    outside.stop().await;
    match result {
        // The child found its configuration wrong and has said how.
        Err(error) if ended_by_configuration(&error) => Err(Usage(format!("{error:#}")).into()),
        result => result,
    }
}

/// Everything between the start and the stop.
async fn work(
    demo: &Demo,
    queue: &Queue,
    outside: &Outside,
    fleet: &mut Fleet,
    signals: &Signals,
    output: &Output,
) -> anyhow::Result<Exit> {
    let waiting = signals.soft.run_until_cancelled(fleet.ready());
    waiting.await.context("interrupted before everything was ready")??;
    let Some(question) = &demo.ask else {
        announce(outside, fleet, output)?;
        return match signals.soft.run_until_cancelled(fleet.first_death()).await {
            Some(ended) => Err(ended?.into()),
            None => Ok(Exit::Done),
        };
    };
    // All three are cancel-safe: they look, and change nothing after the question is posted.
    tokio::select! {
        answered = reply(question, queue, outside, output) => answered,
        ended = fleet.first_death() => Err(ended?.into()),
        () = signals.soft.cancelled() => anyhow::bail!("interrupted before a reply came"),
    }
}

/// With a local Slack, a mention in it; with a real one, where nobody can be impersonated, a
/// question straight to the workers.
async fn reply(
    question: &str,
    queue: &Queue,
    outside: &Outside,
    output: &Output,
) -> anyhow::Result<Exit> {
    match outside.page_url() {
        Some(page) => mention::ask(question, &page, queue, output).await,
        None => ask::answer(queue, question, REPLY_TIMEOUT, output).await,
    }
}

fn announce(outside: &Outside, fleet: &Fleet, output: &Output) -> anyhow::Result<()> {
    let running = Running {
        page_url: outside.page_url(),
        slack_api_url: outside.slack_api_url(),
        model_base_url: outside.model_base_url(),
        health: fleet.health_addresses(),
    };
    output
        .result(&running, || match &running.page_url {
            Some(page) => format!("Open {page} and mention @athenaeum. Ctrl-C stops everything."),
            None => "Mention the bot in your Slack. Ctrl-C stops everything.".to_owned(),
        })
        .context("the address could not be printed")?;
    for address in &running.health {
        note(&format!("health and metrics: http://{address}/readyz, http://{address}/metrics"));
    }
    Ok(())
}

fn ended_by_configuration(error: &anyhow::Error) -> bool {
    let code = i32::from(service::config::EXIT_CONFIGURATION);
    error.downcast_ref::<ChildEnded>().is_some_and(|ended| ended.status.code() == Some(code))
}
