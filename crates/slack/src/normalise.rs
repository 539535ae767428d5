//! What a frame means to the queue: a [`NewEvent`], whatever the frame.
//!
//! Which messages are owed an answer: `app_mention` by a person; `message` by a person in a direct
//! message, without a subtype or as `file_share` or `thread_broadcast`; of bots, those that are allowed.
//! Edits and deletions of what was said to the bot, whatever means Stop, slash commands, and what people
//! think of the bot's answers are owed work that waits behind nobody's answer. Everything else is stored.

use std::collections::BTreeSet;
use std::time::Duration;

use event::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX, RAW_BYTES_MAX};
use event::{NewEvent, Priority, Raw, Timestamp, Work};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::Identity;
use crate::frame::{Envelope, Frame};
use crate::json::text;
use crate::mention::{is_by_bot, is_dm, lane_name, logical_key, team};
use crate::{gesture, opinion, remark};

/// Who brought the events, in the log.
pub const SOURCE: &str = "slack.socket";

/// The kind of what could not be understood.
pub const KIND_UNREADABLE: &str = "unreadable";

/// The kind of a slash command.
pub const KIND_COMMAND: &str = "slash_command";

/// The kind of Slack's notice that it leaves events out, as there are too many.
pub const KIND_RATE_LIMITED: &str = "app_rate_limited";

/// Who listens, and whom they answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    /// Who we are.
    pub bot: Identity,
    /// The bots that are answered as people are, by user id or bot id.
    pub bots: BTreeSet<String>,
}

/// Correlation ids are UUIDv5 of the delivery key in this namespace, so that a redelivery carries
/// the same.
const CORRELATION: Uuid = Uuid::from_u128(0x61746865_6e61_4575_8d73_6c61636b0001);

/// The longest source id that a key holds as it is, in bytes; a longer one is hashed.
const KEY_ID_BYTES_MAX: usize = 200;

const _: () = assert!(KEY_ID_BYTES_MAX + 64 < KEY_BYTES_MAX, "a prefix and an id fit a key");

/// Makes the event that a frame stands for. Never fails: what is unknown is stored without work,
/// what cannot be understood is quarantined with the reason.
///
/// `received_at` stands in for a time that the frame does not tell.
#[must_use]
pub fn event(raw: Vec<u8>, frame: &Frame, hearing: &Hearing, received_at: Timestamp) -> NewEvent {
    let mut event = match frame {
        Frame::Envelope(envelope) => of_envelope(envelope, hearing, received_at),
        Frame::Unreadable { reason, .. } => quarantined(&raw, reason, received_at),
        Frame::Hello { .. } => stored("hello", digest_key(&raw), received_at),
        Frame::Disconnect { .. } => stored("disconnect", digest_key(&raw), received_at),
    };
    event.raw = Raw::keep(raw);
    if event.raw.is_head() {
        let found = event.raw.full_bytes;
        event.quarantine =
            Some(format!("expected a frame of at most {RAW_BYTES_MAX} bytes, found {found}"));
        event.work = None;
    }
    event
}

/// What is done outside the log of messages. None of it is in a lane.
fn of_envelope(envelope: &Envelope, hearing: &Hearing, received_at: Timestamp) -> NewEvent {
    let payload = &envelope.payload;
    let mut event = match envelope.kind.as_str() {
        "events_api" => return of_events_api(payload, hearing, received_at),
        "slash_commands" => stored(KIND_COMMAND, gesture_key(payload), received_at),
        "interactive" if opinion::is_feedback(payload) => {
            stored(opinion::KIND_FEEDBACK, gesture_key(payload), received_at)
        }
        "interactive" if remark::is_remark(payload) => {
            stored(remark::KIND_REMARK, gesture_key(payload), received_at)
        }
        "interactive" => {
            let kind = text(payload, "/type").unwrap_or("interactive");
            stored(kind, gesture_key(payload), received_at)
        }
        other => stored(other, gesture_key(payload), received_at),
    };
    event.tenant = tenant(payload);
    event.actor = text(payload, "/user/id").or_else(|| text(payload, "/user_id")).map(name);
    let is_handled =
        matches!(event.kind.as_str(), KIND_COMMAND | opinion::KIND_FEEDBACK | remark::KIND_REMARK);
    if is_handled && event.actor.is_some() {
        event.work = Some(URGENT);
    }
    event
}

/// What costs next to nothing and cannot wait.
const URGENT: Work =
    Work { priority: Priority::Urgent, delay: Duration::ZERO, expires_after: None };

fn of_events_api(payload: &Value, hearing: &Hearing, received_at: Timestamp) -> NewEvent {
    let bot = &hearing.bot;
    let key = match text(payload, "/event_id") {
        Some(id) => key("slack", id),
        None => gesture_key(payload),
    };
    let Some(kind) = text(payload, "/event/type") else {
        return without_event(payload, key, received_at);
    };
    let mut event = stored(kind, key, occurred_at(payload).unwrap_or(received_at));
    event.tenant = tenant(payload);
    event.actor = text(payload, "/event/user")
        .or_else(|| text(payload, "/event/user/id"))
        .or_else(|| text(payload, "/event/message/user"))
        .or_else(|| text(payload, "/event/previous_message/user"))
        .or_else(|| text(payload, "/event/bot_id"))
        .map(name);
    if is_new_message(payload) {
        place(&mut event, payload);
        if gesture::says_stop(payload, bot) {
            // Behind the run that it is to stop it would come too late.
            (event.lane, event.lane_order) = (None, 0);
            event.kind = gesture::KIND_STOP.to_owned();
        }
    }
    if let Some(ts) = gesture::changed_ts(payload) {
        follow(&mut event, payload, ts);
    }
    if let Some(key) = opinion::reaction_key(payload) {
        event.logical_key = Some(bounded(key));
    }
    let wanted = wish(payload, hearing);
    let placed = match wanted {
        Wish::Answer => event.lane.is_some(),
        Wish::Nothing | Wish::Urgent => is_placed(payload),
    };
    match wanted {
        Wish::Nothing => {}
        _ if event.actor.is_none() || !placed => {
            event.quarantine =
                Some("expected a message with a workspace, a channel, a ts and a user".to_owned());
        }
        Wish::Answer => event.work = Some(Work::default()),
        Wish::Urgent => event.work = Some(URGENT),
    }
    event
}

/// What somebody wants of the bot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Nothing,
    Answer,
    /// That it stops, follows an edit or a deletion, or hears what is thought of its answer.
    Urgent,
}

fn wish(payload: &Value, hearing: &Hearing) -> Wish {
    let bot = &hearing.bot;
    let is_stop = text(payload, "/event/type") == Some(gesture::KIND_SESSION_STOPPED);
    let is_change = gesture::changed_ts(payload).is_some() && gesture::concerns(payload, bot);
    let is_opinion = opinion::is_on_ours(payload, bot);
    match deserves_answer(payload, hearing) {
        true if gesture::says_stop(payload, bot) => Wish::Urgent,
        true => Wish::Answer,
        false if is_stop || is_change || is_opinion => Wish::Urgent,
        false => Wish::Nothing,
    }
}

/// Whether it tells where it happened, and in which message.
fn is_placed(payload: &Value) -> bool {
    let first = |places: &[&str]| places.iter().find_map(|at| text(payload, at));
    let ts = first(&["/event/ts", "/event/thread_ts", "/event/event_ts"]);
    let channel = first(&["/event/channel", "/event/item/channel"]);
    team(payload).is_some() && channel.is_some() && ts.and_then(Timestamp::from_slack).is_some()
}

/// Puts an edit or a deletion in order with the others of its message, and with nothing else.
fn follow(event: &mut NewEvent, payload: &Value, ts: &str) {
    let Some(channel) = text(payload, "/event/channel") else { return };
    event.kind = name(text(payload, "/event/subtype").unwrap_or_default());
    event.lane = Some(bounded(format!("change:{}", logical_key(channel, ts))));
    event.lane_order = event.occurred_at.0;
}

/// `app_rate_limited` and its like carry no event; an `event_callback` without one is broken.
fn without_event(payload: &Value, key: String, received_at: Timestamp) -> NewEvent {
    let kind = text(payload, "/type").filter(|kind| *kind != "event_callback");
    let mut event = stored(kind.unwrap_or(KIND_UNREADABLE), key, received_at);
    event.tenant = tenant(payload);
    if kind.is_none() {
        event.quarantine = Some("expected an event with a type, found none".to_owned());
    }
    event
}

fn quarantined(raw: &[u8], reason: &str, received_at: Timestamp) -> NewEvent {
    let mut event = stored(KIND_UNREADABLE, digest_key(raw), received_at);
    event.quarantine = Some(reason.to_owned());
    event
}

/// The same for every delivery that carries the key.
fn correlation_id(key: &str) -> Uuid {
    Uuid::new_v5(&CORRELATION, key.as_bytes())
}

/// An event that is kept and owed nothing; its raw bytes follow.
fn stored(kind: &str, delivery_key: String, occurred_at: Timestamp) -> NewEvent {
    NewEvent {
        source: SOURCE.to_owned(),
        kind: name(kind),
        tenant: "unknown".to_owned(),
        actor: None,
        lane: None,
        lane_order: 0,
        occurred_at,
        correlation_id: correlation_id(&delivery_key),
        delivery_key,
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(Vec::new()),
        quarantine: None,
        work: None,
    }
}

/// Puts a message into its thread's lane, under the identity that its twins share. The twins need
/// this alike: whichever is committed first, its log row is what the job is made from.
fn place(event: &mut NewEvent, payload: &Value) {
    let (team, channel, ts) =
        (team(payload), text(payload, "/event/channel"), text(payload, "/event/ts"));
    let (Some(_), Some(channel), Some(ts)) = (team, channel, ts) else { return };
    let Some(order) = Timestamp::from_slack(ts) else { return };
    let root = text(payload, "/event/thread_ts").unwrap_or(ts);
    event.lane = Some(bounded(lane_name(channel, root)));
    event.lane_order = order.0;
    let logical_key = bounded(logical_key(channel, ts));
    // Twins answer to one id, whichever of them the log keeps.
    event.correlation_id = correlation_id(&logical_key);
    event.logical_key = Some(logical_key);
    event.twin_key = client_key(payload, channel).map(bounded);
}

/// A client that sent its message twice gave it one id and Slack gave it two `ts`. The id is the
/// client's own, so it counts for its author and channel alone.
fn client_key(payload: &Value, channel: &str) -> Option<String> {
    let (id, user) = (text(payload, "/event/client_msg_id")?, text(payload, "/event/user")?);
    Some(format!("client:{channel}:{user}:{id}"))
}

/// Whether the event brings a message, rather than tells of an edit, a deletion or a join.
fn is_new_message(payload: &Value) -> bool {
    match text(payload, "/event/type") {
        Some("app_mention") => true,
        Some("message") => matches!(
            text(payload, "/event/subtype"),
            None | Some("file_share" | "thread_broadcast" | "bot_message" | "me_message")
        ),
        _ => false,
    }
}

fn deserves_answer(payload: &Value, hearing: &Hearing) -> bool {
    let asked = match text(payload, "/event/type") {
        Some("app_mention") => true,
        Some("message") => {
            let said = matches!(
                text(payload, "/event/subtype"),
                None | Some("file_share" | "thread_broadcast")
            );
            said && is_dm(payload)
        }
        _ => false,
    };
    asked && is_by_someone_answered(payload, hearing)
}

/// Whether a person wrote it, or a bot that is allowed. Anything else that a bot had a hand in is not
/// answered, or two bots would talk for ever; what we wrote ourselves never is.
fn is_by_someone_answered(payload: &Value, Hearing { bot, bots }: &Hearing) -> bool {
    let (user, bot_id) = (text(payload, "/event/user"), text(payload, "/event/bot_id"));
    let is_ours =
        user == Some(&bot.user_id) || (bot_id.is_some() && bot_id == bot.bot_id.as_deref());
    let is_allowed = [user, bot_id].into_iter().flatten().any(|id| bots.contains(id));
    !is_ours && user != Some("USLACKBOT") && (is_allowed || !is_by_bot(payload))
}

fn occurred_at(payload: &Value) -> Option<Timestamp> {
    let seconds = || payload["event_time"].as_i64().filter(|seconds| *seconds >= 0);
    text(payload, "/event/event_ts")
        .and_then(Timestamp::from_slack)
        .or_else(|| seconds()?.checked_mul(1_000_000).map(Timestamp))
}

fn tenant(payload: &Value) -> String {
    team(payload).map_or_else(|| "unknown".to_owned(), name)
}

/// An interaction's or command's own id: Slack does not promise that an `envelope_id` survives a
/// redelivery, and counts the delivery outside the payload.
fn gesture_key(payload: &Value) -> String {
    match text(payload, "/trigger_id") {
        Some(id) => key("slack:trigger", id),
        None => digest_key(payload.to_string().as_bytes()),
    }
}

fn digest_key(bytes: &[u8]) -> String {
    format!("slack:sha256:{:x}", Sha256::digest(bytes))
}

fn key(prefix: &str, id: &str) -> String {
    match id.len() {
        ..=KEY_ID_BYTES_MAX => format!("{prefix}:{id}"),
        _ => digest_key(id.as_bytes()),
    }
}

/// A name that is too long for its column is cut, at a whole character.
fn name(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_BYTES_MAX)].to_owned()
}

/// A lane or key that is too long, which Slack's never are, is replaced by its hash.
fn bounded(text: String) -> String {
    match text.len() {
        ..=KEY_BYTES_MAX => text,
        _ => digest_key(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests;
