//! What somebody does about a message or a thread, read back from a stored frame: edits, deletions,
//! and asking the bot to stop.

use serde_json::Value;

use crate::api::Identity;
use crate::json::{self, text};
use crate::mention::{MentionError, is_dm, lane_name, logical_key, question, stored_payload};

/// The kind of an edited message's event.
pub const KIND_EDITED: &str = "message_changed";

/// The kind of a deleted message's event.
pub const KIND_DELETED: &str = "message_deleted";

/// The kind of the event that Slack's own Stop brings.
pub const KIND_SESSION_STOPPED: &str = "agent_session_stopped";

/// The kind of a message that says nothing but "stop".
pub const KIND_STOP: &str = "stop";

/// What a whole message says that means Stop, in lower case.
const STOP_WORDS: [&str; 2] = ["stop", "cancel"];

/// A message is not any more what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The message's identity, see [`crate::Mention::logical_key`].
    pub logical_key: String,
    /// Who wrote it.
    pub user: Option<String>,
    /// What it says now, as Slack wrote it; `None` when it is deleted, or does not speak to the bot any
    /// more.
    pub text: Option<String>,
}

/// Somebody wants the bot to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopRequest {
    /// Who.
    pub user: String,
    /// Where.
    pub channel: String,
    /// The message that says so; the native Stop has none.
    pub ts: Option<String>,
    /// The thread's lane; `None` for a direct message outside threads, which means whatever runs there.
    pub lane: Option<String>,
    /// What the lanes of the channel begin with.
    pub lanes_of_channel: String,
}

impl Change {
    /// Reads a stored event of [`KIND_EDITED`] or [`KIND_DELETED`].
    ///
    /// # Errors
    /// When it is none.
    pub fn read(raw: &[u8], bot: &Identity) -> Result<Self, MentionError> {
        let payload = stored_payload(raw)?;
        let missing = |expected| MentionError { expected };
        let channel = text(&payload, "/event/channel").ok_or(missing("a channel"))?;
        let ts = changed_ts(&payload).ok_or(missing("the ts of another message"))?;
        let said = text(&payload, "/event/message/text").filter(|said| {
            !is_deletion(&payload) && (is_dm(&payload) || mentions(said, &bot.user_id))
        });
        let user = ["/event/message/user", "/event/previous_message/user"];
        Ok(Change {
            logical_key: logical_key(channel, ts),
            user: user.iter().find_map(|at| text(&payload, at)).map(str::to_owned),
            text: said.map(str::to_owned),
        })
    }
}

impl StopRequest {
    /// Reads a stored event of [`KIND_STOP`] or [`KIND_SESSION_STOPPED`].
    ///
    /// # Errors
    /// When it is none.
    pub fn read(raw: &[u8]) -> Result<Self, MentionError> {
        let payload = stored_payload(raw)?;
        let missing = |expected| MentionError { expected };
        let channel = text(&payload, "/event/channel").ok_or(missing("a channel"))?;
        let user = text(&payload, "/event/user").ok_or(missing("a user"))?;
        let ts = text(&payload, "/event/ts");
        // In a channel, whoever says it outside threads means no other people's.
        let own_thread = ts.filter(|_| !is_dm(&payload));
        let thread_ts = text(&payload, "/event/thread_ts").or(own_thread);
        Ok(StopRequest {
            user: user.to_owned(),
            channel: channel.to_owned(),
            ts: ts.map(str::to_owned),
            lane: thread_ts.map(|root| lane_name(channel, root)),
            lanes_of_channel: lane_name(channel, ""),
        })
    }
}

/// By what the latest change of a message is found, known before the message itself if need be.
#[must_use]
pub fn change_key(logical_key: &str) -> String {
    format!("changed:{logical_key}")
}

/// A stored frame of a message as it would be, had it said this.
///
/// # Errors
/// When it is no frame of an event.
pub fn with_text(raw: &[u8], said: &str) -> Result<Vec<u8>, MentionError> {
    let missing = MentionError { expected: "an event" };
    let mut whole = json::parse(raw).map_err(|_| missing)?;
    let event = match whole.pointer_mut("/payload/event") {
        Some(event) => Some(event),
        None => whole.pointer_mut("/event"),
    };
    let event = event.and_then(Value::as_object_mut).ok_or(missing)?;
    event.insert("text".to_owned(), said.into());
    // They say the same in another form, and would contradict it.
    event.remove("blocks");
    Ok(whole.to_string().into_bytes())
}

/// The message that an edit or a deletion is about; `None` for any other event.
pub(crate) fn changed_ts(payload: &Value) -> Option<&str> {
    match text(payload, "/event/subtype") {
        Some(KIND_EDITED) => text(payload, "/event/message/ts"),
        Some(KIND_DELETED) => text(payload, "/event/deleted_ts")
            .or_else(|| text(payload, "/event/previous_message/ts")),
        _ => None,
    }
}

/// Whether an edit or a deletion concerns what was said to the bot: by a person, in other words than
/// before, and to the bot before or now. Slack also tells of a change when it unfolds a link.
pub(crate) fn concerns(payload: &Value, bot: &Identity) -> bool {
    let (now, before) = ("/event/message", "/event/previous_message");
    let said = |at: &str| text(payload, &format!("{at}/text")).unwrap_or_default();
    let by_bot = [now, before].iter().any(|at| {
        text(payload, &format!("{at}/bot_id")).is_some()
            || text(payload, &format!("{at}/user")).is_some_and(|user| user == bot.user_id)
    });
    let to_bot = is_dm(payload) || [now, before].iter().any(|at| mentions(said(at), &bot.user_id));
    !by_bot && to_bot && (is_deletion(payload) || said(now) != said(before))
}

/// Whether a message to the bot says nothing but "stop".
pub(crate) fn says_stop(payload: &Value, bot: &Identity) -> bool {
    let said = text(payload, "/event/text").unwrap_or_default();
    let said_to_bot = is_dm(payload) || mentions(said, &bot.user_id);
    let word = question(said, &bot.user_id).to_lowercase();
    said_to_bot && STOP_WORDS.contains(&word.trim_end_matches(['.', '!']).trim())
}

/// A deleted message with replies stays behind as a tombstone.
fn is_deletion(payload: &Value) -> bool {
    text(payload, "/event/subtype") == Some(KIND_DELETED)
        || text(payload, "/event/message/subtype") == Some("tombstone")
}

pub(crate) fn mentions(said: &str, bot: &str) -> bool {
    said.contains(&format!("<@{bot}>")) || said.contains(&format!("<@{bot}|"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bot() -> Identity {
        Identity { user_id: "UBOT".to_owned(), ..Identity::default() }
    }

    fn wrapped(event: &Value) -> Value {
        json!({"team_id": "TOTHER", "event": event,
            "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}]})
    }

    fn frame_of(event: &Value) -> Vec<u8> {
        json!({"envelope_id": "e", "type": "events_api", "payload": wrapped(event)})
            .to_string()
            .into_bytes()
    }

    fn edit(before: &str, now: &str) -> Value {
        let message = |said: &str| json!({"ts": "2.000001", "user": "U1", "text": said});
        json!({"type": "message", "subtype": "message_changed", "channel": "C1",
            "message": message(now), "previous_message": message(before)})
    }

    fn deletion(said: &str) -> Value {
        json!({"type": "message", "subtype": "message_deleted", "channel": "C1",
            "deleted_ts": "2.000001",
            "previous_message": {"ts": "2.000001", "user": "U1", "text": said}})
    }

    #[test]
    fn an_edit_concerns_the_bot_when_it_was_spoken_to_before_or_is_now() {
        for (event, expected) in [
            (edit("<@UBOT> a", "<@UBOT> b"), true),
            (edit("<@UBOT> a", "b"), true),
            (edit("a", "hey <@UBOT|bot> b"), true),
            (edit("a", "b"), false),
            (edit("<@UBOT> a", "<@UBOT> a"), false),
            (deletion("<@UBOT> a"), true),
            (deletion("a"), false),
        ] {
            assert_eq!(concerns(&wrapped(&event), &bot()), expected, "{event}");
        }
        let mut dm = edit("a", "b");
        dm["channel_type"] = json!("im");
        assert!(concerns(&wrapped(&dm), &bot()));
        dm["message"]["bot_id"] = json!("BELSE");
        assert!(!concerns(&wrapped(&dm), &bot()), "bots edit their own messages all the time");
    }

    #[test]
    fn a_change_says_what_the_message_is_now() {
        let read = |event: &Value| Change::read(&frame_of(event), &bot()).unwrap();
        let edited = read(&edit("<@UBOT> a", "<@UBOT> b"));
        assert_eq!(edited.logical_key, "message:C1:2.000001");
        assert_eq!(
            (edited.user.as_deref(), edited.text.as_deref()),
            (Some("U1"), Some("<@UBOT> b"))
        );
        assert_eq!(read(&edit("<@UBOT> a", "b")).text, None, "nobody is asked any more");
        assert_eq!(read(&deletion("<@UBOT> a")).text, None);
        let mut tombstone = edit("<@UBOT> a", "This message was deleted. <@UBOT>");
        tombstone["message"]["subtype"] = json!("tombstone");
        assert_eq!(read(&tombstone).text, None);
        assert!(Change::read(&frame_of(&json!({"type": "message"})), &bot()).is_err());
    }

    #[test]
    fn only_a_whole_message_to_the_bot_says_stop() {
        for (said, channel, expected) in [
            ("<@UBOT> stop", "C1", true),
            ("<@UBOT> Cancel!", "C1", true),
            ("stop", "C1", false),
            ("stop.", "D1", true),
            ("<@UBOT> stop the presses", "C1", false),
            ("<@UBOT>", "C1", false),
        ] {
            let event = json!({"type": "message", "channel": channel, "text": said});
            assert_eq!(says_stop(&wrapped(&event), &bot()), expected, "{said} in {channel}");
        }
    }

    #[test]
    fn a_stop_knows_its_thread_and_in_a_direct_message_without_one_its_channel() {
        let native = json!({"type": "agent_session_stopped", "channel": "C1", "user": "U1",
            "thread_ts": "1.000001", "streaming_message_ts": []});
        let stop = StopRequest::read(&frame_of(&native)).unwrap();
        assert_eq!(stop.lane.as_deref(), Some("C1:1.000001"));
        assert_eq!(stop.ts, None);
        let said = json!({"type": "message", "channel": "D1", "user": "U1", "ts": "2.000001",
            "text": "stop"});
        let stop = StopRequest::read(&frame_of(&said)).unwrap();
        assert_eq!((stop.lane, stop.lanes_of_channel.as_str()), (None, "D1:"));
        assert_eq!(stop.ts.as_deref(), Some("2.000001"));
        let in_channel = json!({"type": "app_mention", "channel": "C1", "user": "U1",
            "ts": "2.000001", "text": "<@UBOT> stop"});
        let stop = StopRequest::read(&frame_of(&in_channel)).unwrap();
        assert_eq!(stop.lane.as_deref(), Some("C1:2.000001"), "no other people's threads");
    }

    #[test]
    fn a_frame_with_another_text_is_the_same_message() {
        let event = json!({"type": "app_mention", "channel": "C1", "ts": "2.000001", "user": "U1",
            "text": "<@UBOT> a", "blocks": [{"type": "rich_text"}]});
        for raw in [frame_of(&event), wrapped(&event).to_string().into_bytes()] {
            let amended = with_text(&raw, "<@UBOT> b").unwrap();
            let read = |raw: &[u8]| crate::Mention::read(raw, &bot()).unwrap();
            assert_eq!(read(&amended).text, "b");
            assert_eq!(read(&amended).logical_key, read(&raw).logical_key);
            assert!(!String::from_utf8(amended).unwrap().contains("rich_text"));
        }
        assert!(with_text(b"{", "b").is_err());
        assert!(with_text(b"{}", "b").is_err());
    }
}
