//! A message and the object Slack makes of it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    rich_text,
    stream::Stream,
    ts::Ts,
    workspace::{APP, BOT, BOT_USER, TEAM, bot_profile},
};

/// A message of a channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub ts: Ts,
    pub user: String,
    pub text: String,
    /// The text was sent as `markdown_text`.
    #[serde(default)]
    pub markdown: bool,
    /// Blocks given by the sender; without them they are made from the text.
    #[serde(default)]
    pub blocks: Option<Value>,
    #[serde(default)]
    pub attachments: Option<Value>,
    #[serde(default)]
    pub metadata: Option<Value>,
    /// The thread's root, on the root itself as soon as it has replies.
    #[serde(default)]
    pub thread_ts: Option<Ts>,
    #[serde(default)]
    pub parent_user: Option<String>,
    /// Also shown in the channel (`reply_broadcast`).
    #[serde(default)]
    pub broadcast: bool,
    #[serde(default)]
    pub edited: Option<Edited>,
    #[serde(default)]
    pub reactions: Vec<Reaction>,
    #[serde(default)]
    pub files: Vec<Value>,
    #[serde(default)]
    pub client_msg_id: Option<String>,
    /// The home workspace of an author from elsewhere.
    #[serde(default)]
    pub team: Option<String>,
    /// Slack's own note that somebody came or went.
    #[serde(default)]
    pub note: Option<Note>,
    /// A name and picture other than the bot's own (`chat:write.customize`).
    #[serde(default)]
    pub persona: Option<Persona>,
    #[serde(default)]
    pub stream: Option<Stream>,
    /// The root of a thread was deleted; its place stays.
    #[serde(default)]
    pub tombstone: bool,
    /// The replies of a root, in order.
    #[serde(default)]
    pub replies: Vec<Ts>,
    #[serde(default)]
    pub reply_users: Vec<String>,
}

/// A note of Slack's own in a channel, in the name of the person whom it is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Note {
    /// `channel_join`, `channel_leave`, `group_join` or `group_leave`.
    pub subtype: String,
    pub inviter: Option<String>,
}

/// Who edited a message, and when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Edited {
    pub user: String,
    pub ts: Ts,
}

/// One emoji on a message and who set it, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Reaction {
    pub name: String,
    pub users: Vec<String>,
}

/// The name and icon a bot's message wears.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Persona {
    pub username: String,
    pub icon_emoji: Option<String>,
    pub icon_url: Option<String>,
}

impl Message {
    pub fn new(ts: Ts, user: &str, text: String) -> Self {
        Self {
            ts,
            user: user.to_owned(),
            text,
            markdown: false,
            blocks: None,
            attachments: None,
            metadata: None,
            thread_ts: None,
            parent_user: None,
            broadcast: false,
            edited: None,
            reactions: Vec::new(),
            files: Vec::new(),
            client_msg_id: None,
            team: None,
            note: None,
            persona: None,
            stream: None,
            tombstone: false,
            replies: Vec::new(),
            reply_users: Vec::new(),
        }
    }

    pub fn is_reply(&self) -> bool {
        self.thread_ts.is_some_and(|root| root != self.ts)
    }

    pub fn is_by_bot(&self) -> bool {
        self.user == BOT_USER && !self.tombstone && self.note.is_none()
    }

    pub fn subtype(&self) -> Option<&str> {
        if let Some(note) = &self.note {
            Some(&note.subtype)
        } else if self.tombstone {
            Some("tombstone")
        } else if self.broadcast {
            Some("thread_broadcast")
        } else if self.persona.is_some() {
            Some("bot_message")
        } else if !self.files.is_empty() && !self.is_by_bot() {
            Some("file_share")
        } else {
            None
        }
    }

    /// False when this user has set this emoji already.
    pub fn add_reaction(&mut self, user: &str, name: &str) -> bool {
        match self.reactions.iter_mut().find(|reaction| reaction.name == name) {
            Some(reaction) if reaction.users.iter().any(|u| u == user) => return false,
            Some(reaction) => reaction.users.push(user.to_owned()),
            None => self
                .reactions
                .push(Reaction { name: name.to_owned(), users: vec![user.to_owned()] }),
        }
        true
    }

    /// False when this user has not set this emoji.
    pub fn remove_reaction(&mut self, user: &str, name: &str) -> bool {
        let Some(reaction) = self.reactions.iter_mut().find(|reaction| reaction.name == name)
        else {
            return false;
        };
        let before = reaction.users.len();
        reaction.users.retain(|u| u != user);
        let changed = reaction.users.len() < before;
        self.reactions.retain(|reaction| !reaction.users.is_empty());
        changed
    }

    /// The message object; `metadata` only goes to those who asked for it.
    pub fn render(&self, with_metadata: bool) -> Value {
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        put("type", json!("message"));
        if let Some(subtype) = self.subtype() {
            put("subtype", json!(subtype));
        }
        put("user", json!(self.user));
        put("text", json!(self.text));
        put("ts", json!(self.ts));
        put("team", json!(self.team.as_deref().unwrap_or(TEAM)));
        put("blocks", self.all_blocks());
        for (key, value) in [
            ("user_team", self.team.as_ref().map(|team| json!(team))),
            ("source_team", self.team.as_ref().map(|team| json!(team))),
            (
                "inviter",
                self.note.as_ref().and_then(|note| note.inviter.as_ref()).map(|by| json!(by)),
            ),
            ("client_msg_id", self.client_msg_id.as_ref().map(|id| json!(id))),
            ("attachments", self.attachments.clone()),
            ("metadata", self.metadata.clone().filter(|_| with_metadata)),
            ("thread_ts", self.thread_ts.map(|ts| json!(ts))),
            ("parent_user_id", self.parent_user.as_ref().map(|user| json!(user))),
            ("edited", self.edited.as_ref().map(|edited| json!(edited))),
            ("streaming_state", self.stream.as_ref().map(|stream| json!(stream.state.name()))),
        ] {
            if let Some(value) = value {
                put(key, value);
            }
        }
        self.render_bot(&mut object);
        self.render_thread(&mut object);
        self.render_extras(&mut object);
        Value::Object(object)
    }

    fn all_blocks(&self) -> Value {
        let written = match (&self.blocks, self.text.is_empty()) {
            (Some(blocks), _) => blocks.clone(),
            (None, true) => json!([]),
            (None, false) if self.markdown => rich_text::markdown_block(self.ts, &self.text),
            (None, false) => rich_text::blocks(self.ts, &self.text),
        };
        match &self.stream {
            Some(stream) => stream.with_blocks(written),
            None => written,
        }
    }

    fn render_bot(&self, object: &mut Map<String, Value>) {
        if !self.is_by_bot() {
            return;
        }
        object.insert("bot_id".into(), json!(BOT));
        object.insert("app_id".into(), json!(APP));
        object.insert("bot_profile".into(), bot_profile());
        if let Some(persona) = &self.persona {
            object.insert("username".into(), json!(persona.username));
            object.insert(
                "icons".into(),
                json!({"emoji": persona.icon_emoji, "image_64": persona.icon_url}),
            );
        }
    }

    fn render_thread(&self, object: &mut Map<String, Value>) {
        let Some(latest) = self.replies.last() else { return };
        object.insert("reply_count".into(), json!(self.replies.len()));
        object.insert("reply_users_count".into(), json!(self.reply_users.len()));
        object.insert("reply_users".into(), json!(&self.reply_users));
        object.insert("latest_reply".into(), json!(latest));
        object.insert("is_locked".into(), json!(false));
        object.insert("subscribed".into(), json!(self.reply_users.iter().any(|u| u == BOT_USER)));
    }

    fn render_extras(&self, object: &mut Map<String, Value>) {
        if !self.reactions.is_empty() {
            let reactions = self
                .reactions
                .iter()
                .map(|r| json!({"name": r.name, "users": r.users, "count": r.users.len()}));
            object.insert("reactions".into(), reactions.collect());
        }
        if !self.files.is_empty() {
            object.insert("files".into(), json!(self.files));
            object.insert("upload".into(), json!(false));
        }
    }
}
