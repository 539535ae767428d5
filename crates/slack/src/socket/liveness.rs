//! Whether the other side of a connection still lives.

use std::time::Duration;

use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::failure::socket;
use crate::error::SlackError;

pub(super) struct Liveness {
    /// When the server last sent something of its own accord.
    heard: Instant,
    awaiting_pong_since: Option<Instant>,
    /// Not every server pings; one that did is expected to go on.
    server_pings: bool,
}

impl Liveness {
    pub(super) fn new(now: Instant) -> Self {
        Liveness { heard: now, awaiting_pong_since: None, server_pings: false }
    }

    /// Takes note of a message.
    pub(super) fn heard(&mut self, message: &Message) {
        let now = Instant::now();
        match message {
            Message::Pong(_) => self.awaiting_pong_since = None,
            Message::Ping(_) => (self.heard, self.server_pings) = (now, true),
            Message::Text(_) | Message::Binary(_) | Message::Frame(_) | Message::Close(_) => {
                self.heard = now;
            }
        }
    }

    /// Reading begins again after a pause of ours, which proves nothing.
    pub(super) fn resume(&mut self) {
        self.heard = Instant::now();
        self.awaiting_pong_since = None;
    }

    /// Judges by what was heard so far; called just before a ping is sent.
    ///
    /// # Errors
    /// [`SlackError::Socket`] when a pong is overdue, or a server that used to ping has fallen
    /// silent.
    pub(super) fn check(&mut self, pong: Duration, silence: Duration) -> Result<(), SlackError> {
        let now = Instant::now();
        let since = *self.awaiting_pong_since.get_or_insert(now);
        if now - since > pong {
            return Err(socket("no pong came in time", None));
        }
        if self.server_pings && now - self.heard > silence {
            return Err(socket("silent for too long", None));
        }
        Ok(())
    }
}
