//! What people do with messages: write, edit, delete, react.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Control, ControlError};
use crate::slack::{
    events::link_names,
    files::{self, FILES_MAX, File},
    message::{Edited, Message},
    state::{State, keep},
    ts::Ts,
    world::fresh_id,
};

/// A message of a person.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Send {
    /// The channel's id.
    pub channel: String,
    /// The person's id.
    pub user: String,
    /// Slack's markup; `@name` of somebody known becomes a mention.
    #[serde(default)]
    pub text: String,
    /// The thread to write in.
    #[serde(default)]
    pub thread_ts: Option<String>,
    /// A reply that also shows in the channel.
    #[serde(default)]
    pub broadcast: bool,
    /// Files that go with it.
    #[serde(default)]
    pub files: Vec<Attachment>,
    /// Its timestamp, instead of one that no message of the workspace has: on Slack a timestamp is
    /// unique in its channel only.
    #[serde(default)]
    pub ts: Option<String>,
    /// Its `client_msg_id`, instead of a fresh one.
    #[serde(default)]
    pub client_msg_id: Option<String>,
}

/// A file that a person sends.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Attachment {
    /// The file's name.
    pub name: String,
    /// Its content as text.
    #[serde(default)]
    pub text: Option<String>,
    /// Its content as base64.
    #[serde(default)]
    pub base64: Option<String>,
}

impl Control {
    /// A person writes a message; returns its `ts`.
    pub fn send(&self, send: Send) -> Result<String, ControlError> {
        let mut state = self.world.state();
        check_member(&state, &send.channel, &send.user)?;
        let root = match &send.thread_ts {
            None => None,
            Some(thread) => Some(find_root(&state, &send.channel, thread)?),
        };
        let ts = match &send.ts {
            None => state.next_ts(self.world.clock.now_us()),
            Some(ts) => free_ts(&state, &send.channel, ts)?,
        };
        let text = link_names(&state, &send.text);
        let mut message = Message::new(ts, &send.user, text);
        let fresh = || uuid::Uuid::new_v4().to_string();
        message.client_msg_id = Some(send.client_msg_id.unwrap_or_else(fresh));
        message.team = state.foreign_team(&send.user);
        message.thread_ts = root;
        message.broadcast = root.is_some() && send.broadcast;
        let shared = state.channels.get(&send.channel).is_some_and(|c| !c.shared_with.is_empty());
        for attachment in send.files {
            let file = self.take_file(&mut state, &send.user, attachment);
            message.files.push(if shared { files::unchecked(&file) } else { file });
        }
        self.world.post(&mut state, &send.channel, message);
        Ok(ts.to_string())
    }

    /// A person writes `text` in a channel.
    pub fn say(&self, channel: &str, user: &str, text: &str) -> Result<String, ControlError> {
        let (channel, user, text) = (channel.into(), user.into(), text.into());
        self.send(Send { channel, user, text, ..Send::default() })
    }

    /// A person writes `text` in a thread.
    pub fn reply(
        &self,
        channel: &str,
        user: &str,
        thread_ts: &str,
        text: &str,
    ) -> Result<String, ControlError> {
        let thread_ts = Some(thread_ts.to_owned());
        let (channel, user, text) = (channel.into(), user.into(), text.into());
        self.send(Send { channel, user, text, thread_ts, ..Send::default() })
    }

    fn take_file(&self, state: &mut State, user: &str, attachment: Attachment) -> Value {
        let now_us = self.world.clock.now_us();
        let bytes = match (attachment.text, attachment.base64) {
            (Some(text), _) => Bytes::from(text),
            (None, Some(base64)) => STANDARD.decode(base64).unwrap_or_default().into(),
            (None, None) => Bytes::new(),
        };
        let file = File {
            id: fresh_id(&format!("F{:X}", now_us / 1_000)),
            title: attachment.name.clone(),
            name: attachment.name,
            user: user.to_owned(),
            created_s: now_us / 1_000_000,
            ticket: None,
            announced_bytes: bytes.len() as u64,
            shown: Vec::new(),
            content: Some(bytes),
        };
        let shown = file.render(&self.world.authority);
        state.files.insert(file.id.clone(), file);
        keep(&mut state.files, FILES_MAX);
        shown
    }

    /// A message is edited by its author.
    pub fn edit(&self, channel: &str, ts: &str, text: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        let ts = find(&state, channel, ts)?.ts;
        let text = link_names(&state, text);
        let at = Ts(self.world.clock.now_us());
        self.world.change(&mut state, channel, ts, |message| {
            message.text = text;
            message.blocks = None;
            message.edited = Some(Edited { user: message.user.clone(), ts: at });
        });
        Ok(())
    }

    /// A message is deleted.
    pub fn delete(&self, channel: &str, ts: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        let ts = find(&state, channel, ts)?.ts;
        self.world.delete(&mut state, channel, ts);
        Ok(())
    }

    /// A person adds a reaction, or takes it away. False when it was so already.
    pub fn react(
        &self,
        channel: &str,
        ts: &str,
        user: &str,
        name: &str,
        added: bool,
    ) -> Result<bool, ControlError> {
        let mut state = self.world.state();
        check_member(&state, channel, user)?;
        let ts = find(&state, channel, ts)?.ts;
        Ok(self.world.react(&mut state, (channel, ts), (user, name), added))
    }

    /// Slack shows what a message's links lead to: the message changes, but nobody edited it.
    pub fn unfurl(&self, channel: &str, ts: &str, link: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        let ts = find(&state, channel, ts)?.ts;
        self.world.change(&mut state, channel, ts, |message| {
            message.attachments = Some(json!([{
                "id": 1, "from_url": link, "original_url": link, "title_link": link,
                "title": link, "fallback": link, "service_name": "example",
            }]));
        });
        Ok(())
    }
}

pub(super) fn check_member(state: &State, channel: &str, user: &str) -> Result<(), ControlError> {
    let found = state.channels.get(channel);
    let found = found.ok_or_else(|| ControlError::Channel(channel.to_owned()))?;
    if !state.users.contains_key(user) {
        return Err(ControlError::User(user.to_owned()));
    }
    if !found.members.contains(user) {
        return Err(ControlError::NotMember { user: user.into(), channel: channel.into() });
    }
    Ok(())
}

/// A timestamp that no message of this channel has yet.
fn free_ts(state: &State, channel: &str, ts: &str) -> Result<Ts, ControlError> {
    let free: Ts = ts.parse().map_err(|_| ControlError::Missing("timestamp"))?;
    if state.message(channel, free).is_some() {
        return Err(ControlError::Taken { channel: channel.to_owned(), ts: ts.to_owned() });
    }
    Ok(free)
}

pub(super) fn find<'a>(
    state: &'a State,
    channel: &str,
    ts: &str,
) -> Result<&'a Message, ControlError> {
    let found = ts.parse().ok().and_then(|ts| state.message(channel, ts));
    found.ok_or_else(|| ControlError::Message { channel: channel.into(), ts: ts.into() })
}

pub(super) fn find_root(state: &State, channel: &str, ts: &str) -> Result<Ts, ControlError> {
    let message = find(state, channel, ts)?;
    Ok(message.thread_ts.unwrap_or(message.ts))
}
