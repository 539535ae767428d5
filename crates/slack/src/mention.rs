//! A question to the bot, read back from a stored frame.

use serde_json::Value;

use crate::api::Identity;
use crate::file::FileRef;
use crate::frame::{self, Envelope, Frame};
use crate::json::text;

/// A message that wants an answer: a mention in a channel, or a direct message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The installation's workspace.
    pub team: String,
    /// Where it was said.
    pub channel: String,
    /// The thread's root: `ts` itself when the message begins a thread.
    pub thread_ts: String,
    /// The message.
    pub ts: String,
    /// Who asks; a bot without a user, by its bot id.
    pub user: String,
    /// Whether a bot asks.
    pub by_bot: bool,
    /// What they ask: the bot's own mention stripped, Slack's `&amp;`, `&lt;`, `&gt;` resolved,
    /// without NUL and lone surrogates.
    pub text: String,
    /// What was sent with it.
    pub files: Vec<FileRef>,
    /// Whether it was said to the bot alone.
    pub is_dm: bool,
    /// The message's identity, the same for its `message` and `app_mention` events.
    pub logical_key: String,
}

/// A stored event is not the question that it was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a Slack message with {expected}, found none")]
pub struct MentionError {
    /// What is missing.
    pub expected: &'static str,
}

impl Mention {
    /// Reads a stored `events_api` frame or request, of either twin, as said to `bot`.
    ///
    /// # Errors
    /// When it is no whole frame of a message by a person.
    pub fn read(raw: &[u8], bot: &Identity) -> Result<Self, MentionError> {
        let missing = |expected| MentionError { expected };
        let payload = stored_payload(raw)?;
        let team = team(&payload).ok_or(missing("a workspace"))?;
        let channel = text(&payload, "/event/channel").ok_or(missing("a channel"))?;
        let ts = text(&payload, "/event/ts").ok_or(missing("a ts"))?;
        let user = text(&payload, "/event/user").or_else(|| text(&payload, "/event/bot_id"));
        let user = user.ok_or(missing("a user"))?;
        let said = text(&payload, "/event/text").unwrap_or_default();
        Ok(Mention {
            team: team.to_owned(),
            channel: channel.to_owned(),
            thread_ts: text(&payload, "/event/thread_ts").unwrap_or(ts).to_owned(),
            ts: ts.to_owned(),
            user: user.to_owned(),
            by_bot: is_by_bot(&payload),
            text: question(said, &bot.user_id),
            files: FileRef::all_of(&payload["event"]),
            is_dm: is_dm(&payload),
            logical_key: logical_key(channel, ts),
        })
    }
}

/// What a stored frame or request carries.
pub(crate) fn stored_payload(raw: &[u8]) -> Result<Value, MentionError> {
    match frame::read_stored(raw) {
        Frame::Envelope(Envelope { payload, .. }) => Ok(payload),
        Frame::Unreadable { .. } | Frame::Hello { .. } | Frame::Disconnect { .. } => {
            Err(MentionError { expected: "a readable envelope" })
        }
    }
}

/// The installation's workspace: `authorizations[0]`, which differs from `team_id` in shared
/// channels and on Enterprise Grid; `team_id` only where there are no authorizations.
pub(crate) fn team(payload: &Value) -> Option<&str> {
    text(payload, "/authorizations/0/team_id")
        .or_else(|| text(payload, "/authorizations/0/enterprise_id"))
        .or_else(|| text(payload, "/team_id"))
        .or_else(|| text(payload, "/team/id"))
        .or_else(|| text(payload, "/user/team_id"))
}

/// The identity of a message, whichever of its events brings it. A channel that workspaces share has
/// one id in all of them, so that the copies which they are told meet here.
pub(crate) fn logical_key(channel: &str, ts: &str) -> String {
    format!("message:{channel}:{ts}")
}

/// By what the event is found on whose behalf the bot posted a message.
#[must_use]
pub fn answer_key(channel: &str, ts: &str) -> String {
    format!("answer:{channel}:{ts}")
}

/// The lane of a thread, by its root; without one, what all lanes of the channel begin with.
pub(crate) fn lane_name(channel: &str, root: &str) -> String {
    format!("{channel}:{root}")
}

/// Whether a bot had a hand in it: another one, or we.
pub(crate) fn is_by_bot(payload: &Value) -> bool {
    text(payload, "/event/bot_id").is_some()
        || payload.pointer("/event/bot_profile").is_some_and(Value::is_object)
        || text(payload, "/event/subtype") == Some("bot_message")
}

/// Whether the event lies in a direct message. `app_mention` carries no `channel_type`.
pub(crate) fn is_dm(payload: &Value) -> bool {
    match text(payload, "/event/channel_type") {
        Some(kind) => kind == "im",
        None => text(payload, "/event/channel").is_some_and(|channel| channel.starts_with('D')),
    }
}

/// The text without the bot's mention.
pub(crate) fn question(said: &str, bot: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(said.len()), said);
    while let Some((before, tagged)) = rest.find("<@").map(|start| rest.split_at(start)) {
        let Some(end) = tagged.find('>') else { break };
        let (mention, after) = tagged.split_at(end + 1);
        kept.push_str(before);
        rest = after;
        if mention[2..end].split('|').next() != Some(bot) {
            kept.push_str(mention);
        } else if kept.ends_with(' ') {
            rest = after.trim_start_matches(' ');
        }
    }
    kept.push_str(rest);
    kept.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bot() -> Identity {
        Identity { user_id: "UBOT".to_owned(), ..Identity::default() }
    }

    fn mention(event: &Value) -> Result<Mention, MentionError> {
        let frame = json!({
            "envelope_id": "e", "type": "events_api",
            "payload": {"team_id": "TOTHER", "event": event,
                "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}]},
        });
        Mention::read(frame.to_string().as_bytes(), &bot())
    }

    #[test]
    fn a_mention_in_a_thread_is_read_whole() {
        let event = json!({"type": "app_mention", "channel": "C1", "ts": "2.000001",
            "thread_ts": "1.000001", "user": "U1", "text": "<@UBOT> what is a &lt;lane&gt; &amp;amp;?"});
        let expected = Mention {
            team: "T1".to_owned(),
            channel: "C1".to_owned(),
            thread_ts: "1.000001".to_owned(),
            ts: "2.000001".to_owned(),
            user: "U1".to_owned(),
            by_bot: false,
            text: "what is a <lane> &amp;?".to_owned(),
            files: Vec::new(),
            is_dm: false,
            logical_key: "message:C1:2.000001".to_owned(),
        };
        assert_eq!(mention(&event).unwrap(), expected);
    }

    #[test]
    fn a_direct_message_is_its_own_root() {
        let event = json!({"type": "message", "channel_type": "im", "channel": "D1",
            "ts": "2.000001", "user": "U1", "text": "hello"});
        let read = mention(&event).unwrap();
        assert!(read.is_dm);
        assert_eq!(read.thread_ts, "2.000001");
    }

    #[test]
    fn what_is_no_message_by_a_person_is_refused() {
        for event in [json!({}), json!(null), json!({"channel": "C1", "ts": "1.0"})] {
            assert!(mention(&event).is_err(), "{event}");
        }
        assert!(Mention::read(b"{", &bot()).is_err());
    }

    #[test]
    fn only_the_bots_own_mention_is_stripped() {
        let cases = [
            ("<@UBOT> hi", "hi"),
            ("hi <@UBOT|athenaeum> there", "hi there"),
            ("ask <@U2>, <@UBOT>", "ask <@U2>,"),
            ("a <@cut", "a <@cut"),
            ("<@UBOT>", ""),
            ("", ""),
        ];
        for (said, expected) in cases {
            assert_eq!(question(said, "UBOT"), expected, "{said}");
        }
    }

    #[test]
    fn unrepresentable_text_is_sanitised() {
        let raw = br#"{"envelope_id":"e","type":"events_api","payload":{"team_id":"T1","event":{"type":"app_mention","channel":"C1","ts":"1.000001","user":"U1","text":"<@UBOT> a\u0000b\ud800c"}}}"#;
        assert_eq!(Mention::read(raw, &bot()).unwrap().text, "a\u{fffd}b\u{fffd}c");
    }
}
