//! The live feed for the page: every change of the workspace, as JSON.
//!
//! Each item has a `type`:
//! - `message`, `message_changed` `{channel, message}`: a new message, or one whose text, reactions,
//!   stream or thread counters changed (`message` is Slack's message object);
//! - `message_deleted` `{channel, ts}`;
//! - `ephemeral` `{channel, user, message}`: only `user` sees it, and it is not kept;
//! - `status` `{channel, thread_ts, status, loading_messages}`: an empty status clears it;
//! - `session` `{channel, thread_ts, status, title}`; `prompts` `{channel, thread_ts, title, prompts}`;
//! - `view` `{user, view}`: a modal was opened or updated; `view_closed` `{user, view_id}`;
//!   `view_errors` `{user, view_id, errors}`: it was submitted and stays; `home` `{user, view}`;
//! - `channel` `{channel}`: a channel is new, or who is in it has changed; `user` `{user}`;
//! - `sockets` `{open}`: how many sockets the app holds;
//! - `resync`: the listener was too slow and must read `/sim/state` and its messages again.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::{channel::Channel, state::State, ts::Ts, world::World};

/// How far a listener may fall behind, in changes.
const CHANGES_QUEUED_MAX: usize = 1_024;

/// Sends each change to whoever listens; costs nothing while nobody does.
pub(super) struct Feed {
    changes: broadcast::Sender<Arc<str>>,
    /// Changes with every change, also while nobody listens.
    happened: watch::Sender<()>,
}

impl Feed {
    pub fn new() -> Self {
        Self {
            changes: broadcast::Sender::new(CHANGES_QUEUED_MAX),
            happened: watch::Sender::new(()),
        }
    }

    pub fn listen(&self) -> broadcast::Receiver<Arc<str>> {
        self.changes.subscribe()
    }

    /// Wakes at every change, without telling what it was.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.happened.subscribe()
    }

    /// Sends a change, made only when somebody listens.
    pub fn send(&self, change: impl FnOnce() -> Value) {
        self.happened.send_replace(());
        if self.changes.receiver_count() > 0 {
            let _ = self.changes.send(change().to_string().into());
        }
    }

    /// A channel is new, or who is in it has changed.
    pub fn channel(&self, channel: &Channel) {
        self.send(|| json!({"type": "channel", "channel": channel.summary()}));
    }

    /// A message is new or has changed.
    pub fn message(&self, kind: &str, state: &State, channel: &str, ts: Ts) {
        self.send(|| {
            let message = state.message(channel, ts).map(|message| message.render(true));
            json!({"type": kind, "channel": channel, "message": message})
        });
    }
}

impl World {
    pub fn feed_sockets(&self) {
        self.feed.send(|| json!({"type": "sockets", "open": self.link.connections(None).len()}));
    }
}
