//! What a local Slack can be told before it starts.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use super::clock::Clock;

/// How a local Slack runs; `Options::default()` suits a test: a free port, real time, no rate limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the one listener (Web API, socket, page, control) binds; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where all times come from.
    pub clock: Clock,
    /// What can be changed while it runs.
    pub settings: Settings,
    /// The life of Socket Mode connections.
    pub socket: SocketOptions,
    /// Keeps channels and messages across restarts in this JSON file.
    pub data_file: Option<PathBuf>,
    /// The bot token that is accepted.
    pub bot_token: String,
    /// The app-level token that is accepted.
    pub app_token: String,
    /// What requests to the app's request URL are signed with.
    pub signing_secret: String,
    /// How many entries the journal keeps before it forgets the oldest.
    pub journal_entries_max: usize,
    /// How many messages a channel keeps before it forgets the oldest.
    pub channel_messages_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: Clock::real(),
            settings: Settings::default(),
            socket: SocketOptions::default(),
            data_file: None,
            bot_token: "xoxb-local".into(),
            app_token: "xapp-local".into(),
            signing_secret: "local-signing-secret".into(),
            journal_entries_max: 50_000,
            channel_messages_max: 50_000,
        }
    }
}

/// What can be changed while the local Slack runs (`POST /sim/settings`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Whether the rate limits of the Web API hold. Limits of size and life always do.
    pub enforce_limits: bool,
    /// Which of the two events of one mention is sent first.
    pub mention_order: MentionOrder,
    /// The events the app has subscribed to, by the names of the app's manifest.
    pub subscriptions: BTreeSet<String>,
    /// The scopes of the bot token.
    pub scopes: BTreeSet<String>,
    /// `conversations.history` and `.replies` do not show messages younger than this, in seconds.
    pub history_lag_s: u64,
    /// How long a stream that begins from now on stays open, by the clock, in seconds. Slack
    /// promises nothing; the first failures were measured at 303 s.
    pub stream_lifetime_s: u64,
    /// The workspace is on the free plan, which has no streams and no agent sessions.
    pub free_plan: bool,
    /// The workspaces that channels are shared with have installed the app too: it hears what
    /// happens there once for each installation.
    pub second_install: bool,
    /// How many times more each event is sent, each with an event id of its own and no sign of a
    /// retry, as was seen with an agent's own messages.
    pub event_copies: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enforce_limits: false,
            mention_order: MentionOrder::default(),
            subscriptions: names(SUBSCRIPTIONS),
            scopes: names(SCOPES),
            history_lag_s: 0,
            stream_lifetime_s: 300,
            free_plan: false,
            second_install: false,
            event_copies: 0,
        }
    }
}

/// Which of `message` and `app_mention` goes first when a person mentions the bot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MentionOrder {
    /// `message`, then `app_mention`.
    #[default]
    MessageFirst,
    /// `app_mention`, then `message`.
    MentionFirst,
}

/// The life of Socket Mode connections, by the clock unless said otherwise.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// How long a connection stands before Slack asks the client to refresh it.
    pub lifetime: Duration,
    /// How long before the end the `warning` comes.
    pub warning: Duration,
    /// How long after `refresh_requested` the connection is closed.
    pub grace: Duration,
    /// How long an envelope may stay without an acknowledgement.
    pub ack_deadline: Duration,
    /// How long after each missed acknowledgement the envelope is sent again.
    pub redeliveries: Vec<Duration>,
    /// How often the server pings, in real time.
    pub ping_every: Duration,
    /// A connection that says nothing for this long, in real time, is dropped.
    pub silence_max: Duration,
    /// How many connections an app may hold.
    pub connections_max: usize,
    /// How many events wait for a socket before the oldest is given up.
    pub waiting_max: usize,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(18_060),
            warning: Duration::from_secs(10),
            grace: Duration::from_secs(10),
            ack_deadline: Duration::from_secs(3),
            redeliveries: [0, 60, 300].map(Duration::from_secs).to_vec(),
            ping_every: Duration::from_secs(5),
            silence_max: Duration::from_secs(60),
            connections_max: 10,
            waiting_max: 100_000,
        }
    }
}

/// The life of a connection opened with `debug_reconnects=true`.
pub(super) const DEBUG_LIFETIME: Duration = Duration::from_secs(360);

const SUBSCRIPTIONS: &[&str] = &[
    "agent_session_stopped",
    "agent_session_title_changed",
    "app_context_changed",
    "app_home_opened",
    "app_mention",
    "channel_left",
    "group_left",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
    "user_change",
];

const SCOPES: &[&str] = &[
    "app_mentions:read",
    "assistant:write",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "chat:write.customize",
    "commands",
    "emoji:read",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "mpim:write",
    "reactions:read",
    "reactions:write",
    "search:read.public",
    "team:read",
    "usergroups:read",
    "users.profile:read",
    "users:read",
    "users:read.email",
];

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}
