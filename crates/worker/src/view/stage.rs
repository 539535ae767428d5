//! Carries out the acts of a script in Slack.

use event::ErrorChain;
use queue::Intent;
use slack::api::stream::{Chunk, StreamStart};
use slack::{Content, Failure, SlackError};

use super::Asked;
use super::script::{Act, Script, Went};
use crate::desk::{Desk, JobError};
use crate::reply::{Delivery, Target};
use crate::sign::Sign;

/// Where the acts are carried out.
pub(super) struct Stage<'a> {
    pub(super) desk: &'a Desk,
    pub(super) delivery: &'a Delivery<'a>,
    pub(super) asked: Asked<'a>,
    pub(super) sign: &'a Sign,
}

impl Stage<'_> {
    pub(super) async fn perform(&self, act: &Act, script: &Script) -> Went {
        let went = match act {
            Act::Status(status) => return self.status(status).await,
            Act::Start(pieces) => self.start(pieces, script.part()).await,
            Act::Post(text) => self.post(text, script.part()).await,
            Act::Append(pieces) => self.append(pieces, script.message()).await,
            Act::Close(text) => self.close(text, script).await,
            Act::Edit(text) => self.edit(text, script).await,
        };
        went.unwrap_or_else(|error| {
            tracing::debug!(error = %ErrorChain::line(&error), "nothing more is shown");
            Went::Never
        })
    }

    async fn status(&self, status: &str) -> Went {
        if self.sign.say(status).await { Went::Well(None) } else { Went::Refused }
    }

    async fn start(&self, pieces: &[Chunk], part: usize) -> Result<Went, JobError> {
        let start = StreamStart {
            channel: self.delivery.channel.to_owned(),
            thread_ts: self.delivery.thread_ts.to_owned(),
            recipient: (self.asked.user.to_owned(), self.asked.team.to_owned()),
        };
        let begun = self.begin(part, self.desk.slack.start_stream(&start, pieces)).await?;
        if begun == Went::Refused {
            self.desk.streams.refused_to(&start.channel, self.asked.user);
        }
        Ok(begun)
    }

    async fn post(&self, text: &str, part: usize) -> Result<Went, JobError> {
        let key = self.delivery.key(self.desk, part);
        let content = Content::markdown(text, Some(&key));
        self.begin(part, self.delivery.post(self.desk, content)).await
    }

    /// Intends a message, begins it, and keeps its `ts`.
    async fn begin(
        &self,
        part: usize,
        call: impl Future<Output = Result<String, SlackError>>,
    ) -> Result<Went, JobError> {
        let Stage { desk, delivery, .. } = self;
        let target = Target { live: true, ..delivery.place() };
        let intent = delivery.intent(desk, part, &target)?;
        let known = desk.queue.intend(delivery.claim, &intent).await;
        match known.map_err(JobError::queue("recording the intent to show the answer"))? {
            Intent::Fresh => {}
            // An earlier attempt was here; the delivery sorts it out.
            Intent::Unknown { .. } | Intent::Done { .. } => return Ok(Went::Never),
        }
        let error = match call.await {
            Ok(ts) => {
                let known = Target { ts: Some(ts.clone()), ..target };
                delivery.intend_again(desk, part, &known).await?;
                return Ok(Went::Well(Some(ts)));
            }
            Err(error) => error,
        };
        let went = went(&error);
        if went != Went::Unknown {
            delivery.withdraw(desk, part).await?;
        }
        Ok(went)
    }

    async fn append(&self, pieces: &[Chunk], ts: &str) -> Result<Went, JobError> {
        let appended = self.desk.slack.append_stream(self.delivery.channel, ts, pieces).await;
        Ok(outcome(appended))
    }

    async fn close(&self, text: &str, script: &Script) -> Result<Went, JobError> {
        let key = self.delivery.key(self.desk, script.part());
        let (channel, ts) = (self.delivery.channel, script.message());
        let end = Content::markdown(text, Some(&key));
        Ok(outcome(self.desk.slack.stop_stream(channel, ts, &script.untold_tasks(), &end).await))
    }

    async fn edit(&self, text: &str, script: &Script) -> Result<Went, JobError> {
        let (channel, ts) = (self.delivery.channel, script.message());
        if script.is_doubtful() {
            // Only a closed stream takes edits; one that is over already says so.
            let stopped = self.desk.slack.stop_stream(channel, ts, &[], &Content::default()).await;
            if let Err(error) = stopped
                && matches!(went(&error), Went::Later(_) | Went::Unknown)
            {
                return Ok(went(&error));
            }
        }
        let key = self.delivery.key(self.desk, script.part());
        let content = Content::markdown(text, Some(&key));
        Ok(outcome(self.desk.slack.update_meanwhile(channel, ts, &content).await))
    }
}

fn outcome(answer: Result<(), SlackError>) -> Went {
    match answer {
        Ok(()) => Went::Well(None),
        Err(error) => {
            tracing::debug!(error = %ErrorChain::line(&error), "the view could not go on");
            went(&error)
        }
    }
}

fn went(error: &SlackError) -> Went {
    match error.kind() {
        Failure::RateLimited { after } => Went::Later(after),
        Failure::Refused { code } if code == "stopped_by_user" => Went::Stopped,
        Failure::Refused { code } if code == "message_not_in_streaming_state" => Went::Over,
        Failure::Refused { .. } => Went::Refused,
        Failure::Unknown => Went::Unknown,
        Failure::Auth { .. } | Failure::NotSent => Went::Never,
    }
}
