//! The reply protocol: intent, one post with its key, record; and when a post's fate is unknown,
//! wait, look its key up twice, adopt what is found, and post only if nothing was.
//!
//! The intent carries the reply itself, so that a later attempt neither asks the model again nor
//! says something else. A replay is a new generation: it edits what an earlier one left visible.

use std::time::Duration;

use event::{ErrorChain, EventRef, Reply, Timestamp, key::effect_key};
use queue::{Claim, Effect, EffectIntent, Intent, Stop};
use serde::{Deserialize, Serialize};
use slack::api::Turn;
use slack::{Failure, Post, SlackError};
use tokio::time::sleep;

use crate::desk::{Desk, JobError};
use crate::visible::visible_text;

/// The slot of the answer.
pub(crate) const ANSWER: &str = "reply";

/// The slot of the notice that there will be none.
pub(crate) const NOTICE: &str = "notice";

/// How long a post may take before its fate counts as unknown; above the API's own timeout.
const POST_DEADLINE: Duration = Duration::from_secs(12);

/// Posts that one attempt may send for one effect.
const POSTS_PER_ATTEMPT_MAX: u32 = 2;

/// How far before its intent a message may lie, as Slack's clock is not the database's.
const CLOCK_SKEW_MICROS: i64 = 60 * 1_000_000;

/// One message owed to one place.
pub(crate) struct Delivery<'a> {
    /// The claim whose token fences every write.
    pub(crate) claim: &'a Claim,
    /// The event that is answered; the claim's own, or the one that a notice is about.
    pub(crate) subject: EventRef,
    pub(crate) generation: i32,
    pub(crate) slot: &'static str,
    /// The subject's logical key.
    pub(crate) logical_key: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) thread_ts: &'a str,
}

/// What an intent keeps of its message.
#[derive(Serialize, Deserialize)]
struct Target {
    channel: String,
    thread_ts: String,
    reply: Reply,
}

impl Delivery<'_> {
    /// The reply that an earlier attempt of this generation has already settled on.
    pub(crate) async fn settled_on(&self, desk: &Desk) -> Result<Option<Reply>, JobError> {
        let effects = self.effects(desk).await?;
        let own = effects.into_iter().find(|effect| self.owns(effect));
        Ok(own.and_then(|effect| reply_of(&effect)))
    }

    /// Makes the reply visible once, and returns its `ts`.
    pub(crate) async fn deliver(
        &self,
        desk: &Desk,
        reply: &Reply,
        stop: &Stop,
    ) -> Result<String, JobError> {
        let intent = self.intent(desk, reply)?;
        let mut last = None;
        for _ in 0..POSTS_PER_ATTEMPT_MAX {
            // Before the intent: whoever waits for a turn has promised nothing yet.
            let mut turn = match self.turn(desk, stop).await {
                Ok(turn) => turn,
                Err(error) => return self.set_aside(desk, &intent, error).await,
            };
            let known = desk.queue.intend(self.claim, &intent).await;
            match known.map_err(JobError::queue("recording the intent to reply"))? {
                Intent::Done { result } => return Ok(result),
                Intent::Fresh => {}
                Intent::Unknown { intended_at, deadline_left, .. } => {
                    let wait = deadline_left + desk.reply_grace;
                    let found = self.look_up(desk, &intent.key, intended_at, wait, stop).await?;
                    if let Some(ts) = found {
                        return self.record(desk, ts).await;
                    }
                    turn = self.turn(desk, stop).await?;
                    let again = desk.queue.intend_again(self.claim, &intent).await;
                    again.map_err(JobError::queue("taking over the intent to reply"))?;
                }
            }
            match self.show(desk, reply, &intent.key, turn, stop).await {
                Ok(ts) => return self.record(desk, ts).await,
                Err(error) if fate_unknown(&error) => {
                    tracing::warn!(error = %ErrorChain::line(&error), "the reply's fate is unknown");
                    last = Some(error);
                }
                Err(error) => return self.give_up(desk, error).await,
            }
        }
        Err(last.unwrap_or(JobError::Stopped))
    }

    /// Edits what an earlier generation left visible, else posts.
    async fn show(
        &self,
        desk: &Desk,
        reply: &Reply,
        key: &str,
        turn: Turn<'_>,
        stop: &Stop,
    ) -> Result<String, JobError> {
        let markdown = visible_text(reply);
        if let Some(ts) = self.earlier(desk, stop).await? {
            let edited = desk.slack.update_message(self.channel, &ts, &markdown, Some(key)).await;
            match edited {
                Ok(()) => return Ok(ts),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(JobError::slack("editing the earlier message")(error)),
            }
        }
        let post = Post {
            channel: self.channel.to_owned(),
            thread_ts: Some(self.thread_ts.to_owned()),
            markdown,
            key: Some(key.to_owned()),
        };
        turn.post(&post).await.map_err(JobError::slack("posting the reply"))
    }

    async fn turn<'desk>(&self, desk: &'desk Desk, stop: &Stop) -> Result<Turn<'desk>, JobError> {
        let turn = desk.slack.turn_to_post(self.channel);
        let turn = stop.token().run_until_cancelled(turn).await.ok_or(JobError::Stopped)?;
        turn.map_err(JobError::slack("waiting for a turn to post the reply"))
    }

    /// The message that an earlier generation made visible, its unknown posts looked up.
    async fn earlier(&self, desk: &Desk, stop: &Stop) -> Result<Option<String>, JobError> {
        let effects = self.effects(desk).await?;
        let others = effects.iter().filter(|effect| !self.owns(effect) && !effect.is_withdrawn());
        for effect in others {
            if effect.done {
                return Ok(effect.result.clone());
            }
            let wait = POST_DEADLINE + desk.reply_grace;
            let found = self.look_up(desk, &effect.key, effect.intended_at, wait, stop).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Waits until the message must have appeared, looks for it, and looks again after a lag.
    async fn look_up(
        &self,
        desk: &Desk,
        key: &str,
        intended_at: Timestamp,
        wait: Duration,
        stop: &Stop,
    ) -> Result<Option<String>, JobError> {
        let oldest = Timestamp(intended_at.0.saturating_sub(CLOCK_SKEW_MICROS).max(0));
        for pause in [wait, desk.reply_grace / 3] {
            let waited = stop.token().run_until_cancelled(sleep(pause)).await;
            waited.ok_or(JobError::Stopped)?;
            let found = desk
                .slack
                .find_by_key(self.channel, self.thread_ts, oldest, key)
                .await
                .map_err(JobError::slack("looking for an earlier reply"))?;
            let word = if found.is_some() { "adopted" } else { "absent" };
            metrics::counter!("worker_reply_lookups_total", "found" => word).increment(1);
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn record(&self, desk: &Desk, ts: String) -> Result<String, JobError> {
        desk.queue
            .record_effect(self.claim, self.subject, self.generation, self.slot, &ts)
            .await
            .map_err(JobError::queue("recording the reply"))?;
        Ok(ts)
    }

    /// Keeps the reply for the next attempt, which then need not ask the model again.
    async fn set_aside(
        &self,
        desk: &Desk,
        intent: &EffectIntent,
        error: JobError,
    ) -> Result<String, JobError> {
        let known = desk.queue.intend(self.claim, intent).await;
        match known.map_err(JobError::queue("recording the intent to reply"))? {
            Intent::Done { result } => Ok(result),
            Intent::Unknown { .. } => Err(error),
            Intent::Fresh => self.give_up(desk, error).await,
        }
    }

    /// A call that surely had no effect leaves no intent behind for the next attempt to wait on.
    async fn give_up(&self, desk: &Desk, error: JobError) -> Result<String, JobError> {
        if !fate_unknown(&error) && matches!(error, JobError::Slack { .. } | JobError::Stopped) {
            desk.queue
                .withdraw_effect(self.claim, self.subject, self.generation, self.slot)
                .await
                .map_err(JobError::queue("withdrawing the intent to reply"))?;
        }
        Err(error)
    }

    fn intent(&self, desk: &Desk, reply: &Reply) -> Result<EffectIntent, JobError> {
        let target = Target {
            channel: self.channel.to_owned(),
            thread_ts: self.thread_ts.to_owned(),
            reply: reply.clone(),
        };
        Ok(EffectIntent {
            subject: self.subject,
            generation: self.generation,
            slot: self.slot.to_owned(),
            key: effect_key(&desk.secret, self.logical_key, self.generation, self.slot),
            target: serde_json::to_value(target).map_err(JobError::Body)?,
            deadline: POST_DEADLINE,
        })
    }

    async fn effects(&self, desk: &Desk) -> Result<Vec<Effect>, JobError> {
        let effects = desk.queue.effects(self.subject).await;
        effects.map_err(JobError::queue("reading what was said earlier"))
    }

    fn owns(&self, effect: &Effect) -> bool {
        effect.generation == self.generation && effect.slot == self.slot
    }
}

fn reply_of(effect: &Effect) -> Option<Reply> {
    let target: Target = serde_json::from_value(effect.target.clone()).ok()?;
    let message = effect.result.clone();
    Some(Reply { message, ..target.reply })
}

/// Whether a message can no longer be edited because nobody sees it any more.
fn is_gone(error: &SlackError) -> bool {
    matches!(error.kind(), Failure::Refused { code } if code == "message_not_found")
}

fn fate_unknown(error: &JobError) -> bool {
    match error {
        JobError::Slack { source, .. } => matches!(SlackError::kind(source), Failure::Unknown),
        JobError::Frame(_)
        | JobError::Body(_)
        | JobError::Queue { .. }
        | JobError::Agent(_)
        | JobError::Kind { .. }
        | JobError::Stopped => false,
    }
}
