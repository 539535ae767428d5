//! One Socket Mode frame, or one HTTP request that stands for it: its envelope, however broken the
//! rest is.
//!
//! Shapes: <https://docs.slack.dev/apis/events-api/using-socket-mode/>, for requests
//! <https://docs.slack.dev/apis/events-api/using-http-request-urls/>. Slack expects an
//! acknowledgement for every envelope, also of types that nobody here knows, so the `envelope_id`
//! is searched for even in frames that are not JSON.

use std::time::Duration;

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::json;

/// The longest `envelope_id` that is believed in a broken frame, in bytes. Slack's are UUIDs.
const ENVELOPE_ID_BYTES_MAX: usize = 200;

/// What a frame is.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// The connection is ready.
    Hello {
        /// How long Slack means to keep it, when it says so.
        approximate_connection_time: Option<Duration>,
        /// How many connections the app has now, this one included.
        connections: Option<u64>,
    },
    /// The connection is going away.
    Disconnect {
        /// `warning`, `refresh_requested`, `link_disabled`, `too_many_websockets`, or Slack's next.
        reason: String,
    },
    /// Something happened; wants an acknowledgement.
    Envelope(Envelope),
    /// Cannot be understood.
    Unreadable {
        /// Present when it can be acknowledged all the same.
        envelope_id: Option<String>,
        /// Why, without any of its content.
        reason: String,
    },
}

/// An envelope that was read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// What the acknowledgement names. A request has none: its answer acknowledges it.
    pub envelope_id: Option<String>,
    /// `events_api`, `interactive`, `slash_commands`, or a type that Slack adds one day.
    pub kind: String,
    /// What it carries; `null` when absent.
    pub payload: Value,
    /// 0 for the first delivery.
    pub retry_attempt: u64,
}

impl Frame {
    /// What the acknowledgement names, where there is something to acknowledge.
    #[must_use]
    pub fn envelope_id(&self) -> Option<&str> {
        match self {
            Frame::Envelope(envelope) => envelope.envelope_id.as_deref(),
            Frame::Unreadable { envelope_id, .. } => envelope_id.as_deref(),
            Frame::Hello { .. } | Frame::Disconnect { .. } => None,
        }
    }
}

/// Reads a frame. Never fails and never panics: what cannot be understood is
/// [`Frame::Unreadable`].
#[must_use]
pub fn read(raw: &[u8]) -> Frame {
    let unreadable = |reason: String| Frame::Unreadable { envelope_id: scan(raw), reason };
    let mut value = match object(raw) {
        Ok(value) => value,
        Err(reason) => return unreadable(reason),
    };
    let kind = json::text(&value, "/type").unwrap_or_default().to_owned();
    match kind.as_str() {
        "hello" => hello(&value),
        "disconnect" => {
            let reason = json::text(&value, "/reason").unwrap_or("unknown").to_owned();
            Frame::Disconnect { reason }
        }
        _ => match json::text(&value, "/envelope_id").map(str::to_owned) {
            None => unreadable("expected an envelope_id, found none".to_owned()),
            Some(_) if kind.is_empty() => unreadable("expected a type, found none".to_owned()),
            Some(envelope_id) => Frame::Envelope(Envelope {
                envelope_id: Some(envelope_id),
                kind,
                retry_attempt: value["retry_attempt"].as_u64().unwrap_or_default(),
                payload: value["payload"].take(),
            }),
        },
    }
}

/// Reads a request's body: an event as JSON, or the form of an interaction or a slash command. Never
/// fails and never panics: what cannot be understood is [`Frame::Unreadable`].
#[must_use]
pub fn read_request(body: &[u8]) -> Frame {
    let request = |kind: &str, payload: Value| {
        Frame::Envelope(Envelope {
            envelope_id: None,
            kind: kind.to_owned(),
            payload,
            retry_attempt: 0,
        })
    };
    let unreadable = |reason: String| Frame::Unreadable { envelope_id: None, reason };
    let holding = |kind, json: &[u8]| match object(json) {
        Ok(payload) => request(kind, payload),
        Err(reason) => unreadable(reason),
    };
    if body.trim_ascii_start().starts_with(b"{") {
        return holding("events_api", body);
    }
    let fields = form_urlencoded::parse(body);
    let fields: Map<String, Value> =
        fields.map(|(name, value)| (name.into_owned(), value.into_owned().into())).collect();
    match fields.get("payload").and_then(Value::as_str) {
        Some(payload) => holding("interactive", payload.as_bytes()),
        None if fields.contains_key("command") => request("slash_commands", fields.into()),
        None => unreadable("expected an event, a payload or a command, found none".to_owned()),
    }
}

/// A JSON object, or why it is none, without any of its content.
fn object(raw: &[u8]) -> Result<Value, String> {
    match json::parse(raw) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("expected a JSON object, found another JSON value".to_owned()),
        Err(error) => Err(format!("expected a JSON object, found {error}")),
    }
}

/// Reads what was stored, whichever way it had come.
#[must_use]
pub fn read_stored(raw: &[u8]) -> Frame {
    match read(raw) {
        frame @ Frame::Unreadable { .. } => match read_request(raw) {
            request @ Frame::Envelope(_) => request,
            Frame::Unreadable { .. } | Frame::Hello { .. } | Frame::Disconnect { .. } => frame,
        },
        frame @ (Frame::Envelope(_) | Frame::Hello { .. } | Frame::Disconnect { .. }) => frame,
    }
}

/// The word that Slack wants back when it first calls a request URL.
#[must_use]
pub fn challenge(frame: &Frame) -> Option<&str> {
    let Frame::Envelope(Envelope { payload, .. }) = frame else { return None };
    let asks = json::text(payload, "/type") == Some("url_verification");
    json::text(payload, "/challenge").filter(|_| asks)
}

fn hello(value: &Value) -> Frame {
    let seconds = value.pointer("/debug_info/approximate_connection_time").and_then(Value::as_u64);
    Frame::Hello {
        approximate_connection_time: seconds.map(Duration::from_secs),
        connections: value["num_connections"].as_u64(),
    }
}

/// Looks for a string named `envelope_id` that is not nested in anything else.
///
/// A message's text cannot pass for it: inside a JSON string the quotes would be escaped.
fn scan(raw: &[u8]) -> Option<String> {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = raw.get(at) {
        match byte {
            b'"' => {
                let end = json::string_end(raw, at);
                if depth <= 1 && &raw[at..end] == b"\"envelope_id\"" {
                    return identifier(&raw[end..]);
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The plain string after a colon, when it is closed and could be an identifier.
fn identifier(after_key: &[u8]) -> Option<String> {
    let value = after_key.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let body = value.strip_prefix(b"\"")?;
    let length = body.iter().position(|byte| *byte == b'"')?;
    let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'\\';
    let found = (1..=ENVELOPE_ID_BYTES_MAX).contains(&length) && body[..length].iter().all(plain);
    found.then(|| String::from_utf8_lossy(&body[..length]).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unreadable_id(raw: &str) -> Option<String> {
        let frame = read(raw.as_bytes());
        let Frame::Unreadable { envelope_id, .. } = frame else { panic!("{raw}: {frame:?}") };
        envelope_id
    }

    #[test]
    fn what_slack_documents_is_read() {
        let hello = br#"{"type":"hello","num_connections":2,"connection_info":{"app_id":"A"},"debug_info":{"host":"h","approximate_connection_time":18060}}"#;
        assert_eq!(
            read(hello),
            Frame::Hello {
                approximate_connection_time: Some(Duration::from_secs(18_060)),
                connections: Some(2)
            }
        );
        let bye = br#"{"type":"disconnect","reason":"warning","debug_info":{"host":"h"}}"#;
        assert_eq!(read(bye), Frame::Disconnect { reason: "warning".to_owned() });
        let Frame::Envelope(envelope) = read(
            br#"{"envelope_id":"e1","type":"events_api","retry_attempt":1,"payload":{"event_id":"Ev1"}}"#,
        ) else {
            panic!()
        };
        assert_eq!(envelope.envelope_id.as_deref(), Some("e1"));
        assert_eq!(envelope.kind, "events_api");
        assert_eq!(envelope.retry_attempt, 1);
        assert_eq!(envelope.payload["event_id"], "Ev1");
    }

    #[test]
    fn requests_are_read_as_the_envelopes_that_they_stand_for() {
        let press = "payload=%7B%22type%22%3A%22block_actions%22%2C%22trigger_id%22%3A%221.2%22%7D";
        let command = "command=%2Fask&text=how+so%3F&user_id=U1&trigger_id=1.3";
        let event = r#"{"type":"event_callback","event_id":"Ev1","event":{"type":"app_mention"}}"#;
        for (body, kind, pointer, value) in [
            (event, "events_api", "/event/type", "app_mention"),
            (press, "interactive", "/type", "block_actions"),
            (command, "slash_commands", "/text", "how so?"),
        ] {
            for frame in [read_request(body.as_bytes()), read_stored(body.as_bytes())] {
                let Frame::Envelope(envelope) = frame else { panic!("{body}: {frame:?}") };
                assert_eq!((envelope.kind.as_str(), envelope.envelope_id), (kind, None), "{body}");
                assert_eq!(envelope.payload.pointer(pointer).unwrap(), value, "{body}");
            }
        }
        for body in ["", "[]", "{", "hello", "payload=", "payload=%5B%5D"] {
            let frame = read_request(body.as_bytes());
            assert!(matches!(frame, Frame::Unreadable { envelope_id: None, .. }), "{body}");
        }
    }

    #[test]
    fn only_a_verification_is_a_challenge() {
        let asks = read_request(br#"{"type":"url_verification","challenge":"abc"}"#);
        assert_eq!(challenge(&asks), Some("abc"));
        let event = read_request(br#"{"type":"event_callback","challenge":"abc"}"#);
        assert_eq!(challenge(&event), None);
    }

    #[test]
    fn a_bare_hello_or_disconnect_is_enough() {
        assert!(matches!(read(br#"{"type":"hello"}"#), Frame::Hello { .. }));
        assert!(matches!(read(br#"{"type":"disconnect"}"#), Frame::Disconnect { .. }));
    }

    #[test]
    fn an_unknown_envelope_type_is_an_envelope() {
        let frame = read(br#"{"type":"novelty","envelope_id":"e2"}"#);
        assert_eq!(frame.envelope_id(), Some("e2"));
        assert!(matches!(frame, Frame::Envelope(_)));
    }

    #[test]
    fn the_envelope_id_is_found_in_broken_frames() {
        for raw in [
            r#"{"envelope_id":"e3","type":"events_api","payload":{"event":{"text":"cut o"#,
            r#"{"envelope_id" : "e3", "payload": }"#,
            r#"{"payload":{"envelope_id":"inner"},"envelope_id":"e3",}"#,
            r#"{"payload":{"text":"\"envelope_id\":\"forged\""},"envelope_id":"e3","#,
            r#""envelope_id":"e3","type":"x"}"#,
            r#"{"type":7,"envelope_id":"e3"}"#,
        ] {
            assert_eq!(unreadable_id(raw).as_deref(), Some("e3"), "{raw}");
        }
    }

    #[test]
    fn no_envelope_id_is_made_up() {
        for raw in [
            "",
            "null",
            "[]",
            r#"{"type":"events_api"}"#,
            r#"{"envelope_id":"#,
            r#"{"envelope_id":"cut"#,
            r#"{"envelope_id":7,"type":"events_api"}"#,
            r#"{"envelope_id":"","type":"events_api"}"#,
            r#"{"envelope_id":"a b", }"#,
            r#"{"payload":{"envelope_id":"inner"}"#,
        ] {
            assert_eq!(unreadable_id(raw), None, "{raw}");
        }
    }

    #[test]
    fn the_reason_names_no_content() {
        let Frame::Unreadable { reason, .. } = read(br#"{"text":"secret" "more"}"#) else {
            panic!()
        };
        assert!(!reason.contains("secret"), "{reason}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&raw);
            let _ = read_request(&raw);
        }

        #[test]
        fn every_truncation_after_the_id_can_be_acknowledged(cut in 22usize..120) {
            let whole = br#"{"envelope_id":"e-123","type":"events_api","payload":{"event":{"type":"app_mention","text":"\ud83d hi","ts":"1.000001"}}}"#;
            let frame = read(&whole[..cut.min(whole.len())]);
            prop_assert_eq!(frame.envelope_id(), Some("e-123"));
        }
    }
}
