//! What was said while nobody listened: messages of a conversation's history, as the events that Slack
//! would have sent.

use event::{NewEvent, Timestamp};
use serde_json::{Value, json};

use crate::api::Conversation;
use crate::frame;
use crate::gesture::{KIND_STOP, mentions};
use crate::json::text;
use crate::normalise::{self, Hearing};

/// Who brought the events, in the log.
pub const SOURCE: &str = "slack.history";

/// A message of a history that would have been an event with work.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The event, under the same logical keys as Slack's own.
    pub event: NewEvent,
    /// When, which is also its place among the others.
    ts: Timestamp,
    /// Its thread's root.
    root: String,
    /// Said to the bot alone and outside threads.
    in_the_open: bool,
}

/// Reads a message of a conversation's history; `None` for what is owed no work, and for what was said
/// before `since`.
#[must_use]
pub fn said(
    conversation: &Conversation,
    message: &Value,
    hearing: &Hearing,
    since: Timestamp,
) -> Option<Said> {
    let ts = text(message, "/ts")?;
    let at = Timestamp::from_slack(ts).filter(|at| *at >= since)?;
    let body = request(conversation, message, ts, hearing)?.to_string().into_bytes();
    let frame = frame::read_request(&body);
    let event =
        NewEvent { source: SOURCE.to_owned(), ..normalise::event(body, &frame, hearing, at) };
    let thread = text(message, "/thread_ts");
    let is_owed = event.work.is_some();
    is_owed.then(|| Said {
        event,
        ts: at,
        root: thread.unwrap_or(ts).to_owned(),
        in_the_open: conversation.kind == "im" && thread.is_none(),
    })
}

/// The events that are still owed, oldest first. A question that somebody stopped afterwards is not, nor
/// is a Stop after which somebody asked again: what is asked now is not what it was about.
#[must_use]
pub fn owed(mut said: Vec<Said>) -> Vec<NewEvent> {
    said.sort_by_key(|one| one.ts);
    let is_stop = |one: &Said| one.event.kind == KIND_STOP;
    let stands = |one: &Said| {
        let later = said.iter().filter(|other| other.ts > one.ts);
        !later.filter(|other| is_stop(other) != is_stop(one)).any(|other| match is_stop(one) {
            true => concerns(one, other),
            false => concerns(other, one),
        })
    };
    let keep: Vec<bool> = said.iter().map(stands).collect();
    let kept = said.into_iter().zip(keep).filter(|(_, keep)| *keep);
    kept.map(|(said, _)| said.event).collect()
}

/// The time of a thread's last reply, on its root.
#[must_use]
pub fn last_reply(message: &Value) -> Option<Timestamp> {
    text(message, "/latest_reply").and_then(Timestamp::from_slack)
}

/// Whether a Stop means a question: one of its thread, or outside threads, all to the bot alone.
fn concerns(stop: &Said, question: &Said) -> bool {
    stop.in_the_open || stop.root == question.root
}

/// The request that Slack would have sent. Its `event_id` is always the same, so that reading a history
/// again brings what is known.
fn request(
    conversation: &Conversation,
    message: &Value,
    ts: &str,
    Hearing { bot, .. }: &Hearing,
) -> Option<Value> {
    let mut event = message.as_object()?.clone();
    let said = text(message, "/text").unwrap_or_default();
    let is_mention = conversation.kind != "im" && mentions(said, &bot.user_id);
    let kind = if is_mention { "app_mention" } else { "message" };
    for (field, value) in [
        ("type", kind),
        ("channel", &conversation.id),
        ("channel_type", &conversation.kind),
        ("event_ts", ts),
    ] {
        event.insert(field.to_owned(), value.into());
    }
    Some(json!({
        "type": "event_callback",
        "team_id": bot.team_id,
        "event_id": format!("history:{}:{ts}", conversation.id),
        "event": event,
        "authorizations": [{"team_id": bot.team_id, "user_id": bot.user_id, "is_bot": true}],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Identity, Mention};

    fn hearing() -> Hearing {
        let bot = Identity {
            team_id: "T1".to_owned(),
            user_id: "UBOT".to_owned(),
            ..Identity::default()
        };
        Hearing { bot, ..Hearing::default() }
    }

    fn conversation(kind: &str) -> Conversation {
        Conversation { id: "C1".to_owned(), kind: kind.to_owned() }
    }

    fn message(ts: &str, said: &str) -> Value {
        json!({"type": "message", "user": "U1", "ts": ts, "text": said})
    }

    fn read(kind: &str, message: &Value) -> Option<Said> {
        said(&conversation(kind), message, &hearing(), Timestamp(0))
    }

    #[test]
    fn a_mention_is_the_event_that_slack_would_have_sent() {
        let raw = json!({"envelope_id": "e", "type": "events_api", "payload": {
            "type": "event_callback", "event_id": "Ev1",
            "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": true}],
            "event": {"type": "app_mention", "channel": "C1", "user": "U1", "ts": "2.000001",
                "event_ts": "2.000001", "text": "<@UBOT> hi"}}});
        let raw = raw.to_string().into_bytes();
        let frame = frame::read(&raw);
        let live = normalise::event(raw.clone(), &frame, &hearing(), Timestamp(9));
        let found = read("channel", &message("2.000001", "<@UBOT> hi")).unwrap().event;
        assert_eq!(found.logical_key, live.logical_key);
        assert_eq!((&found.lane, found.lane_order), (&live.lane, live.lane_order));
        assert_eq!((&found.kind, found.work, &found.actor), (&live.kind, live.work, &live.actor));
        assert_eq!((found.tenant, found.occurred_at), (live.tenant, live.occurred_at));
        assert_eq!(found.source, "slack.history");
        let bot = hearing().bot;
        let (found, live) = (Mention::read(&found.raw.bytes, &bot), Mention::read(&raw, &bot));
        assert_eq!(found.unwrap(), live.unwrap());
    }

    #[test]
    fn only_what_was_said_to_the_bot_since_then_is_found() {
        let found = |kind: &str, message: &Value| read(kind, message).is_some();
        assert!(found("im", &message("2.000001", "hi")));
        assert!(!found("channel", &message("2.000001", "hi")));
        assert!(found("mpim", &message("2.000001", "<@UBOT|bot> hi")));
        let mut own = message("2.000001", "<@UBOT> hi");
        own["user"] = json!("UBOT");
        assert!(!found("channel", &own));
        let mut joined = message("2.000001", "<@UBOT> has joined");
        joined["subtype"] = json!("channel_join");
        assert!(!found("im", &joined));
        let before =
            said(&conversation("im"), &message("2.0", "hi"), &hearing(), Timestamp(2_000_001));
        assert_eq!(before, None);
        assert!(!found("im", &json!({"text": "no ts"})) && !found("im", &json!(null)));
    }

    #[test]
    fn reading_again_brings_the_same_delivery() {
        let found = || read("im", &message("2.000001", "hi")).unwrap().event.delivery_key;
        assert_eq!(found(), "slack:history:C1:2.000001");
        assert_eq!(found(), found());
    }

    #[test]
    fn a_stop_takes_back_what_was_asked_before_it_and_nothing_after() {
        let reply = |ts: &str, text: &str| {
            let mut message = message(ts, text);
            message["thread_ts"] = json!("1.000000");
            message
        };
        let left = |messages: &[Value]| -> Vec<String> {
            let said = messages.iter().filter_map(|message| read("im", message)).collect();
            owed(said).into_iter().map(|event| event.delivery_key).collect()
        };
        let (asked, stopped) = (reply("2.000000", "a?"), reply("3.000000", "stop"));
        assert_eq!(left(&[stopped.clone(), asked.clone()]), ["slack:history:C1:3.000000"]);
        let again = reply("4.000000", "b?");
        let all = [again, stopped, asked.clone()];
        assert_eq!(left(&all), ["slack:history:C1:4.000000"], "the Stop is over");
        let elsewhere = message("2.500000", "c?");
        let both = ["slack:history:C1:2.500000", "slack:history:C1:3.000000"];
        assert_eq!(left(&[reply("3.000000", "stop"), elsewhere, asked]), both);
        let open_stop = message("9.000000", "stop");
        let everything = [reply("2.000000", "a?"), message("5.000000", "b?"), open_stop];
        assert_eq!(left(&everything), ["slack:history:C1:9.000000"]);
    }
}
