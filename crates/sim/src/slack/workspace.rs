//! The names of the small workspace every local Slack starts with.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::channel::Channel;

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
/// The bot's name.
pub const BOT_NAME: &str = "athenaeum";
/// The channel everybody is in.
pub const GENERAL: &str = "C0GENERAL";
/// Slack's legacy verification token, carried by every event and of no use.
pub(super) const VERIFICATION_TOKEN: &str = "local-verification-token";

const CREATED_S: i64 = 1_700_000_000;

/// A person or bot of the workspace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct User {
    pub id: String,
    pub name: String,
    pub real_name: String,
    pub tz: String,
    pub tz_label: String,
    pub tz_offset_s: i32,
    pub is_bot: bool,
}

impl User {
    /// The user object of `users.info`.
    pub fn render(&self, with_email: bool) -> Value {
        json!({
            "id": self.id, "team_id": TEAM, "name": self.name, "real_name": self.real_name,
            "deleted": false, "color": "9f69e7",
            "tz": self.tz, "tz_label": self.tz_label, "tz_offset": self.tz_offset_s,
            "profile": self.profile(with_email),
            "is_admin": false, "is_owner": false, "is_primary_owner": false,
            "is_restricted": false, "is_ultra_restricted": false,
            "is_bot": self.is_bot, "is_app_user": false, "updated": CREATED_S,
            "is_email_confirmed": true, "who_can_share_contact_card": "EVERYONE",
        })
    }

    /// The profile object of `users.profile.get`.
    pub fn profile(&self, with_email: bool) -> Value {
        let (first, last) = self.real_name.split_once(' ').unwrap_or((&self.real_name, ""));
        let mut profile = json!({
            "title": "", "phone": "", "skype": "",
            "real_name": self.real_name, "real_name_normalized": self.real_name,
            "display_name": self.name, "display_name_normalized": self.name,
            "first_name": first, "last_name": last, "fields": {}, "status_text": "",
            "status_emoji": "", "status_expiration": 0, "avatar_hash": "g0", "team": TEAM,
        });
        if self.is_bot {
            profile["bot_id"] = json!(BOT);
            profile["api_app_id"] = json!(APP);
            profile["always_active"] = json!(true);
        } else if with_email {
            profile["email"] = json!(format!("{}@{TEAM_DOMAIN}.example", self.name));
        }
        profile
    }
}

/// The people every local Slack starts with, and the bot.
pub(super) fn users() -> Vec<User> {
    let user = |id: &str, name: &str, real_name: &str, zone: (&str, &str, i32), is_bot| User {
        id: id.into(),
        name: name.into(),
        real_name: real_name.into(),
        tz: zone.0.into(),
        tz_label: zone.1.into(),
        tz_offset_s: zone.2,
        is_bot,
    };
    vec![
        user("U0ADA", "ada", "Ada Lovelace", ("Europe/London", "Greenwich Mean Time", 0), false),
        user(
            "U0GRACE",
            "grace",
            "Grace Hopper",
            ("America/New_York", "Eastern Standard Time", -18_000),
            false,
        ),
        user(
            "U0LINUS",
            "linus",
            "Linus Torvalds",
            ("Europe/Helsinki", "Eastern European Time", 7_200),
            false,
        ),
        user(BOT_USER, BOT_NAME, "Athenaeum", ("UTC", "Coordinated Universal Time", 0), true),
    ]
}

/// The channels every local Slack starts with: three public ones and a DM for each person.
pub(super) fn channels() -> Vec<Channel> {
    let everybody: Vec<String> = users().into_iter().map(|user| user.id).collect();
    let people: Vec<String> = everybody.iter().filter(|id| *id != BOT_USER).cloned().collect();
    let mut channels = vec![
        Channel::public(GENERAL, "general", CREATED_S, everybody.clone()),
        Channel::public("C0RANDOM", "random", CREATED_S, everybody),
        // The bot is no member here, so that `not_in_channel` can be met.
        Channel::public("C0LOUNGE", "lounge", CREATED_S, people.clone()),
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
