//! What happened between the app and the local Slack, in order: the evidence for tests.

use std::{collections::VecDeque, sync::Mutex};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::{
    clock::Clock,
    connection::{Acked, Did},
    envelope::{Delivery, Kind},
    world::lock,
};

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Counts up from 1 without gaps.
    pub sequence: u64,
    /// When, by the local Slack's clock, in microseconds since the Unix epoch.
    pub at_us: i64,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What an [`Entry`] tells.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A call of the Web API, entered when it is answered.
    Call {
        /// The method's name.
        method: String,
        /// Its arguments, without the token.
        args: Value,
        /// The HTTP status of the answer.
        status: u16,
        /// The answer's `error`.
        error: Option<String>,
        /// The fault that was injected.
        fault: Option<&'static str>,
        /// Whether the method did its work.
        applied: bool,
        /// How long the answer took, in microseconds of real time.
        took_us: u64,
    },
    /// An envelope was sent to a socket.
    Envelope {
        /// The id to acknowledge.
        envelope_id: String,
        /// The event's id: the same on each redelivery.
        event_id: String,
        /// The envelope's type.
        envelope: Kind,
        /// The event's type.
        event: String,
        /// The socket.
        connection: u64,
        /// 0 the first time.
        retry_attempt: u32,
    },
    /// The app acknowledged.
    Ack {
        /// The acknowledged envelope.
        envelope_id: String,
        /// The event, when the envelope was under way.
        event_id: Option<String>,
        /// The socket.
        connection: u64,
        /// From sending to acknowledgement, in microseconds.
        after_us: Option<i64>,
        /// `done`, `unknown` (late, repeated or never sent) or `lost` (swallowed on purpose).
        result: &'static str,
        /// The answer it carried.
        payload: Option<Value>,
    },
    /// The app said something that is no acknowledgement.
    Nonsense {
        /// The socket.
        connection: u64,
        /// How much, in bytes.
        bytes: usize,
    },
    /// No socket was open: the event waits for one.
    Waits {
        /// The event.
        event_id: String,
    },
    /// The last try went without acknowledgement, or there was none to make: it is lost.
    GaveUp {
        /// The event.
        event_id: String,
        /// Its type.
        event: String,
    },
    /// A socket changed.
    Socket {
        /// The socket.
        connection: u64,
        /// `opened`, `closed`, `refused`, `disconnect`, `closing`, `dropped`, `half_open`; of
        /// requests, `missed` when one was not taken.
        change: &'static str,
        /// The reason given to the app.
        reason: Option<String>,
    },
}

/// The bounded list of entries.
pub(super) struct Journal {
    clock: Clock,
    entries_max: usize,
    entries: Mutex<Entries>,
    /// The last sequence number: changes with every entry.
    latest: watch::Sender<u64>,
}

#[derive(Default)]
struct Entries {
    list: VecDeque<Entry>,
    sequence: u64,
}

impl Journal {
    pub fn new(clock: Clock, entries_max: usize) -> Self {
        Self { clock, entries_max, entries: Mutex::default(), latest: watch::Sender::new(0) }
    }

    pub fn enter(&self, what: What) {
        let sequence = {
            let mut entries = lock(&self.entries);
            entries.sequence += 1;
            let entry = Entry { sequence: entries.sequence, at_us: self.clock.now_us(), what };
            entries.list.push_back(entry);
            if entries.list.len() > self.entries_max {
                entries.list.pop_front();
            }
            entries.sequence
        };
        self.latest.send_replace(sequence);
    }

    /// Everything after `sequence` that is still kept.
    pub fn since(&self, sequence: u64) -> Vec<Entry> {
        let entries = lock(&self.entries);
        let first = entries.list.front().map_or(1, |entry| entry.sequence);
        let skip = usize::try_from((sequence + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        entries.list.iter().skip(skip).cloned().collect()
    }

    /// Changes whenever something is entered.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    pub fn link(&self, did: impl IntoIterator<Item = Did>) {
        for did in did {
            self.enter(match did {
                Did::Sent { envelope_id, connection, delivery } => What::Envelope {
                    envelope_id,
                    event_id: delivery.id,
                    envelope: delivery.kind,
                    event: delivery.about,
                    connection,
                    retry_attempt: delivery.attempt,
                },
                Did::Waits(Delivery { id, .. }) => What::Waits { event_id: id },
                Did::GaveUp(Delivery { id, about, .. }) => {
                    What::GaveUp { event_id: id, event: about }
                }
                Did::Told { connection, reason } => {
                    What::Socket { connection, change: "disconnect", reason: Some(reason) }
                }
                Did::Closed { connection } => {
                    What::Socket { connection, change: "closing", reason: None }
                }
            });
        }
    }

    pub fn ack(&self, connection: u64, envelope_id: &str, acked: &Acked, payload: Option<&Value>) {
        let (event_id, after_us, result) = match acked {
            Acked::Done { delivery, after_us } => {
                (Some(delivery.id.clone()), Some(*after_us), "done")
            }
            Acked::Unknown => (None, None, "unknown"),
            Acked::Lost => (None, None, "lost"),
        };
        self.enter(What::Ack {
            envelope_id: envelope_id.to_owned(),
            event_id,
            connection,
            after_us,
            result,
            payload: payload.cloned(),
        });
    }

    pub fn nonsense(&self, connection: u64, bytes: usize) {
        self.enter(What::Nonsense { connection, bytes });
    }

    pub fn socket(&self, connection: u64, change: &'static str, reason: Option<&str>) {
        let reason = reason.map(str::to_owned);
        self.enter(What::Socket { connection, change, reason });
    }
}
