//! One connection: reads frames, hands them over, writes acknowledgements as commits return.
//!
//! A task of its own, so that it drains itself whatever becomes of its slot:
//!
//! 1. **serving**: reads, acknowledges, pings, and notices when nothing answers;
//! 2. **draining** (retired, or shutdown): a retired connection still reads; both write the
//!    acknowledgements that are pending;
//! 3. **closing**: sends a close and reads the rest until the other side closed. Leaving bytes unread
//!    would reset the connection and could take the last acknowledgements with it. What a retired
//!    connection reads here is handed over too, so that nobody waits for it, but can no longer be
//!    acknowledged: Slack delivers it again, and it is known then.

use std::future::{pending, ready};
use std::sync::Arc;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::failure::{LINK_DISABLED, ended, farewell, refused, socket, within};
use super::liveness::Liveness;
use super::open::{Opened, Socket};
use super::{Ack, Shared};
use crate::error::SlackError;
use crate::frame::{self, Frame};

/// What a connection tells its slot.
#[derive(Debug)]
pub(super) enum Notice {
    /// Slack will close it soon; it still serves.
    Leaving {
        /// Slack's word.
        reason: String,
    },
    /// It no longer serves.
    Ended {
        /// Why.
        error: SlackError,
    },
}

/// The reason for leaving a connection that Slack has not spoken of yet.
const OUTLIVED: &str = "lifetime_announced";

/// The slot's hold on a connection. Dropping it retires the connection.
pub(super) struct Connection {
    notices: mpsc::UnboundedReceiver<Notice>,
    retired: CancellationToken,
    /// When it is to be replaced, whether Slack says so or not.
    outlived_at: Option<Instant>,
}

impl Connection {
    pub(super) fn start(shared: Arc<Shared>, opened: Opened) -> Self {
        let Opened { socket, lifetime } = opened;
        let (notify, notices) = mpsc::unbounded_channel();
        let retired = CancellationToken::new();
        let now = Instant::now();
        // Of a life too short to spare that much, half is used.
        let spare = shared.bounds.renew_before;
        let outlived_at = lifetime.map(|life| now + life.saturating_sub(spare).max(life / 2));
        shared.status.send_modify(|status| {
            status.open += 1;
            status.hellos += 1;
            status.last_frame = Some(now);
        });
        let task = Task {
            liveness: Liveness::new(now),
            farewell: None,
            pending: JoinSet::new(),
            retired: retired.clone(),
            socket,
            notify,
            shared: Arc::clone(&shared),
        };
        shared.tasks.spawn(task.run().in_current_span());
        Connection { notices, retired, outlived_at }
    }

    /// Waits for news. Cancel-safe.
    pub(super) async fn notice(&mut self) -> Notice {
        let at = self.outlived_at;
        let outlived = async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            notice = self.notices.recv() => match notice {
                Some(notice) => notice,
                None => Notice::Ended { error: socket("its task ended", None) },
            },
            () = outlived => {
                self.outlived_at = None;
                Notice::Leaving { reason: OUTLIVED.to_owned() }
            }
        }
    }

    /// Lets it finish its acknowledgements and close.
    pub(super) fn retire(self) {
        self.retired.cancel();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.retired.cancel();
    }
}

struct Task {
    shared: Arc<Shared>,
    socket: Socket,
    notify: mpsc::UnboundedSender<Notice>,
    retired: CancellationToken,
    /// Frames that are being committed; each yields the acknowledgement to write, if any.
    pending: JoinSet<Option<String>>,
    liveness: Liveness,
    /// What to tell the other side when it broke the protocol.
    farewell: Option<CloseFrame>,
}

/// Why a connection stops serving.
enum End {
    Retired,
    Shutdown,
    Failed(SlackError),
}

impl Task {
    async fn run(mut self) {
        let end = self.serve().await;
        self.shared.status.send_modify(|status| status.open -= 1);
        let deadline = Instant::now() + self.shared.bounds.drain;
        match end {
            End::Failed(error) => {
                let _ = self.notify.send(Notice::Ended { error });
                let farewell = self.socket.close(self.farewell.take());
                let _ = within(self.shared.bounds.write, farewell).await;
            }
            End::Retired => self.leave(true, deadline).await,
            End::Shutdown => self.leave(false, deadline).await,
        }
        // Unacknowledged, they come again; but what is being committed is worth finishing.
        let finish = async { while self.pending.join_next().await.is_some() {} };
        let _ = timeout_at(deadline, finish).await;
    }

    async fn serve(&mut self) -> End {
        let mut pings = interval(self.shared.bounds.ping_every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let shutdown = self.shared.shutdown.clone();
        let retired = self.retired.clone();
        // A frame that was read and waits for room; reading pauses meanwhile.
        let mut waiting: Option<Vec<u8>> = None;
        loop {
            let waiting_bytes = waiting.as_ref().map_or(0, Vec::len);
            let outcome = tokio::select! {
                biased;
                () = shutdown.cancelled() => return End::Shutdown,
                () = retired.cancelled() => return End::Retired,
                Some(done) = self.pending.join_next() => self.acknowledge(done.ok().flatten()).await,
                room = self.shared.room.enter(waiting_bytes), if waiting.is_some() => {
                    self.liveness.resume();
                    waiting.take().map_or(Ok(()), |raw| self.hand_over(raw, room))
                }
                _ = pings.tick() => match waiting {
                    // While we do not read, silence proves nothing.
                    Some(_) => Ok(()),
                    None => self.ping().await,
                },
                message = self.socket.next(), if waiting.is_none() => {
                    self.receive(message).map(|raw| waiting = raw)
                }
            };
            if let Err(error) = outcome {
                return End::Failed(error);
            }
        }
    }

    /// Takes note of a message; a frame with content is returned.
    fn receive(
        &mut self,
        message: Option<Result<Message, WsError>>,
    ) -> Result<Option<Vec<u8>>, SlackError> {
        let message = message.ok_or_else(|| socket("closed", None))?.map_err(|error| {
            self.farewell = farewell(&error);
            ended(error)
        })?;
        self.liveness.heard(&message);
        match message {
            Message::Text(text) => Ok(Some(Bytes::from(text).into())),
            Message::Binary(bytes) => Ok(Some(bytes.into())),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
            Message::Close(_) => Err(socket("closed by Slack", None)),
        }
    }

    /// Acts on a frame: hands it to the handler, or takes note of Slack's own.
    fn hand_over(&mut self, raw: Vec<u8>, room: OwnedSemaphorePermit) -> Result<(), SlackError> {
        let frame = frame::read(&raw);
        let now = Instant::now();
        self.shared.status.send_modify(|status| status.last_frame = Some(now));
        match frame {
            Frame::Hello { .. } => Ok(()),
            // Nothing more comes on a link that is switched off; a successor would fare no better.
            Frame::Disconnect { reason } if reason == LINK_DISABLED => Err(refused(reason)),
            Frame::Disconnect { reason } => {
                let _ = self.notify.send(Notice::Leaving { reason });
                Ok(())
            }
            frame @ (Frame::Envelope(_) | Frame::Unreadable { .. }) => {
                self.shared.status.send_modify(|status| status.frames += 1);
                let handler = Arc::clone(&self.shared.handler);
                let handling = async move {
                    let envelope_id = frame.envelope_id().map(str::to_owned);
                    let ack = handler.frame(raw, frame).await;
                    drop(room);
                    acknowledgement(envelope_id?, ack)
                };
                self.pending.spawn(handling.in_current_span());
                Ok(())
            }
        }
    }

    /// Writes an acknowledgement and all others that are ready, in one flush.
    async fn acknowledge(&mut self, first: Option<String>) -> Result<(), SlackError> {
        let mut written = 0;
        let mut next = Some(first);
        let writing = async {
            while let Some(ack) = next {
                if let Some(ack) = ack {
                    self.socket.feed(Message::text(ack)).await?;
                    written += 1;
                }
                next = self.pending.try_join_next().map(|done| done.ok().flatten());
            }
            self.socket.flush().await
        };
        within(self.shared.bounds.write, writing).await?;
        self.shared.status.send_modify(|status| status.acks += written);
        Ok(())
    }

    async fn ping(&mut self) -> Result<(), SlackError> {
        self.liveness.check(self.shared.bounds.pong, self.shared.bounds.silence)?;
        within(self.shared.bounds.write, self.socket.send(Message::Ping(Bytes::new()))).await
    }

    /// Writes what is pending, then closes.
    async fn leave(&mut self, still_reading: bool, deadline: Instant) {
        if let Err(error) = self.drain(still_reading, deadline).await {
            tracing::debug!(%error, "ended while draining");
        }
        let unfinished = self.pending.len();
        if unfinished > 0 {
            tracing::warn!(
                unfinished,
                "frames were not committed in time; Slack delivers them again"
            );
        }
        let bound = self.shared.bounds.close;
        let closing = async {
            self.socket.close(None).await?;
            while let Some(Ok(message)) = self.socket.next().await {
                if still_reading {
                    self.take_late(message);
                }
            }
            Ok(())
        };
        if let Err(error) = within(bound, closing).await {
            tracing::debug!(%error, "closed without the other side");
        }
    }

    /// A message that was under way when the close was sent.
    fn take_late(&mut self, message: Message) {
        let taken = match self.receive(Some(Ok(message))) {
            Ok(Some(raw)) => self.hand_over_if_room(raw),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = taken {
            tracing::debug!(%error, "the last of a connection");
        }
    }

    fn hand_over_if_room(&mut self, raw: Vec<u8>) -> Result<(), SlackError> {
        match self.shared.room.try_enter(raw.len()) {
            Some(room) => self.hand_over(raw, room),
            None => Ok(()),
        }
    }

    /// Acknowledges until nothing is pending. A retired connection first reads what has arrived
    /// already, and goes on reading meanwhile: Slack may still be sending to it.
    async fn drain(&mut self, still_reading: bool, deadline: Instant) -> Result<(), SlackError> {
        loop {
            tokio::select! {
                biased;
                Some(done) = self.pending.join_next() => {
                    self.acknowledge(done.ok().flatten()).await?;
                }
                () = sleep_until(deadline) => return Err(socket("commits took too long", None)),
                message = self.socket.next(), if still_reading => {
                    if let Some(raw) = self.receive(message)? {
                        self.hand_over_if_room(raw)?;
                    }
                }
                () = ready(()), if self.pending.is_empty() => return Ok(()),
            }
        }
    }
}

/// What an acknowledgement says; `None` when it is withheld.
fn acknowledgement(envelope_id: String, ack: Ack) -> Option<String> {
    let body: Value = match ack {
        Ack::Now => json!({"envelope_id": envelope_id}),
        Ack::With(payload) => json!({"envelope_id": envelope_id, "payload": payload}),
        Ack::Withheld => return None,
    };
    Some(body.to_string())
}
