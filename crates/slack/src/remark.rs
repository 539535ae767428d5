//! The modal that asks what was wrong with an answer, and what people write into it.

use serde_json::{Value, json};

use crate::json::text;
use crate::mention::{MentionError, stored_payload};

/// The kind of a submitted modal.
pub const KIND_REMARK: &str = "remark";

/// By which Slack tells this modal from others.
const CALLBACK: &str = "what_was_wrong";

/// Where its one field stands.
const BLOCK: &str = "remark";
const FIELD: &str = "text";

/// The longest remark, in characters; Slack's own bound of a field.
const REMARK_CHARS_MAX: usize = 3_000;

/// What somebody wrote about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Who.
    pub user: String,
    /// Where the answer is.
    pub channel: String,
    /// The answer.
    pub ts: String,
    /// Their words; none when they left the field empty.
    pub text: Option<String>,
}

/// The modal about the answer `ts` in `channel`, which travels with it. Slack's shape:
/// <https://docs.slack.dev/reference/views/modal-views>.
#[must_use]
pub fn modal(channel: &str, ts: &str) -> Value {
    let plain = |text: &str| json!({"type": "plain_text", "text": text});
    let about = json!({"channel": channel, "ts": ts});
    json!({
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": about.to_string(),
        "title": plain("What was wrong?"),
        "submit": plain("Send"),
        "close": plain("Skip"),
        "blocks": [{
            "type": "input",
            "block_id": BLOCK,
            "label": plain("What was wrong with the answer, or missing from it?"),
            "element": {
                "type": "plain_text_input",
                "action_id": FIELD,
                "multiline": true,
                "max_length": REMARK_CHARS_MAX,
            },
        }],
    })
}

impl Remark {
    /// Reads a stored event of [`KIND_REMARK`].
    ///
    /// # Errors
    /// When it is none, or not about a message.
    pub fn read(raw: &[u8]) -> Result<Self, MentionError> {
        let payload = stored_payload(raw)?;
        let expected = |expected| MentionError { expected };
        let about = text(&payload, "/view/private_metadata").unwrap_or_default();
        let about: Value =
            serde_json::from_str(about).map_err(|_| expected("a message's place"))?;
        let part = |from: &Value, at, what| text(from, at).map(str::to_owned).ok_or(expected(what));
        let field = format!("/view/state/values/{BLOCK}/{FIELD}/value");
        let said = text(&payload, &field).map(str::trim).filter(|said| !said.is_empty());
        Ok(Remark {
            user: part(&payload, "/user/id", "a user")?,
            channel: part(&about, "/channel", "a channel")?,
            ts: part(&about, "/ts", "the ts of a message")?,
            text: said.map(|said| said.chars().take(REMARK_CHARS_MAX).collect()),
        })
    }
}

/// Whether an interaction is a submission of this modal.
pub(crate) fn is_remark(payload: &Value) -> bool {
    text(payload, "/type") == Some("view_submission")
        && text(payload, "/view/callback_id") == Some(CALLBACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submitted(view: &Value, said: &str) -> Value {
        let mut view = view.clone();
        view["state"] =
            json!({"values": {BLOCK: {FIELD: {"type": "plain_text_input", "value": said}}}});
        json!({"type": "view_submission", "user": {"id": "U1"}, "view": view})
    }

    fn raw(payload: &Value) -> Vec<u8> {
        json!({"envelope_id": "e", "type": "interactive", "payload": payload}).to_string().into()
    }

    #[test]
    fn what_is_written_into_the_modal_comes_back_with_its_answer() {
        for (said, text) in [("It is old. ", Some("It is old.")), ("  ", None)] {
            let payload = submitted(&modal("C1", "2.000001"), said);
            assert!(is_remark(&payload));
            let expected = Remark {
                user: "U1".to_owned(),
                channel: "C1".to_owned(),
                ts: "2.000001".to_owned(),
                text: text.map(str::to_owned),
            };
            assert_eq!(Remark::read(&raw(&payload)).unwrap(), expected);
        }
    }

    #[test]
    fn other_modals_are_none_of_ours() {
        let other = json!({"callback_id": "other", "private_metadata": "not JSON"});
        let payload = submitted(&other, "hello");
        assert!(!is_remark(&payload));
        assert!(Remark::read(&raw(&payload)).is_err());
    }
}
