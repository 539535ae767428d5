//! Response bodies that take their time, and the mishaps a script asks for.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::journal::{Ending, OpenRequest};
use super::script::Step;

/// One thing a body does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// Bytes are sent, after the pause.
    Data(String),
    /// The connection breaks.
    Break,
    /// Nothing more comes, and the connection stays open.
    Stall,
}

/// A body and the way it is sent.
#[derive(Debug)]
pub(super) struct Plan {
    frames: Vec<Frame>,
    ending: Ending,
    pause: Duration,
}

impl Plan {
    /// Server-sent events for the chunks, closed by `[DONE]`, with the step's mishaps.
    pub fn events(chunks: &[Value], pause: Duration, step: Option<&Step>) -> Plan {
        let mut frames: Vec<Frame> = chunks.iter().map(event).collect();
        frames.push(Frame::Data("data: [DONE]\n\n".to_owned()));
        Plan::spoilt(frames, pause, step)
    }

    /// One JSON document, with the step's mishaps; a break comes in the middle of it.
    pub fn document(document: &Value, step: Option<&Step>) -> Plan {
        let mut text = document.to_string();
        let middle = (text.len() / 2..text.len()).find(|at| text.is_char_boundary(*at));
        let rest = text.split_off(middle.unwrap_or(text.len()));
        let mut plan =
            Plan::spoilt(vec![Frame::Data(text), Frame::Data(rest)], Duration::ZERO, None);
        let spoil = |step: &Step| {
            let broken = step.break_after_chunks.or(step.cut_after_chunks).map(|_| Frame::Break);
            broken.or(step.stall_after_chunks.map(|_| Frame::Stall))
        };
        if let Some(frame) = step.and_then(spoil) {
            plan.frames[1] = frame;
            plan.ending = Ending::Spoilt;
        }
        plan
    }

    fn spoilt(mut frames: Vec<Frame>, pause: Duration, step: Option<&Step>) -> Plan {
        let whole = frames.len();
        let mut ending = Ending::Answered;
        if let Some(step) = step {
            for (after, last) in mishaps(step) {
                let Some(after) = after.filter(|after| *after < whole) else { continue };
                frames.truncate(after);
                frames.extend(last);
                ending = Ending::Spoilt;
            }
            if let Some(after) = step.malformed_after_chunks.filter(|after| *after < frames.len()) {
                let broken = "data: {\"id\": \"chatcmpl-broken\", \"choices\": [\n\n";
                frames.insert(after, Frame::Data(broken.to_owned()));
                ending = Ending::Spoilt;
            }
        }
        Plan { frames, ending, pause }
    }

    /// The body; when the last frame was sent, or the client left, the journal learns of it.
    pub fn into_body(self, request: OpenRequest, shutdown: CancellationToken) -> Body {
        let Plan { frames, ending, pause } = self;
        let sending =
            Sending { frames: frames.into_iter(), request, ending, pause, shutdown, sent: 0 };
        Body::from_stream(stream::unfold(sending, Sending::next))
    }
}

fn event(chunk: &Value) -> Frame {
    Frame::Data(format!("data: {chunk}\n\n"))
}

/// The mishaps that end a stream, with what comes last.
fn mishaps(step: &Step) -> [(Option<usize>, Option<Frame>); 4] {
    let error = json!({"error": {
        "message": "The server had an error while processing your request.",
        "type": "server_error", "param": null, "code": null,
    }});
    [
        (step.cut_after_chunks, None),
        (step.error_after_chunks, Some(event(&error))),
        (step.break_after_chunks, Some(Frame::Break)),
        (step.stall_after_chunks, Some(Frame::Stall)),
    ]
}

struct Sending {
    frames: std::vec::IntoIter<Frame>,
    request: OpenRequest,
    ending: Ending,
    pause: Duration,
    shutdown: CancellationToken,
    sent: usize,
}

impl Sending {
    /// The next piece of the body. A stopping server breaks its streams off, as a crash would.
    async fn next(mut self) -> Option<(Result<Bytes, io::Error>, Sending)> {
        let frame = self.frames.next()?;
        let paused = self.sent > 0 && !self.pause.is_zero();
        if frame == Frame::Break {
            // A pending body makes hyper flush, so that the client gets what came before the break.
            tokio::task::yield_now().await;
        }
        let stopped = match frame {
            Frame::Stall => {
                self.shutdown.cancelled().await;
                true
            }
            Frame::Data(_) | Frame::Break if paused => !self.waited().await,
            Frame::Data(_) | Frame::Break => self.shutdown.is_cancelled(),
        };
        self.sent += 1;
        match frame {
            Frame::Data(text) if !stopped => {
                // Noted with the last piece: a client may leave as soon as it has that.
                if self.frames.len() == 0 {
                    self.request.end(self.ending);
                }
                Some((Ok(Bytes::from(text)), self))
            }
            Frame::Data(_) | Frame::Break | Frame::Stall => {
                self.request.end(Ending::Spoilt);
                self.frames = Vec::new().into_iter();
                Some((Err(io::Error::other("the answer breaks off here")), self))
            }
        }
    }

    async fn waited(&self) -> bool {
        pause(self.pause, &self.shutdown).await
    }
}

/// Waits; false when the server was stopped before the time was over.
pub(super) async fn pause(duration: Duration, shutdown: &CancellationToken) -> bool {
    tokio::time::timeout(duration, shutdown.cancelled()).await.is_err()
}
