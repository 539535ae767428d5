//! A socket as the link sees it, and what the link reports of it.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::envelope::Delivery;

/// The frames a connection may have queued before the next one counts as lost.
pub(super) const FRAMES_QUEUED_MAX: usize = 16_384;

/// A socket, seen from the side that sends.
#[derive(Clone)]
pub(super) struct Connection {
    pub id: u64,
    pub frames: mpsc::Sender<Frame>,
    pub switches: Switches,
    /// Told to go: gets nothing more while another one is open.
    pub leaving: bool,
}

/// What breaks a connection.
#[derive(Clone, Default)]
pub(super) struct Switches {
    /// Ends the connection without a closing handshake.
    pub cut: CancellationToken,
    /// Stops reading and writing while the connection stays.
    pub freeze: CancellationToken,
    /// Stops reading only.
    pub deafen: CancellationToken,
}

/// What a connection is asked to write.
pub(super) enum Frame {
    Text(String),
    /// Bytes as they are, as a text frame: also what is no UTF-8.
    Raw(Vec<u8>),
    Close,
}

/// What became of an acknowledgement.
pub(super) enum Acked {
    Done {
        delivery: Delivery,
        after_us: i64,
    },
    /// No envelope of this id is under way: it was never sent, was acked before or came too late.
    Unknown,
    /// Swallowed on purpose (`lose_acks`).
    Lost,
}

/// What the link did, for the journal.
pub(super) enum Did {
    Sent { envelope_id: String, connection: u64, delivery: Delivery },
    Waits(Delivery),
    GaveUp(Delivery),
    Told { connection: u64, reason: String },
    Closed { connection: u64 },
}

/// A new connection, and what was sent to it at once.
pub(super) struct Opened {
    pub id: u64,
    pub sent: Vec<Did>,
}
