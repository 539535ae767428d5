//! The local Slack as its people see it, through its control API.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use super::until;

pub const GENERAL: &str = "C0GENERAL";
pub const ADA: &str = "U0ADA";
pub const BOT: &str = "U0ATHENA";

/// A seat at the local Slack.
pub struct Chat {
    base: String,
    http: Client,
}

impl Chat {
    pub fn new(page_url: String) -> Self {
        Chat { base: page_url.trim_end_matches('/').to_owned(), http: Client::new() }
    }

    /// Mentions the bot in a channel and returns the message's `ts`.
    pub async fn mention(&self, text: &str) -> String {
        self.say(json!({"channel": GENERAL, "user": ADA, "text": format!("<@{BOT}> {text}")})).await
    }

    /// Mentions the bot inside a thread.
    pub async fn mention_in(&self, thread_ts: &str, text: &str) -> String {
        let text = format!("<@{BOT}> {text}");
        let said = json!({"channel": GENERAL, "user": ADA, "text": text, "thread_ts": thread_ts});
        self.say(said).await
    }

    /// Says anything, anywhere.
    pub async fn say(&self, message: Value) -> String {
        let said = self.post("messages", message).await;
        said["ts"].as_str().unwrap_or_else(|| panic!("no ts in {said}")).to_owned()
    }

    /// Injects a fault into a Web API method.
    pub async fn fault(&self, fault: Value) {
        self.post("faults", fault).await;
    }

    /// What the bot has visibly said in a thread, oldest first.
    pub async fn replies(&self, channel: &str, thread_ts: &str) -> Vec<String> {
        let page = format!("messages?channel={channel}&thread_ts={thread_ts}");
        let found = self.get(&page).await;
        let messages = found["messages"].as_array().unwrap_or_else(|| panic!("{found}"));
        let said = messages.iter().filter(|message| message["user"] == BOT);
        said.map(text_of).collect()
    }

    /// Waits for the bot's first reply in a thread of the general channel.
    pub async fn reply(&self, thread_ts: &str, deadline: Duration) -> String {
        until("a reply in the thread", deadline, async || {
            self.replies(GENERAL, thread_ts).await.into_iter().next()
        })
        .await
    }

    /// Every call, envelope and acknowledgement so far.
    pub async fn journal(&self) -> Vec<Value> {
        let journal = self.get("journal").await;
        journal["entries"].as_array().unwrap_or_else(|| panic!("{journal}")).clone()
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        let sent = self.http.post(format!("{}/sim/{path}", self.base)).json(&body).send().await;
        let answer = sent.expect("the local Slack answers");
        let status = answer.status();
        let text = answer.text().await.expect("an answer has a body");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    pub async fn get(&self, path: &str) -> Value {
        let sent = self.http.get(format!("{}/sim/{path}", self.base)).send().await;
        let answer = sent.expect("the local Slack answers");
        answer.json().await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

fn text_of(message: &Value) -> String {
    message["text"].as_str().unwrap_or_default().to_owned()
}
