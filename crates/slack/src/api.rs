//! The Web API calls of the reply protocol and of the thread's context.
//!
//! Raw calls over slack-morphism with thin, tolerant reading: its typed messages refuse nested
//! metadata and answers with missing fields. Every call waits for its turn where there is a
//! [`Budget`], has a timeout and is sent once; whether it may be made again is for the caller to
//! decide by [`SlackError::kind`].

pub mod files;
mod history;
mod read;
mod respond;
pub mod stream;
mod views;

use std::sync::Arc;
use std::time::Duration;

use event::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::budget::{
    self, ANSWER_PATIENCE, Budget, POST_MESSAGE, POST_PATIENCE, Purpose, SET_STATUS, UPDATE,
};
use crate::caller::Caller;
use crate::error::{Failure, SlackError};
use crate::file::FileRef;
use crate::json::text;

pub use history::{Conversation, Page};

/// The metadata's event type on every message that we post.
pub const METADATA_EVENT_TYPE: &str = "athenaeum_reply";

/// What one message may hold in Markdown, in characters; Slack answers `msg_too_long` above it.
pub const MARKDOWN_CHARS_MAX: usize = 12_000;

/// What a message may hold that is edited, in characters: `chat.update` was measured to answer
/// `msg_too_long` above it, and `chat.postMessage` to split a text into several messages.
pub const EDIT_CHARS_MAX: usize = 4_000;

/// How long one call may take, unless the options say otherwise.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Where and as whom to call.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// `https://slack.com/api`, or a local Slack's base; without a trailing slash.
    pub api_url: String,
    /// The bot's token, `xoxb-…`.
    pub bot_token: SecretString,
    /// How long one call may take.
    pub timeout: Duration,
}

impl ApiOptions {
    /// With the usual timeout.
    #[must_use]
    pub fn new(api_url: &str, bot_token: SecretString) -> Self {
        ApiOptions { api_url: api_url.to_owned(), bot_token, timeout: CALL_TIMEOUT }
    }
}

/// Slack's Web API as one bot. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    caller: Caller,
}

/// Who a token belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The workspace.
    pub team_id: String,
    /// The bot's user id, `U…`.
    pub user_id: String,
    /// The bot's id, `B…`.
    pub bot_id: Option<String>,
    /// The workspace's address.
    pub url: Option<String>,
    /// What the token may do; empty where Slack does not tell.
    pub scopes: Vec<String>,
}

/// A message to post.
#[derive(Clone, Debug, PartialEq)]
pub struct Post {
    /// Where.
    pub channel: String,
    /// The thread's root; `None` posts to the channel itself.
    pub thread_ts: Option<String>,
    /// What.
    pub content: Content,
}

/// What a message of ours shows and carries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Content {
    /// Markdown of at most [`MARKDOWN_CHARS_MAX`] characters, and [`EDIT_CHARS_MAX`] where it may be
    /// edited later.
    pub markdown: String,
    /// Blocks below it, such as buttons.
    pub blocks: Vec<Value>,
    /// The idempotency key, readable by every app in the workspace.
    pub key: Option<String>,
}

/// A message of ours that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It carries the key.
    Keyed(String),
    /// It is ours and carries no key: a stream that nobody stopped.
    Orphan(String),
}

impl Content {
    /// Markdown alone.
    #[must_use]
    pub fn markdown(markdown: impl Into<String>, key: Option<&str>) -> Self {
        Content { markdown: markdown.into(), key: key.map(str::to_owned), ..Content::default() }
    }

    /// Puts it into a call. Blocks and `markdown_text` exclude each other, so that the Markdown
    /// becomes a block where there are others, and the plain text that notifications show.
    fn write(&self, body: &mut Value) {
        if self.blocks.is_empty() {
            body["markdown_text"] = self.markdown.as_str().into();
        } else {
            let mut blocks = vec![json!({"type": "markdown", "text": self.markdown})];
            blocks.extend(self.blocks.iter().cloned());
            body["blocks"] = blocks.into();
            body["text"] = self.markdown.as_str().into();
        }
        insert(body, "metadata", self.key.as_deref().map(metadata));
    }
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadMessage {
    /// Its id.
    pub ts: String,
    /// Who wrote it; bots have user ids too.
    pub user: Option<String>,
    /// Whether a bot wrote it.
    pub bot: bool,
    /// What it says, in Slack's markup.
    pub text: String,
    /// What was sent with it.
    pub files: Vec<FileRef>,
}

/// A message of a thread that carries a key of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedMessage {
    /// Its id.
    pub ts: String,
    /// Its idempotency key.
    pub key: String,
    /// The user or bot that wrote it, by every id that Slack gives it.
    pub authors: Vec<String>,
}

/// A person's profile, as far as an answer needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// What others call them: the display name, else the real name, else the handle.
    pub name: Option<String>,
    /// An IANA zone, `Europe/Berlin`.
    pub tz: Option<String>,
    /// Seconds east of UTC.
    pub tz_offset: Option<i64>,
}

/// The right to post one message to one channel, at once.
#[must_use = "a turn that is not used is lost"]
pub struct Turn<'api> {
    caller: &'api Caller,
}

/// Any answer's failure: see [`SlackError::kind`].
type Answer<T> = Result<T, SlackError>;

impl Api {
    /// # Errors
    /// [`SlackError::Setup`] when the address is none, or no root certificates are found.
    pub fn new(options: ApiOptions) -> Answer<Self> {
        let ApiOptions { api_url, bot_token, timeout } = options;
        Ok(Api { caller: Caller::new(&api_url, &bot_token, timeout)? })
    }

    /// Asks `budget` for a turn before each call from now on, whose rate is known.
    #[must_use]
    pub fn asking(self, budget: Arc<dyn Budget>) -> Self {
        Api { caller: self.caller.asking(budget) }
    }

    /// Asks who we are (`auth.test`).
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn auth_test(&self) -> Answer<Identity> {
        let (answer, scopes) = self.caller.post_for_scopes("auth.test").await?;
        let required = |field| required(&answer, field, "auth.test");
        Ok(Identity {
            team_id: required("/team_id")?,
            user_id: required("/user_id")?,
            bot_id: text(&answer, "/bot_id").map(str::to_owned),
            url: text(&answer, "/url").map(str::to_owned),
            scopes,
        })
    }

    /// Waits until a message may be posted to a channel, for up to [`ANSWER_PATIENCE`]; turns come in
    /// the order in which they were asked for. To be taken before the post is promised anywhere.
    ///
    /// # Errors
    /// [`Failure::RateLimited`] when the turn would come later.
    pub async fn turn_to_post(&self, channel: &str) -> Answer<Turn<'_>> {
        self.turn_within(channel, ANSWER_PATIENCE).await
    }

    /// Posts a message, unfurling nothing, and returns its `ts` (`chat.postMessage`). Waits for its
    /// turn no longer than a second: whoever can wait takes it with [`Api::turn_to_post`] before.
    ///
    /// # Errors
    /// See [`SlackError::kind`]; after [`Failure::Unknown`], look with [`Api::find_ours`] first.
    pub async fn post_message(&self, post: &Post) -> Answer<String> {
        self.turn_within(&post.channel, POST_PATIENCE).await?.post(post).await
    }

    async fn turn_within(&self, channel: &str, patience: Duration) -> Answer<Turn<'_>> {
        let mut buckets = vec![budget::of_channel(channel)];
        buckets.extend(budget::of(POST_MESSAGE).map(|(bucket, _)| bucket));
        self.caller.turn(POST_MESSAGE, &buckets, Purpose::Answer, patience).await?;
        Ok(Turn { caller: &self.caller })
    }

    /// Replaces a message of ours (`chat.update`); safe to repeat.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn update_message(&self, channel: &str, ts: &str, content: &Content) -> Answer<()> {
        self.update_for(Purpose::Answer, channel, ts, content).await
    }

    /// As [`Api::update_message`], for an edit that a later one makes needless: if its turn is now.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn update_meanwhile(&self, channel: &str, ts: &str, content: &Content) -> Answer<()> {
        self.update_for(Purpose::Chore, channel, ts, content).await
    }

    async fn update_for(
        &self,
        purpose: Purpose,
        channel: &str,
        ts: &str,
        content: &Content,
    ) -> Answer<()> {
        let mut body = json!({"channel": channel, "ts": ts});
        content.write(&mut body);
        self.caller.post_for(purpose, purpose.patience(), UPDATE, &body).await.map(drop)
    }

    /// Deletes a message of ours (`chat.delete`); one that is gone already is a success.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn delete_message(&self, channel: &str, ts: &str) -> Answer<()> {
        let body = json!({"channel": channel, "ts": ts});
        unless(self.caller.post("chat.delete", &body).await, "message_not_found")
    }

    /// Finds the message that carries a key (`conversations.replies`, or `conversations.history`
    /// where there is no thread), not older than `oldest` less five minutes for skewed clocks. Without
    /// one, a message of `orphans_of`, our own user, that carries no key and is not older than
    /// `oldest`.
    ///
    /// # Errors
    /// See [`SlackError::kind`]. `Unknown` as well when there is more to read than is read.
    pub async fn find_ours<'call>(
        &self,
        channel: &str,
        thread_ts: impl Into<Option<&'call str>>,
        oldest: Timestamp,
        key: &str,
        orphans_of: impl Into<Option<&'call str>>,
    ) -> Answer<Option<Found>> {
        let wanted = read::Wanted { oldest, key, orphans_of: orphans_of.into() };
        read::find_ours(&self.caller, channel, thread_ts.into(), &wanted).await
    }

    /// The messages of a thread that carry keys, oldest first, not older than `oldest` less five
    /// minutes for skewed clocks; of the first 5,000 messages. A look that nobody waits for.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn keyed_messages(
        &self,
        channel: &str,
        thread_ts: &str,
        oldest: Timestamp,
    ) -> Answer<Vec<KeyedMessage>> {
        read::keyed_messages(&self.caller, channel, thread_ts, oldest).await
    }

    /// Reads a thread, oldest first: its root and the latest of the rest, `messages_max` in all, of
    /// the first 5,000 messages.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn thread(
        &self,
        channel: &str,
        thread_ts: &str,
        messages_max: usize,
    ) -> Answer<Vec<ThreadMessage>> {
        read::thread(&self.caller, channel, thread_ts, messages_max).await
    }

    /// Shows what the bot is doing (`assistant.threads.setStatus`); an empty status clears it.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn set_status(&self, channel: &str, thread_ts: &str, status: &str) -> Answer<()> {
        let body = json!({"channel_id": channel, "thread_ts": thread_ts, "status": status});
        let purpose = if status.is_empty() { Purpose::Tidying } else { Purpose::Chore };
        self.caller.post_for(purpose, purpose.patience(), SET_STATUS, &body).await.map(drop)
    }

    /// Says that nobody works in a thread any more (`agents.sessions.setStatus`). A stream that is
    /// stopped says so itself; one that ended otherwise leaves its session `processing` for an hour.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn settle_session(&self, channel: &str, thread_ts: &str) -> Answer<()> {
        let body = json!({"channel_id": channel, "thread_ts": thread_ts, "status": "active"});
        self.caller.post("agents.sessions.setStatus", &body).await.map(drop)
    }

    /// Adds a reaction (`reactions.add`); one that stands already is a success.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn add_reaction(&self, channel: &str, ts: &str, name: &str) -> Answer<()> {
        let body = json!({"channel": channel, "timestamp": ts, "name": name});
        unless(self.caller.post("reactions.add", &body).await, "already_reacted")
    }

    /// Removes a reaction of ours (`reactions.remove`); one that is gone already is a success.
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn remove_reaction(&self, channel: &str, ts: &str, name: &str) -> Answer<()> {
        let body = json!({"channel": channel, "timestamp": ts, "name": name});
        unless(self.caller.post("reactions.remove", &body).await, "no_reaction")
    }

    /// Reads a person's profile (`users.info`).
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn user(&self, user_id: &str) -> Answer<User> {
        let answer = self.caller.get("users.info", &[("user", user_id)]).await?;
        let named = ["/user/profile/display_name", "/user/real_name", "/user/name"];
        Ok(User {
            name: named.iter().find_map(|field| text(&answer, field)).map(str::to_owned),
            tz: text(&answer, "/user/tz").map(str::to_owned),
            tz_offset: answer.pointer("/user/tz_offset").and_then(Value::as_i64),
        })
    }
}

impl Turn<'_> {
    /// Posts a message, as [`Api::post_message`] does.
    ///
    /// # Errors
    /// As [`Api::post_message`].
    pub async fn post(self, post: &Post) -> Answer<String> {
        let mut body =
            json!({"channel": post.channel, "unfurl_links": false, "unfurl_media": false});
        post.content.write(&mut body);
        insert(&mut body, "thread_ts", post.thread_ts.clone().map(Value::from));
        let answer = self.caller.post_now(POST_MESSAGE, &body).await?;
        required(&answer, "/ts", POST_MESSAGE)
    }
}

fn metadata(key: &str) -> Value {
    json!({"event_type": METADATA_EVENT_TYPE, "event_payload": {"key": key}})
}

fn insert(body: &mut Value, field: &str, value: Option<Value>) {
    if let Some(value) = value {
        body[field] = value;
    }
}

/// An answer without the field that everything depends on is a success that we cannot use.
fn required(answer: &Value, pointer: &str, method: &str) -> Answer<String> {
    text(answer, pointer).map(str::to_owned).ok_or_else(|| SlackError::Unknown {
        method: method.to_owned(),
        what: format!("expected {pointer} in the answer, found none"),
        source: None,
    })
}

/// A refusal that says that the wish is fulfilled already is none.
fn unless(answer: Answer<Value>, fulfilled: &str) -> Answer<()> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == (Failure::Refused { code: fulfilled.to_owned() }) => Ok(()),
        Err(error) => Err(error),
    }
}
