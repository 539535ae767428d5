//! A channel: its members, its messages in order, its threads.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    message::Message,
    ts::Ts,
    workspace::{BOT_USER, TEAM},
};

/// A channel, a DM between a person and the bot, or a DM of several people and the bot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    pub id: String,
    pub name: String,
    pub kind: Kind,
    pub created_s: i64,
    pub members: BTreeSet<String>,
    /// The other workspaces it is shared with (Slack Connect).
    #[serde(default)]
    pub shared_with: BTreeSet<String>,
    #[serde(default)]
    pub archived: bool,
    #[serde(with = "stored_messages")]
    pub messages: BTreeMap<Ts, Message>,
}

/// What sort of conversation it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Public,
    Private,
    /// With the one person other than the bot.
    Direct(String),
    /// With several people: Slack's `mpim`.
    Group,
}

impl Channel {
    pub fn new(id: &str, name: &str, kind: Kind, created_s: i64, members: &[String]) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind,
            created_s,
            members: members.iter().cloned().collect(),
            shared_with: BTreeSet::new(),
            archived: false,
            messages: BTreeMap::new(),
        }
    }

    pub fn direct(id: &str, person: &str, created_s: i64) -> Self {
        let members = [person.to_owned(), BOT_USER.to_owned()];
        Self::new(id, "", Kind::Direct(person.into()), created_s, &members)
    }

    pub fn is_direct(&self) -> bool {
        matches!(self.kind, Kind::Direct(_))
    }

    pub fn is_group(&self) -> bool {
        self.kind == Kind::Group
    }

    /// Whether people join, leave and find it by its name.
    pub fn is_channel(&self) -> bool {
        matches!(self.kind, Kind::Public | Kind::Private)
    }

    /// `channel_type` of message events, and the suffix of the subscription's name.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Public => "channel",
            Kind::Private => "group",
            Kind::Direct(_) => "im",
            Kind::Group => "mpim",
        }
    }

    /// Adds a message and enters it in its thread; forgets the oldest beyond `messages_max`.
    pub fn add(&mut self, mut message: Message, messages_max: usize) {
        if let Some(root_ts) = message.thread_ts.filter(|root| *root != message.ts)
            && let Some(root) = self.messages.get_mut(&root_ts)
        {
            message.parent_user = Some(root.user.clone());
            root.thread_ts = Some(root_ts);
            root.replies.push(message.ts);
            if !root.reply_users.contains(&message.user) {
                root.reply_users.push(message.user.clone());
            }
        }
        self.messages.insert(message.ts, message);
        while self.messages.len() > messages_max {
            self.messages.pop_first();
        }
    }

    /// Takes a message away. A root with replies leaves a tombstone; its former self is returned.
    pub fn remove(&mut self, ts: Ts) -> Option<Message> {
        let message = self.messages.get_mut(&ts)?;
        if !message.replies.is_empty() {
            let before = message.clone();
            let mut grave = Message::new(ts, "USLACKBOT", "This message was deleted.".into());
            grave.tombstone = true;
            grave.thread_ts = Some(ts);
            grave.replies.clone_from(&before.replies);
            grave.reply_users.clone_from(&before.reply_users);
            *message = grave;
            return Some(before);
        }
        let message = self.messages.remove(&ts)?;
        self.leave_thread(&message);
        Some(message)
    }

    fn leave_thread(&mut self, gone: &Message) {
        let Some(root_ts) = gone.thread_ts.filter(|root| *root != gone.ts) else { return };
        let Some(root) = self.messages.get(&root_ts) else { return };
        let replies: Vec<Ts> = root.replies.iter().copied().filter(|ts| *ts != gone.ts).collect();
        let mut users: Vec<String> = Vec::new();
        for reply in replies.iter().filter_map(|ts| self.messages.get(ts)) {
            if !users.contains(&reply.user) {
                users.push(reply.user.clone());
            }
        }
        if let Some(root) = self.messages.get_mut(&root_ts) {
            root.thread_ts = (!replies.is_empty()).then_some(root_ts);
            root.replies = replies;
            root.reply_users = users;
        }
    }

    /// The root of the thread that `ts` belongs to, whether it names the root or a reply.
    pub fn root_of(&self, ts: Ts) -> Option<Ts> {
        let message = self.messages.get(&ts)?;
        Some(message.thread_ts.unwrap_or(ts))
    }

    /// A channel as the page and tests see it.
    pub fn summary(&self) -> Value {
        let mut summary = json!({
            "id": self.id, "name": self.name, "type": self.type_name(),
            "is_im": self.is_direct(), "is_mpim": self.is_group(),
            "is_archived": self.archived, "members": self.members,
            "shared_with": self.shared_with, "messages": self.messages.len(),
        });
        if let Kind::Direct(person) = &self.kind {
            summary["user"] = json!(person);
        }
        summary
    }

    /// The conversation object of `conversations.info`.
    pub fn render(&self) -> Value {
        let is_member = self.members.contains(BOT_USER);
        if let Kind::Direct(person) = &self.kind {
            return json!({
                "id": self.id, "created": self.created_s, "is_im": true, "is_org_shared": false,
                "is_archived": false, "user": person, "is_user_deleted": false, "priority": 0,
                "context_team_id": TEAM, "updated": self.created_s * 1000,
            });
        }
        let (private, group) = (self.kind == Kind::Private, self.is_group());
        let teams: Vec<&str> =
            std::iter::once(TEAM).chain(self.shared_with.iter().map(String::as_str)).collect();
        let shared = !self.shared_with.is_empty();
        json!({
            "id": self.id, "name": self.name, "name_normalized": self.name,
            "is_channel": !private && !group, "is_group": private || group, "is_im": false,
            "is_mpim": group, "is_private": private || group, "is_archived": self.archived,
            "is_general": self.name == "general",
            "is_member": is_member, "is_shared": shared, "is_ext_shared": shared,
            "is_org_shared": false, "is_pending_ext_shared": false, "pending_shared": [],
            "created": self.created_s, "updated": self.created_s * 1000, "creator": "U0ADA",
            "context_team_id": TEAM, "shared_team_ids": teams, "unlinked": 0,
            "previous_names": [], "num_members": self.members.len(),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        })
    }
}

/// The messages as a list: their timestamps are inside.
mod stored_messages {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Message, Ts};

    pub fn serialize<S: Serializer>(
        messages: &BTreeMap<Ts, Message>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(messages.values())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Ts, Message>, D::Error> {
        let messages = Vec::<Message>::deserialize(deserializer)?;
        Ok(messages.into_iter().map(|message| (message.ts, message)).collect())
    }
}
