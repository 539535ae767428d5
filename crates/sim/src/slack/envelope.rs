//! What is delivered over Socket Mode, and its shape on the wire.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// One thing to deliver; a redelivery is the same thing with a higher `attempt`.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub kind: Kind,
    /// The event's id, or the trigger's of an interaction: what all its envelopes share.
    pub id: String,
    /// The event's type, the interaction's type or the command: for the journal.
    pub about: String,
    pub payload: Arc<RawValue>,
    pub attempt: u32,
    pub reason: &'static str,
}

/// The type of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An event of the Events API; sent again until acknowledged.
    EventsApi,
    /// A pressed button or a submitted view; sent once.
    Interactive,
    /// A slash command; sent once.
    SlashCommands,
}

impl Kind {
    /// Whether the acknowledgement may carry an answer.
    pub(super) fn accepts_response_payload(self) -> bool {
        match self {
            Self::EventsApi => false,
            Self::Interactive | Self::SlashCommands => true,
        }
    }

    /// Whether a missed acknowledgement is followed by another try.
    pub(super) fn is_redelivered(self) -> bool {
        match self {
            Self::EventsApi => true,
            Self::Interactive | Self::SlashCommands => false,
        }
    }
}

impl Delivery {
    pub fn new(kind: Kind, id: String, about: String, payload: &Value) -> Self {
        let payload =
            serde_json::value::to_raw_value(payload).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { kind, id, about, payload: payload.into(), attempt: 0, reason: "" }
    }

    /// The text frame of one envelope.
    pub fn frame(&self, envelope_id: &str) -> String {
        #[derive(Serialize)]
        struct Wire<'a> {
            envelope_id: &'a str,
            payload: &'a RawValue,
            #[serde(rename = "type")]
            kind: Kind,
            accepts_response_payload: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_attempt: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_reason: Option<&'static str>,
        }
        let retried = self.kind.is_redelivered();
        serde_json::to_string(&Wire {
            envelope_id,
            payload: &self.payload,
            kind: self.kind,
            accepts_response_payload: self.kind.accepts_response_payload(),
            retry_attempt: retried.then_some(self.attempt),
            retry_reason: retried.then_some(self.reason),
        })
        .unwrap_or_default()
    }
}
