//! What the workspace holds: people, channels, files, views, sessions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    channel::{Channel, Kind},
    files::File,
    message::Message,
    sessions::{Session, Status},
    ts::Ts,
    views::View,
    workspace::{self, User, Usergroup},
};

/// The whole workspace. What is `skip`ped does not outlive a restart.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub users: BTreeMap<String, User>,
    pub channels: BTreeMap<String, Channel>,
    pub files: BTreeMap<String, File>,
    #[serde(default = "workspace::usergroups")]
    pub usergroups: BTreeMap<String, Usergroup>,
    /// The Home tab of each person, by user id.
    pub homes: BTreeMap<String, View>,
    /// Agent sessions by channel and thread.
    #[serde(with = "as_list")]
    pub sessions: BTreeMap<(String, Ts), Session>,
    last_ts: Ts,
    /// "is thinking…" lines by channel and thread.
    #[serde(skip)]
    pub statuses: BTreeMap<(String, Ts), Status>,
    /// What only one person sees, by channel and timestamp, with that person's id.
    #[serde(skip)]
    pub whispers: BTreeMap<(String, Ts), (String, Message)>,
    /// What lets the app search for a person, by the token of their message.
    #[serde(skip)]
    pub action_tokens: BTreeMap<String, ActionToken>,
    /// Open modals by view id.
    #[serde(skip)]
    pub modals: BTreeMap<String, View>,
    /// What may still be opened by a trigger: its person and when it was handed out.
    #[serde(skip)]
    pub triggers: BTreeMap<String, Trigger>,
    /// Where a `response_url` answers to, by its secret.
    #[serde(skip)]
    pub response_urls: BTreeMap<String, ResponseUrl>,
}

/// Who wrote to the app, and where.
#[derive(Clone, Debug)]
pub(super) struct ActionToken {
    pub channel: String,
    pub user: String,
}

/// Lets an app open a view within three seconds of a person's action.
#[derive(Clone, Debug)]
pub(super) struct Trigger {
    pub user: String,
    pub made_us: i64,
    /// The channel of the slash command or button.
    pub channel: Option<String>,
    /// The view that was submitted, or that the pressed button stands in.
    pub view: Option<String>,
    /// It was submitted: the acknowledgement decides what becomes of it.
    pub submitted: bool,
    /// A view was opened with it.
    pub used: bool,
}

/// What a `response_url` may answer to.
#[derive(Clone, Debug)]
pub(super) struct ResponseUrl {
    pub channel: String,
    pub user: String,
    /// The message whose button was pressed.
    pub message: Option<Ts>,
    pub thread_ts: Option<Ts>,
    pub made_us: i64,
    pub uses_left: u32,
}

/// The most triggers, action tokens, response addresses and ephemeral messages remembered.
pub(super) const TRIGGERS_MAX: usize = 1_000;

impl State {
    pub fn new() -> Self {
        Self {
            users: workspace::users().into_iter().map(|user| (user.id.clone(), user)).collect(),
            channels: workspace::channels().into_iter().map(|c| (c.id.clone(), c)).collect(),
            files: BTreeMap::new(),
            usergroups: workspace::usergroups(),
            homes: BTreeMap::new(),
            sessions: BTreeMap::new(),
            last_ts: Ts(0),
            statuses: BTreeMap::new(),
            whispers: BTreeMap::new(),
            modals: BTreeMap::new(),
            action_tokens: BTreeMap::new(),
            triggers: BTreeMap::new(),
            response_urls: BTreeMap::new(),
        }
    }

    /// A timestamp that no message has had: the present, or just after the last one given out.
    pub fn next_ts(&mut self, now_us: i64) -> Ts {
        self.last_ts = Ts(now_us.max(self.last_ts.0 + 1));
        self.last_ts
    }

    pub fn message(&self, channel: &str, ts: Ts) -> Option<&Message> {
        self.channels.get(channel)?.messages.get(&ts)
    }

    pub fn message_mut(&mut self, channel: &str, ts: Ts) -> Option<&mut Message> {
        self.channels.get_mut(channel)?.messages.get_mut(&ts)
    }

    /// An open modal or a Home tab.
    pub fn view(&self, id: &str) -> Option<&View> {
        self.modals.get(id).or_else(|| self.homes.values().find(|view| view.id == id))
    }

    /// The DM between the bot and `person`.
    pub fn direct_with(&self, person: &str) -> Option<&Channel> {
        self.channels.values().find(|c| matches!(&c.kind, Kind::Direct(p) if p == person))
    }

    /// The DM of exactly these people and the bot.
    pub fn group_of(&self, people: &BTreeSet<String>) -> Option<&Channel> {
        self.channels.values().find(|c| c.is_group() && c.members == *people)
    }

    /// The team of a person of another workspace.
    pub fn foreign_team(&self, user: &str) -> Option<String> {
        self.users.get(user).filter(|user| user.is_external()).map(|user| user.team.clone())
    }

    /// A channel by id, by `#name`, by name, or a person's DM by user id.
    pub fn find_channel(&self, name: &str) -> Option<&Channel> {
        if let Some(channel) = self.channels.get(name) {
            return Some(channel);
        }
        if self.users.contains_key(name) {
            return self.direct_with(name);
        }
        let name = name.strip_prefix('#').unwrap_or(name);
        self.channels.values().find(|channel| channel.is_channel() && channel.name == name)
    }
}

/// Keeps a map within `max` by forgetting its first entries.
pub(super) fn keep<K: Ord, V>(map: &mut BTreeMap<K, V>, max: usize) {
    while map.len() > max {
        map.pop_first();
    }
}

/// Maps with a composed key, stored as a list of pairs: JSON's keys are strings.
mod as_list {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter())
    }

    pub fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: DeserializeOwned + Ord,
        V: DeserializeOwned,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
