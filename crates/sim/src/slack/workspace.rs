//! The names of the small workspace every local Slack starts with.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::channel::{Channel, Kind};

/// The workspace's id.
pub const TEAM: &str = "T0LOCAL";
/// The workspace's name, as in its address.
pub const TEAM_DOMAIN: &str = "local";
/// The app's id.
pub const APP: &str = "A0ATHENA";
/// The bot's id (`bot_id` of its messages).
pub const BOT: &str = "B0ATHENA";
/// The bot's user id, the one that people mention.
pub const BOT_USER: &str = "U0ATHENA";
/// The bot's user id in another workspace that has the app too (`second_install`).
pub const SECOND_BOT_USER: &str = "U0ATHENB";
/// The bot's name.
pub const BOT_NAME: &str = "athenaeum";
/// The channel everybody is in.
pub const GENERAL: &str = "C0GENERAL";
/// Slack's legacy verification token, carried by every event and of no use.
pub(super) const VERIFICATION_TOKEN: &str = "local-verification-token";

const CREATED_S: i64 = 1_700_000_000;

/// A person or bot of the workspace, or a person of another one in a shared channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct User {
    pub id: String,
    pub name: String,
    pub real_name: String,
    pub tz: String,
    pub tz_label: String,
    pub tz_offset_s: i32,
    pub is_bot: bool,
    /// Their home workspace.
    #[serde(default = "home")]
    pub team: String,
    #[serde(default)]
    pub guest: Guest,
    /// Deactivated.
    #[serde(default)]
    pub deleted: bool,
}

/// Whether a person is a full member; guests cannot use apps with the Agents feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guest {
    /// A full member.
    #[default]
    No,
    /// In some channels (`is_restricted`).
    MultiChannel,
    /// In one channel (`is_restricted` and `is_ultra_restricted`).
    SingleChannel,
}

fn home() -> String {
    TEAM.to_owned()
}

impl User {
    /// A person of this workspace, in UTC.
    pub fn new(id: &str, name: &str, real_name: &str) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            real_name: real_name.into(),
            tz: "UTC".into(),
            tz_label: "Coordinated Universal Time".into(),
            tz_offset_s: 0,
            is_bot: false,
            team: home(),
            guest: Guest::No,
            deleted: false,
        }
    }

    /// Whether they belong to another workspace (Slack Connect).
    pub fn is_external(&self) -> bool {
        self.team != TEAM
    }

    /// The user object of `users.info`.
    pub fn render(&self, with_email: bool) -> Value {
        let mut object = json!({
            "id": self.id, "team_id": self.team, "name": self.name, "real_name": self.real_name,
            "deleted": self.deleted, "color": "9f69e7",
            "tz": self.tz, "tz_label": self.tz_label, "tz_offset": self.tz_offset_s,
            "profile": self.profile(with_email),
            "is_admin": false, "is_owner": false, "is_primary_owner": false,
            "is_restricted": self.guest != Guest::No,
            "is_ultra_restricted": self.guest == Guest::SingleChannel,
            "is_bot": self.is_bot, "is_app_user": false, "updated": CREATED_S,
            "is_email_confirmed": true, "who_can_share_contact_card": "EVERYONE",
        });
        // Only set on people of other workspaces.
        if self.is_external() {
            object["is_stranger"] = json!(false);
        }
        object
    }

    /// The profile object of `users.profile.get`.
    pub fn profile(&self, with_email: bool) -> Value {
        let (first, last) = self.real_name.split_once(' ').unwrap_or((&self.real_name, ""));
        let mut profile = json!({
            "title": "", "phone": "", "skype": "",
            "real_name": self.real_name, "real_name_normalized": self.real_name,
            "display_name": self.name, "display_name_normalized": self.name,
            "first_name": first, "last_name": last, "fields": {}, "status_text": "",
            "status_emoji": "", "status_expiration": 0, "avatar_hash": "g0", "team": self.team,
        });
        if self.is_bot {
            profile["bot_id"] = json!(BOT);
            profile["api_app_id"] = json!(APP);
            profile["always_active"] = json!(true);
        } else if with_email && !self.is_external() {
            profile["email"] = json!(format!("{}@{TEAM_DOMAIN}.example", self.name));
        }
        profile
    }
}

/// A group of people who are mentioned together, as `<!subteam^ID|@handle>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Usergroup {
    pub id: String,
    pub handle: String,
    pub name: String,
    pub users: BTreeSet<String>,
}

impl Usergroup {
    /// The usergroup object of `usergroups.list`.
    pub fn render(&self, with_users: bool) -> Value {
        let mut object = json!({
            "id": self.id, "team_id": TEAM, "is_usergroup": true, "is_subteam": true,
            "name": self.name, "description": "", "handle": self.handle, "is_external": false,
            "date_create": CREATED_S, "date_update": CREATED_S, "date_delete": 0,
            "auto_type": null, "auto_provision": false, "enterprise_subteam_id": "",
            "created_by": "U0ADA", "updated_by": "U0ADA", "deleted_by": null,
            "prefs": {"channels": [], "groups": []}, "user_count": self.users.len(),
        });
        if with_users {
            object["users"] = json!(self.users);
        }
        object
    }
}

/// The one usergroup every local Slack starts with.
pub(super) fn usergroups() -> BTreeMap<String, Usergroup> {
    let operators = Usergroup {
        id: "S0OPERATORS".into(),
        handle: "operators".into(),
        name: "Operators".into(),
        users: ["U0GRACE", "U0LINUS"].map(str::to_owned).into(),
    };
    BTreeMap::from([(operators.id.clone(), operators)])
}

/// The people every local Slack starts with, and the bot.
pub(super) fn users() -> Vec<User> {
    let zoned = |id, name, real_name, tz: &str, tz_label: &str, tz_offset_s| User {
        tz: tz.into(),
        tz_label: tz_label.into(),
        tz_offset_s,
        ..User::new(id, name, real_name)
    };
    vec![
        zoned("U0ADA", "ada", "Ada Lovelace", "Europe/London", "Greenwich Mean Time", 0),
        zoned(
            "U0GRACE",
            "grace",
            "Grace Hopper",
            "America/New_York",
            "Eastern Standard Time",
            -18_000,
        ),
        zoned(
            "U0LINUS",
            "linus",
            "Linus Torvalds",
            "Europe/Helsinki",
            "Eastern European Time",
            7_200,
        ),
        User { is_bot: true, ..User::new(BOT_USER, BOT_NAME, "Athenaeum") },
    ]
}

/// The channels every local Slack starts with: three public ones and a DM for each person.
pub(super) fn channels() -> Vec<Channel> {
    let everybody: Vec<String> = users().into_iter().map(|user| user.id).collect();
    let people: Vec<String> = everybody.iter().filter(|id| *id != BOT_USER).cloned().collect();
    let public =
        |id, name, members: &[String]| Channel::new(id, name, Kind::Public, CREATED_S, members);
    let mut channels = vec![
        public(GENERAL, "general", &everybody),
        public("C0RANDOM", "random", &everybody),
        // The bot is no member here, so that `not_in_channel` can be met.
        public("C0LOUNGE", "lounge", &people),
    ];
    channels.extend(people.iter().map(|person| {
        let id = person.replacen('U', "D", 1);
        Channel::direct(&id, person, CREATED_S)
    }));
    channels
}

/// The bot profile that goes with each of the bot's messages.
pub(super) fn bot_profile() -> Value {
    json!({
        "id": BOT, "deleted": false, "name": BOT_NAME, "updated": CREATED_S, "app_id": APP,
        "user_id": BOT_USER, "team_id": TEAM,
        "icons": {"image_36": "", "image_48": "", "image_72": ""},
    })
}
