//! Agent sessions and status lines: what a thread shows while the app works on it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    clock::micros, message::Message, state::State, stream::StreamState, ts::Ts, workspace::TEAM,
    world::World,
};

/// How long a status line stays without a message.
pub(super) const STATUS_LIFETIME: Duration = Duration::from_secs(120);
/// How long a session stays `processing`.
const PROCESSING_LIFETIME: Duration = Duration::from_secs(3600);
/// The sessions remembered.
const SESSIONS_MAX: usize = 10_000;

/// An agent's session in a thread.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    pub status: SessionStatus,
    pub title: Option<String>,
    pub set_us: i64,
}

/// Where a session stands; the app moves it, except that `processing` ends after an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SessionStatus {
    Processing,
    Active,
    /// Waits for the user.
    Suspended,
    Closed,
}

/// The "is thinking…" line of a thread.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub status: String,
    pub loading_messages: Vec<String>,
    pub set_us: i64,
}

impl SessionStatus {
    pub fn named(name: &str) -> Option<Self> {
        serde_json::from_value(json!(name)).ok()
    }
}

impl Status {
    pub fn is_shown(&self, now_us: i64) -> bool {
        now_us - self.set_us < micros(STATUS_LIFETIME)
    }
}

impl Session {
    /// The session's status at `now_us`.
    pub fn status_at(&self, now_us: i64) -> SessionStatus {
        let is_over = now_us - self.set_us >= micros(PROCESSING_LIFETIME);
        if self.status == SessionStatus::Processing && is_over {
            return SessionStatus::Active;
        }
        self.status
    }
}

impl World {
    pub fn set_status(&self, state: &mut State, channel: &str, thread_ts: Ts, status: Status) {
        let now_us = self.clock.now_us();
        state.statuses.retain(|_, status| status.is_shown(now_us));
        self.feed.send(|| {
            json!({"type": "status", "channel": channel, "thread_ts": thread_ts,
                   "status": status.status, "loading_messages": status.loading_messages})
        });
        state.statuses.insert((channel.to_owned(), thread_ts), status);
    }

    /// Begins a session or moves it.
    pub fn set_session(
        &self,
        state: &mut State,
        channel: &str,
        thread_ts: Ts,
        status: SessionStatus,
    ) {
        let key = (channel.to_owned(), thread_ts);
        let title = state.sessions.get(&key).and_then(|session| session.title.clone());
        let session = Session { status, title, set_us: self.clock.now_us() };
        state.sessions.insert(key, session);
        super::state::keep(&mut state.sessions, SESSIONS_MAX);
        self.feed_session(state, channel, thread_ts);
    }

    /// Names a session, which begins it if need be.
    pub fn title_session(&self, state: &mut State, channel: &str, thread_ts: Ts, title: String) {
        let now_us = self.clock.now_us();
        let fresh = Session { status: SessionStatus::Active, title: None, set_us: now_us };
        let session = state.sessions.entry((channel.to_owned(), thread_ts)).or_insert(fresh);
        session.title = Some(title);
        self.feed_session(state, channel, thread_ts);
    }

    /// A person gives a session another title; false when there is none in this thread.
    pub fn retitle_session(
        &self,
        state: &mut State,
        (channel, thread_ts): (&str, Ts),
        user: &str,
        title: &str,
    ) -> bool {
        let at = state.next_ts(self.clock.now_us());
        let Some(session) = state.sessions.get_mut(&(channel.to_owned(), thread_ts)) else {
            return false;
        };
        let mut event = json!({
            "type": "agent_session_title_changed", "channel": channel, "thread_ts": thread_ts,
            "team_id": TEAM, "user": user, "title": title, "event_ts": at,
        });
        if let Some(previous) = session.title.replace(title.to_owned()) {
            event["previous_title"] = json!(previous);
        }
        self.feed_session(state, channel, thread_ts);
        self.tell("agent_session_title_changed", event);
        true
    }

    /// A person presses stop: open streams of the thread end, and the app is told.
    pub fn stop_session(&self, state: &mut State, channel: &str, thread_ts: Ts, user: &str) {
        let now_us = self.clock.now_us();
        let open = |message: &Message| {
            message.thread_ts == Some(thread_ts)
                && message.stream.as_ref().is_some_and(|stream| stream.is_open(now_us))
        };
        let Some(found) = state.channels.get(channel) else { return };
        let streams: Vec<Ts> =
            found.messages.values().filter(|message| open(message)).map(|m| m.ts).collect();
        for ts in &streams {
            self.change(state, channel, *ts, |message| {
                if let Some(stream) = &mut message.stream {
                    stream.state = StreamState::StoppedByUser;
                }
            });
        }
        self.clear_status(state, channel, thread_ts);
        let at = state.next_ts(now_us);
        self.tell(
            "agent_session_stopped",
            json!({
                "type": "agent_session_stopped", "channel": channel, "thread_ts": thread_ts,
                "user": user, "streaming_message_ts": streams, "event_ts": at,
            }),
        );
    }

    fn feed_session(&self, state: &State, channel: &str, thread_ts: Ts) {
        let now_us = self.clock.now_us();
        if let Some(session) = state.sessions.get(&(channel.to_owned(), thread_ts)) {
            self.feed.send(|| session_change(channel, thread_ts, session, now_us));
        }
    }
}

/// A session as the page sees it.
pub(super) fn session_change(
    channel: &str,
    thread_ts: Ts,
    session: &Session,
    now_us: i64,
) -> Value {
    json!({"type": "session", "channel": channel, "thread_ts": thread_ts,
           "status": session.status_at(now_us), "title": session.title})
}
