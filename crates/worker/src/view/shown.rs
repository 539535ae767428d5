//! What people saw of an answer while it was being written, and how it becomes the answer.

use event::ErrorChain;
use slack::api::stream::Chunk;
use slack::{Content, Failure, SlackError};

use crate::desk::{Desk, JobError};
use crate::reply::{Delivery, is_gone};

/// What follows an answer that was called off.
const STOPPED: &str = "\n\n_Stopped._";

/// What was shown by the time the answer was there.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The answer as far as it was told.
    pub(super) text: String,
    /// Where its parts end, all but the last, in bytes.
    pub(super) cuts: Vec<usize>,
    /// Their messages.
    pub(super) parts: Vec<ShownPart>,
    /// Tasks that no message says the end of yet.
    pub(super) unfinished: Vec<Chunk>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShownPart {
    pub(super) ts: String,
    /// Its text, as the message shows it.
    pub(super) text: String,
    pub(super) state: PartState,
}

/// How a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartState {
    /// Its stream is open.
    Open,
    /// Its stream is closed, with its key.
    Closed,
    /// It never was a stream; it is edited.
    Edited,
    /// Nobody knows what it shows: an append or a close got no answer.
    Doubtful,
}

impl Shown {
    /// What an earlier attempt had shown, of which the ends of its parts alone are known.
    pub(crate) fn remembered(cuts: Vec<usize>) -> Self {
        Shown { cuts, ..Shown::default() }
    }

    /// Whether nobody saw anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Where the first parts of `text` end; nowhere when it is not the text that was shown.
    pub(crate) fn cuts_of(&self, text: &str) -> Vec<usize> {
        let fits =
            text.starts_with(&self.text) && self.cuts.iter().all(|cut| text.is_char_boundary(*cut));
        if fits { self.cuts.clone() } else { Vec::new() }
    }

    /// The messages in the order of their parts.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (usize, &str)> {
        self.parts.iter().map(|part| part.ts.as_str()).enumerate()
    }

    /// The answer was called off: what stands is closed, says so, and is all there will be. What
    /// fails is left as it stands.
    pub(crate) async fn leave(&self, desk: &Desk, delivery: &Delivery<'_>) {
        for (number, part) in self.parts.iter().enumerate() {
            let last = number + 1 == self.parts.len();
            let ending = if last { STOPPED } else { "" };
            let key = delivery.key(desk, number);
            let content = Content::markdown(format!("{}{ending}", part.text), Some(&key));
            let left = async {
                self.complete(desk, delivery, number, &part.ts, &content).await?;
                delivery.record(desk, number, part.ts.clone()).await
            };
            if let Err(error) = left.await {
                tracing::warn!(error = %ErrorChain::line(&error), "a stopped answer stays as it is");
            }
        }
    }

    /// Makes a message show and carry `content`, whatever it shows now.
    pub(crate) async fn complete(
        &self,
        desk: &Desk,
        delivery: &Delivery<'_>,
        number: usize,
        ts: &str,
        content: &Content,
    ) -> Result<(), JobError> {
        let part = self.parts.get(number).filter(|part| part.ts == ts);
        let state = part.map_or(PartState::Doubtful, |part| part.state);
        let rest = part.and_then(|part| content.markdown.strip_prefix(part.text.as_str()));
        if state == PartState::Closed && rest == Some("") && content.blocks.is_empty() {
            return Ok(());
        }
        if matches!(state, PartState::Open | PartState::Doubtful) {
            let rest = rest.filter(|_| state == PartState::Open);
            let end = Content { markdown: rest.unwrap_or_default().to_owned(), ..content.clone() };
            let last = number + 1 == self.parts.len();
            let tasks = if last { self.unfinished.as_slice() } else { &[] };
            let closed = desk.slack.stop_stream(delivery.channel, ts, tasks, &end).await;
            match closed {
                Ok(()) if rest.is_some() => return Ok(()),
                Ok(()) => {}
                Err(error) if outlived(&error) => {
                    tracing::debug!(error = %ErrorChain::line(&error), "the stream is over");
                    settle_session(desk, delivery);
                }
                Err(error) => return Err(JobError::slack("closing the reply")(error)),
            }
        }
        match desk.slack.update_message(delivery.channel, ts, content).await {
            // Somebody took it away, which is theirs to decide.
            Err(error) if is_gone(&error) => Ok(()),
            edited => edited.map_err(JobError::slack("editing the reply")),
        }
    }
}

/// A stream that ended by itself, or by a person, says nothing of the session that it began.
fn settle_session(desk: &Desk, delivery: &Delivery<'_>) {
    let slack = desk.slack.clone();
    let (channel, thread_ts) = (delivery.channel.to_owned(), delivery.thread_ts.to_owned());
    desk.errands.spawn(async move {
        if let Err(error) = slack.settle_session(&channel, &thread_ts).await {
            tracing::debug!(error = %ErrorChain::line(&error), "there is no session to settle");
        }
    });
}

/// Whether an edit may follow a close that failed so: the stream was over before, or its fate is
/// unknown and an edit says the same again.
fn outlived(error: &SlackError) -> bool {
    matches!(error.kind(), Failure::Refused { .. } | Failure::Unknown)
}
