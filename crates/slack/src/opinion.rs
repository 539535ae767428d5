//! What people think of what the bot said, read back from a stored frame: reactions, and the buttons
//! under an answer.

use serde_json::Value;

use crate::api::Identity;
use crate::json::text;
use crate::mention::{MentionError, stored_payload};

/// The kind of a reaction's event, as Slack names it.
pub const KIND_REACTION: &str = "reaction_added";

/// The kind of a press on one of an answer's feedback buttons.
pub const KIND_FEEDBACK: &str = "feedback";

/// Slack's type of the element that holds them:
/// <https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element>.
const FEEDBACK_BUTTONS: &str = "feedback_buttons";

/// Somebody put an emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Who.
    pub user: String,
    /// The emoji's name, without colons and skin tone: `wastebasket`.
    pub name: String,
    /// Where the message is.
    pub channel: String,
    /// The message.
    pub ts: String,
}

/// Somebody pressed a feedback button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// Who.
    pub user: String,
    /// Where the message is.
    pub channel: String,
    /// The message.
    pub ts: String,
    /// Whether it was the positive one.
    pub good: bool,
    /// By which a modal may be opened, within three seconds.
    pub trigger_id: Option<String>,
}

impl Reaction {
    /// Reads a stored event of [`KIND_REACTION`].
    ///
    /// # Errors
    /// When it is none under a message.
    pub fn read(raw: &[u8]) -> Result<Self, MentionError> {
        let payload = stored_payload(raw)?;
        let part =
            |at, expected| text(&payload, at).map(str::to_owned).ok_or(MentionError { expected });
        let name = part("/event/reaction", "an emoji's name")?;
        Ok(Reaction {
            user: part("/event/user", "a user")?,
            name: plain_emoji(&name).to_owned(),
            channel: part("/event/item/channel", "a channel")?,
            ts: part("/event/item/ts", "the ts of a message")?,
        })
    }
}

impl Pressed {
    /// Reads a stored event of [`KIND_FEEDBACK`].
    ///
    /// # Errors
    /// When it is none under a message.
    pub fn read(raw: &[u8]) -> Result<Self, MentionError> {
        let payload = stored_payload(raw)?;
        let part = |places: &[&str], expected| {
            let found = places.iter().find_map(|at| text(&payload, at));
            found.map(str::to_owned).ok_or(MentionError { expected })
        };
        let action = feedback_action(&payload);
        let action = action.ok_or(MentionError { expected: "a feedback button" })?;
        Ok(Pressed {
            user: part(&["/user/id"], "a user")?,
            channel: part(&["/container/channel_id", "/channel/id"], "a channel")?,
            ts: part(&["/container/message_ts", "/message/ts"], "the ts of a message")?,
            good: !is_negative(&payload, action),
            trigger_id: text(&payload, "/trigger_id").map(str::to_owned),
        })
    }
}

/// An emoji's name without its skin tone, `wave::skin-tone-3` say.
#[must_use]
pub fn plain_emoji(name: &str) -> &str {
    let name = name.trim().trim_matches(':');
    name.split_once("::").map_or(name, |(plain, _)| plain)
}

/// Whether an interaction is a press on a feedback button.
pub(crate) fn is_feedback(payload: &Value) -> bool {
    text(payload, "/type") == Some("block_actions") && feedback_action(payload).is_some()
}

/// Whether it is a reaction by somebody else under a message of ours.
pub(crate) fn is_on_ours(payload: &Value, bot: &Identity) -> bool {
    text(payload, "/event/type") == Some(KIND_REACTION)
        && text(payload, "/event/item/type") == Some("message")
        && text(payload, "/event/item_user") == Some(&bot.user_id)
        && text(payload, "/event/user") != Some(&bot.user_id)
}

/// The identity of a reaction that is added, the same for its copies in all workspaces that share the
/// channel.
pub(crate) fn reaction_key(payload: &Value) -> Option<String> {
    let kind = text(payload, "/event/type").filter(|kind| *kind == KIND_REACTION)?;
    let part = |at| text(payload, at);
    let (channel, ts) = (part("/event/item/channel")?, part("/event/item/ts")?);
    let (user, name) = (part("/event/user")?, part("/event/reaction")?);
    Some(format!("{kind}:{channel}:{ts}:{user}:{name}:{}", part("/event/event_ts")?))
}

fn feedback_action(payload: &Value) -> Option<&Value> {
    let actions = payload.get("actions")?.as_array()?;
    actions.iter().find(|action| text(action, "/type") == Some(FEEDBACK_BUTTONS))
}

/// The element stands in the message whole; which of its buttons was pressed tells the value alone.
fn is_negative(payload: &Value, action: &Value) -> bool {
    let (id, value) = (text(action, "/action_id"), text(action, "/value").unwrap_or_default());
    let blocks = payload.pointer("/message/blocks").and_then(Value::as_array);
    let elements = blocks.into_iter().flatten().filter_map(|block| block["elements"].as_array());
    let element = elements.flatten().find(|element| text(element, "/action_id") == id);
    match element.and_then(|element| text(element, "/negative_button/value")) {
        Some(negative) => value == negative,
        None => ["negative", "bad"].iter().any(|word| value.contains(word)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bot() -> Identity {
        Identity { user_id: "UBOT".to_owned(), ..Identity::default() }
    }

    fn reaction(changes: &Value) -> Value {
        let mut event = json!({"type": "reaction_added", "user": "U1", "reaction": "-1",
            "item_user": "UBOT", "item": {"type": "message", "channel": "C1", "ts": "2.000001"},
            "event_ts": "3.000001"});
        for (key, value) in changes.as_object().unwrap() {
            event[key] = value.clone();
        }
        json!({"team_id": "T1", "type": "event_callback", "event": event})
    }

    fn press(value: &str) -> Value {
        let buttons = json!({"type": "feedback_buttons", "action_id": "rate",
            "positive_button": {"value": "up"}, "negative_button": {"value": "down"}});
        json!({"type": "block_actions", "user": {"id": "U1"},
            "container": {"message_ts": "2.000001", "channel_id": "C1"},
            "message": {"blocks": [{"type": "context_actions", "elements": [buttons]}]},
            "actions": [{"type": "feedback_buttons", "action_id": "rate", "value": value}]})
    }

    fn raw(kind: &str, payload: &Value) -> Vec<u8> {
        json!({"envelope_id": "e", "type": kind, "payload": payload}).to_string().into_bytes()
    }

    #[test]
    fn a_reaction_is_read_without_its_skin_tone() {
        let payload = reaction(&json!({"reaction": "-1::skin-tone-3"}));
        let read = Reaction::read(&raw("events_api", &payload)).unwrap();
        let expected = Reaction {
            user: "U1".to_owned(),
            name: "-1".to_owned(),
            channel: "C1".to_owned(),
            ts: "2.000001".to_owned(),
        };
        assert_eq!(read, expected);
        let on_a_file = reaction(&json!({"item": {"type": "file", "file": "F1"}}));
        assert!(Reaction::read(&raw("events_api", &on_a_file)).is_err());
    }

    #[test]
    fn only_other_peoples_reactions_under_our_messages_are_opinions() {
        for (changes, expected) in [
            (json!({}), true),
            (json!({"item_user": "U2"}), false),
            (json!({"user": "UBOT"}), false),
            (json!({"type": "reaction_removed"}), false),
            (json!({"item": {"type": "file"}}), false),
        ] {
            assert_eq!(is_on_ours(&reaction(&changes), &bot()), expected, "{changes}");
        }
    }

    #[test]
    fn a_press_knows_which_button_it_was() {
        for (value, good) in [("up", true), ("down", false)] {
            assert!(is_feedback(&press(value)));
            let read = Pressed::read(&raw("interactive", &press(value))).unwrap();
            assert_eq!(
                (read.good, read.ts.as_str(), read.channel.as_str()),
                (good, "2.000001", "C1")
            );
        }
        let mut bare = press("negative");
        bare["message"] = json!(null);
        assert!(!Pressed::read(&raw("interactive", &bare)).unwrap().good);
        let other = json!({"type": "block_actions", "actions": [{"type": "button"}]});
        assert!(!is_feedback(&other) && Pressed::read(&raw("interactive", &other)).is_err());
    }
}
