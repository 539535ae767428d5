//! What can be seen: messages, state, the journal; and waiting for it.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{Control, ControlError};
use crate::slack::{
    channel::Channel,
    connection::Connection,
    journal::{Entry, What},
    sessions::session_change,
    ts::Ts,
    workspace::{APP, BOT, BOT_NAME, BOT_USER, TEAM, TEAM_DOMAIN},
};

impl Control {
    /// The messages of a thread, root first, or those a channel shows outside threads; oldest
    /// first, with metadata, as Slack's message objects.
    pub fn messages(
        &self,
        channel: &str,
        thread_ts: Option<&str>,
    ) -> Result<Vec<Value>, ControlError> {
        let state = self.world.state();
        let found = state.channels.get(channel);
        let found = found.ok_or_else(|| ControlError::Channel(channel.to_owned()))?;
        let Some(thread_ts) = thread_ts else {
            let shown = found.messages.values().filter(|m| !m.is_reply() || m.broadcast);
            return Ok(shown.map(|message| message.render(true)).collect());
        };
        let no_such =
            || ControlError::Message { channel: channel.into(), ts: thread_ts.to_owned() };
        let root = thread_ts.parse().ok().and_then(|ts| found.root_of(ts)).ok_or_else(no_such)?;
        let root = found.messages.get(&root).ok_or_else(no_such)?;
        let replies = root.replies.iter().filter_map(|ts| found.messages.get(ts));
        Ok(std::iter::once(root).chain(replies).map(|message| message.render(true)).collect())
    }

    /// The workspace: people, channels, status lines, sessions, views, sockets, faults, settings.
    #[must_use]
    pub fn state(&self) -> Value {
        let now_us = self.world.clock.now_us();
        let state = self.world.state();
        let shown = state.statuses.iter().filter(|(_, status)| status.is_shown(now_us));
        let statuses: Vec<Value> = shown
            .map(|((channel, thread_ts), status)| {
                json!({"channel": channel, "thread_ts": thread_ts, "status": status.status,
                       "loading_messages": status.loading_messages})
            })
            .collect();
        let sessions: Vec<Value> = state
            .sessions
            .iter()
            .map(|((channel, ts), session)| session_change(channel, *ts, session, now_us))
            .collect();
        let (waiting, in_flight) = self.world.link.backlog();
        json!({
            "team": {"id": TEAM, "domain": TEAM_DOMAIN},
            "bot": {"user_id": BOT_USER, "bot_id": BOT, "app_id": APP, "name": BOT_NAME},
            "users": state.users.values().map(|user| user.render(true)).collect::<Vec<_>>(),
            "usergroups": state.usergroups.values().map(|group| group.render(true)).collect::<Vec<_>>(),
            "channels": state.channels.values().map(Channel::summary).collect::<Vec<_>>(),
            "statuses": statuses,
            "sessions": sessions,
            "views": state.modals.values()
                .map(|view| json!({"user": view.user, "view": view.render(&json!({}))}))
                .collect::<Vec<_>>(),
            "homes": state.homes.values()
                .map(|view| json!({"user": view.user, "view": view.render(&json!({}))}))
                .collect::<Vec<_>>(),
            "sockets": self.socket_states(),
            "events": {"waiting": waiting, "in_flight": in_flight},
            "faults": self.faults(),
            "settings": self.settings(),
            "clock": {"now_us": now_us, "now": Ts(now_us), "test": self.world.clock.is_test()},
        })
    }

    fn socket_states(&self) -> Vec<Value> {
        let sockets = self.world.link.connections(None);
        let state = |socket: &Connection| {
            json!({
                "connection": socket.id, "leaving": socket.leaving,
                "half_open": socket.switches.freeze.is_cancelled(),
                "in_flight": self.world.link.in_flight_on(socket.id),
            })
        };
        sockets.iter().map(state).collect()
    }

    /// How many sockets the app holds.
    #[must_use]
    pub fn sockets_open(&self) -> usize {
        self.world.link.connections(None).len()
    }

    /// Events waiting for a socket, and envelopes waiting for their acknowledgement.
    #[must_use]
    pub fn backlog(&self) -> (usize, usize) {
        self.world.link.backlog()
    }

    /// Everything that happened, as far as the journal still knows.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.journal_since(0)
    }

    /// Everything that happened after the entry of this number.
    #[must_use]
    pub fn journal_since(&self, sequence: u64) -> Vec<Entry> {
        self.world.journal.since(sequence)
    }

    /// The arguments of each call of a method that was applied, in order.
    #[must_use]
    pub fn applied(&self, method: &str) -> Vec<Value> {
        let applied = |entry: Entry| match entry.what {
            What::Call { method: name, args, applied: true, .. } if name == method => Some(args),
            What::Call { .. }
            | What::Envelope { .. }
            | What::Ack { .. }
            | What::Nonsense { .. }
            | What::Waits { .. }
            | What::GaveUp { .. }
            | What::Socket { .. } => None,
        };
        self.journal().into_iter().filter_map(applied).collect()
    }

    /// Every change of the workspace from now on, as the JSON of the feed.
    #[must_use]
    pub fn feed(&self) -> broadcast::Receiver<Arc<str>> {
        self.world.feed.listen()
    }

    /// Asks `question` now and after each entry of the journal until it has an answer; `None` when
    /// the deadline, in real time, comes first.
    pub async fn wait<T>(
        &self,
        deadline: Duration,
        mut question: impl FnMut(&Self) -> Option<T>,
    ) -> Option<T> {
        // Register interest before asking, so that no entry is missed in between.
        let mut latest = self.world.journal.watch();
        let asking = async {
            loop {
                if let Some(answer) = question(self) {
                    return Some(answer);
                }
                latest.changed().await.ok()?;
            }
        };
        tokio::time::timeout(deadline, asking).await.ok().flatten()
    }
}
