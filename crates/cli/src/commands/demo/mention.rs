//! One mention in the local Slack, from the question to the visible reply.

use std::time::Duration;

use anyhow::Context;
use event::{EventId, Timestamp};
use queue::{EventFilter, Queue};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::commands::ask;
use crate::exit::Exit;
use crate::output::Output;

/// How long a reply may take.
pub(super) const REPLY_TIMEOUT: Duration = Duration::from_secs(60);

const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long the local Slack has for one answer.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Who asks, where, and whom, in the local Slack.
const ASKER: &str = "U0ADA";
const CHANNEL: &str = "C0GENERAL";
const BOT: &str = "U0ATHENA";

/// How many of the asker's newest events are looked through for the mention.
const EVENTS_MAX: u32 = 20;

#[derive(Deserialize)]
struct Posted {
    ts: String,
}

/// Mentions the bot and prints the reply once it stands in the thread.
pub(super) async fn ask(
    question: &str,
    page_url: &str,
    queue: &Queue,
    output: &Output,
) -> anyhow::Result<Exit> {
    let chat = Chat::new(page_url)?;
    let deadline = Instant::now() + REPLY_TIMEOUT;
    let ts = chat.post(&format!("<@{BOT}> {question}")).await?;
    let mut stage = "the event did not arrive in the log";
    while Instant::now() < deadline {
        sleep(LOOK_INTERVAL).await;
        let Some(id) = find(queue, &ts).await? else { continue };
        stage = "no worker finished it";
        let Some(outcome) = ask::outcome(queue, id).await? else { continue };
        let posted = outcome.reply.as_ref().and_then(|reply| reply["message"].as_str());
        // What is not visible is no reply, whatever the database says.
        if let Some(message) = posted
            && !chat.thread_holds(&ts, message).await?
        {
            stage = "the reply does not stand in the thread";
            continue;
        }
        return ask::report(id, outcome, output);
    }
    anyhow::bail!("no reply within {} s: {stage}", REPLY_TIMEOUT.as_secs())
}

/// The mention's event: it happened when the message was written.
async fn find(queue: &Queue, ts: &str) -> anyhow::Result<Option<EventId>> {
    let written = Timestamp::from_slack(ts).context("the local Slack's ts cannot be read")?;
    let filter = EventFilter {
        actor: Some(ASKER.to_owned()),
        since: Some(written),
        ..EventFilter::default()
    };
    let events = queue.events(&filter, EVENTS_MAX).await?;
    let found = events.into_iter().find(|event| event.head.event.occurred_at == written);
    Ok(found.map(|event| event.head.event.id))
}

/// The local Slack's control API.
struct Chat {
    base: String,
    client: Client,
}

impl Chat {
    fn new(page_url: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(CALL_TIMEOUT).no_proxy().build()?;
        Ok(Chat { base: page_url.trim_end_matches('/').to_owned(), client })
    }

    async fn post(&self, text: &str) -> anyhow::Result<String> {
        let message = json!({ "channel": CHANNEL, "user": ASKER, "text": text });
        let request = self.client.post(format!("{}/sim/messages", self.base)).json(&message);
        let posted: Posted = answer(request).await?;
        Ok(posted.ts)
    }

    async fn thread_holds(&self, thread_ts: &str, ts: &str) -> anyhow::Result<bool> {
        let query = [("channel", CHANNEL), ("thread_ts", thread_ts)];
        let request = self.client.get(format!("{}/sim/messages", self.base)).query(&query);
        let found: Value = answer(request).await?;
        let messages = found["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(messages.iter().any(|message| message["ts"] == ts))
    }
}

async fn answer<T: for<'de> Deserialize<'de>>(
    request: reqwest::RequestBuilder,
) -> anyhow::Result<T> {
    let answered = request.send().await.context("the local Slack does not answer")?;
    let answered = answered.error_for_status().context("the local Slack refused")?;
    answered.json().await.context("the local Slack's answer cannot be read")
}
