//! Reading threads and histories, page by page.

use std::collections::VecDeque;

use event::Timestamp;
use serde_json::Value;

use super::{Found, KeyedMessage, METADATA_EVENT_TYPE, ThreadMessage};
use crate::budget::Purpose;
use crate::caller::Caller;
use crate::error::SlackError;
use crate::file::FileRef;
use crate::json::text;

/// Messages asked for at once; internal apps may ask for up to 1,000.
const PAGE_MESSAGES: &str = "200";

/// Pages read of one thread.
const PAGES_MAX: usize = 25;

/// How far Slack's clock may be behind the one that dated an intent, in microseconds.
const CLOCK_SKEW_MICROS: i64 = 5 * 60 * 1_000_000;

/// Pages through one channel or thread.
struct Pages<'call> {
    caller: &'call Caller,
    purpose: Purpose,
    method: &'static str,
    arguments: Vec<(&'static str, &'call str)>,
    cursor: Option<String>,
    read: usize,
}

impl<'call> Pages<'call> {
    fn of(
        (caller, purpose): (&'call Caller, Purpose),
        channel: &'call str,
        thread_ts: Option<&'call str>,
        more: &[(&'static str, &'call str)],
    ) -> Self {
        let mut arguments = vec![("channel", channel), ("limit", PAGE_MESSAGES)];
        arguments.extend(thread_ts.map(|ts| ("ts", ts)));
        arguments.extend_from_slice(more);
        let method =
            if thread_ts.is_some() { "conversations.replies" } else { "conversations.history" };
        Pages { caller, purpose, method, arguments, cursor: None, read: 0 }
    }

    /// The next page's messages; `None` after the last, and after [`PAGES_MAX`].
    async fn next(&mut self) -> Result<Option<Vec<Value>>, SlackError> {
        if self.read == PAGES_MAX || (self.read > 0 && self.cursor.is_none()) {
            return Ok(None);
        }
        let mut arguments = self.arguments.clone();
        arguments.extend(self.cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let mut answer = self.caller.get_for(self.purpose, self.method, &arguments).await?;
        self.read += 1;
        self.cursor = text(&answer, "/response_metadata/next_cursor").map(str::to_owned);
        let messages = answer.get_mut("messages").and_then(Value::as_array_mut);
        Ok(Some(messages.map(std::mem::take).unwrap_or_default()))
    }
}

/// Which message is looked for, see [`super::Api::find_ours`].
pub(super) struct Wanted<'call> {
    pub(super) oldest: Timestamp,
    pub(super) key: &'call str,
    pub(super) orphans_of: Option<&'call str>,
}

pub(super) async fn find_ours(
    caller: &Caller,
    channel: &str,
    thread_ts: Option<&str>,
    wanted: &Wanted<'_>,
) -> Result<Option<Found>, SlackError> {
    let from = a_little_before(wanted.oldest);
    let more = [("include_all_metadata", "true"), ("oldest", &from), ("inclusive", "true")];
    let mut pages = Pages::of((caller, Purpose::Answer), channel, thread_ts, &more);
    let mut orphan = None;
    while let Some(messages) = pages.next().await? {
        if let Some(found) = messages.iter().find(|message| carries(message, wanted.key)) {
            return Ok(text(found, "/ts").map(|ts| Found::Keyed(ts.to_owned())));
        }
        let first = messages.iter().find(|message| wanted.is_orphan(message));
        orphan = orphan.or(first.and_then(|message| text(message, "/ts")).map(str::to_owned));
    }
    match pages.cursor {
        None => Ok(orphan.map(Found::Orphan)),
        // "Not found" would be a lie, and the message would be posted twice.
        Some(_) => Err(SlackError::Unknown {
            method: pages.method.to_owned(),
            what: format!("more than {PAGES_MAX} pages of messages"),
            source: None,
        }),
    }
}

impl Wanted<'_> {
    fn is_orphan(&self, message: &Value) -> bool {
        let at = text(message, "/ts").and_then(Timestamp::from_slack);
        self.orphans_of.is_some_and(|own| text(message, "/user") == Some(own))
            && at.is_some_and(|at| at >= self.oldest)
            && text(message, "/metadata/event_payload/key").is_none()
    }
}

pub(super) async fn keyed_messages(
    caller: &Caller,
    channel: &str,
    thread_ts: &str,
    oldest: Timestamp,
) -> Result<Vec<KeyedMessage>, SlackError> {
    let oldest = a_little_before(oldest);
    let more = [("include_all_metadata", "true"), ("oldest", &oldest), ("inclusive", "true")];
    let mut pages = Pages::of((caller, Purpose::Chore), channel, Some(thread_ts), &more);
    let mut found = Vec::new();
    while let Some(messages) = pages.next().await? {
        found.extend(messages.iter().filter_map(keyed));
    }
    Ok(found)
}

fn a_little_before(at: Timestamp) -> String {
    Timestamp(at.0.saturating_sub(CLOCK_SKEW_MICROS).max(0)).to_slack()
}

fn carries(message: &Value, wanted: &str) -> bool {
    key(message) == Some(wanted)
}

fn key(message: &Value) -> Option<&str> {
    let ours = text(message, "/metadata/event_type") == Some(METADATA_EVENT_TYPE);
    text(message, "/metadata/event_payload/key").filter(|_| ours)
}

fn keyed(message: &Value) -> Option<KeyedMessage> {
    let authors = ["/user", "/bot_id"].iter().filter_map(|field| text(message, field));
    Some(KeyedMessage {
        ts: text(message, "/ts")?.to_owned(),
        key: key(message)?.to_owned(),
        authors: authors.map(str::to_owned).collect(),
    })
}

pub(super) async fn thread(
    caller: &Caller,
    channel: &str,
    thread_ts: &str,
    messages_max: usize,
) -> Result<Vec<ThreadMessage>, SlackError> {
    let mut pages = Pages::of((caller, Purpose::Context), channel, Some(thread_ts), &[]);
    let (mut root, mut replies) = (None, VecDeque::new());
    while let Some(messages) = pages.next().await? {
        for message in messages.iter().filter_map(message) {
            // Every page repeats the root.
            if message.ts == thread_ts {
                root = Some(message);
                continue;
            }
            replies.push_back(message);
            if replies.len() >= messages_max {
                replies.pop_front();
            }
        }
    }
    Ok(root.into_iter().take(messages_max).chain(replies).collect())
}

fn message(message: &Value) -> Option<ThreadMessage> {
    Some(ThreadMessage {
        ts: text(message, "/ts")?.to_owned(),
        user: text(message, "/user").map(str::to_owned),
        bot: text(message, "/bot_id").is_some() || text(message, "/subtype") == Some("bot_message"),
        text: text(message, "/text").unwrap_or_default().replace('\0', "\u{fffd}"),
        files: FileRef::all_of(message),
    })
}
