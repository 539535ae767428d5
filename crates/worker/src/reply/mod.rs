//! The reply protocol: intent, one post with its key, record; and when a post's fate is unknown,
//! wait, look its key up twice, adopt what is found, and post only if nothing was.
//!
//! An answer is one message, or several parts, each with an intent and a key of its own, so that a
//! later attempt resumes at the part that is missing. The first part's intent keeps the whole answer,
//! so that a later attempt neither asks the model again nor says something else. What was shown
//! while the answer was being written ([`crate::view`]) is closed or edited into its parts. A replay
//! is a new generation: it edits what an earlier one left visible.

mod attach;
mod look;
mod parts;
mod target;
mod visible;

use std::ops::Range;
use std::time::Duration;

use event::{ErrorChain, EventRef, Reply, key::effect_key};
use queue::{Claim, Effect, EffectIntent, Intent, Stop};
use slack::api::Turn;
use slack::mention::answer_key;
use slack::{Content, Failure, Post, SlackError};

use crate::desk::{Desk, JobError};
use crate::view::Shown;
use look::LookUp;
pub(crate) use parts::{boundary, cut, open_fence, render_closed, render_open};
pub(crate) use target::{Target, messages};
use target::{message, place, slot, target};
use visible::{feedback_buttons, is_cut, visible_text};

/// The slots of the answer.
pub(crate) const ANSWER: &str = "reply";

/// The slot of the notice that there will be none.
pub(crate) const NOTICE: &str = "notice";

/// The slot of an answer that is attached as a file.
pub(crate) const ATTACHMENT: &str = "attachment";

/// How long a post may take before its fate counts as unknown; above the API's own timeout.
pub(crate) const POST_DEADLINE: Duration = Duration::from_secs(12);

/// Posts that one attempt may send for one effect.
const POSTS_PER_ATTEMPT_MAX: u32 = 2;

/// What a message owed to one place is about.
pub(crate) struct Delivery<'a> {
    /// The claim whose token fences every write.
    pub(crate) claim: &'a Claim,
    /// The event that is answered; the claim's own, or the one that a notice is about.
    pub(crate) subject: EventRef,
    pub(crate) generation: i32,
    /// What the slots of its parts begin with.
    pub(crate) family: &'static str,
    /// The subject's logical key.
    pub(crate) logical_key: &'a str,
    pub(crate) channel: &'a str,
    pub(crate) thread_ts: &'a str,
}

/// One part on its way.
struct Part<'a> {
    number: usize,
    /// What its message shows and carries.
    content: Content,
    /// The whole reply, with the first part.
    reply: Option<&'a Reply>,
    /// Where the parts end that were shown already, with the first part.
    cuts: &'a [usize],
    /// The message of an earlier generation that it takes the place of.
    replaces: Option<String>,
}

impl Delivery<'_> {
    /// The reply that an earlier attempt of this generation has already settled on, and where the
    /// parts end that it had shown by then.
    pub(crate) fn settled_on(&self, effects: &[Effect]) -> Option<(Reply, Vec<usize>)> {
        let own = effects.iter().find(|effect| self.owns(effect) && place(&effect.slot).1 == 0)?;
        let Target { reply, cuts, .. } = target(own);
        Some((Reply { message: message(own), ..reply? }, cuts))
    }

    /// Makes the reply visible once, and returns the `ts` of its first part. `effects` are what was
    /// recorded before this attempt, `shown` what people saw of the reply while it was being written.
    pub(crate) async fn deliver(
        &self,
        desk: &Desk,
        reply: &Reply,
        effects: &[Effect],
        shown: &Shown,
        stop: &Stop,
    ) -> Result<String, JobError> {
        let text = visible_text(reply);
        let ranges = parts::parts(&text, &shown.cuts_of(&text));
        let cuts: Vec<usize> = ranges.iter().skip(1).map(|part| part.start).collect();
        let look = LookUp { delivery: self, desk, stop };
        let mut replaced = look.earlier(effects).await?.into_iter();
        let mut first = None;
        for (number, range) in ranges.iter().enumerate() {
            let part = Part {
                number,
                content: self.content(desk, number, &text, range, number + 1 == ranges.len()),
                reply: (number == 0).then_some(reply),
                cuts: if number == 0 { &cuts } else { &[] },
                replaces: replaced.next(),
            };
            let ts = self.deliver_part(&look, &part, effects, shown).await?;
            first.get_or_insert(ts);
        }
        self.remove_rest(desk, effects, ranges.len(), shown, replaced).await;
        if self.family == ANSWER && is_cut(reply) {
            self.attach(&look, reply).await?;
        }
        first.ok_or(JobError::Stopped)
    }

    /// The last part of an answer asks what people think of it.
    fn content(
        &self,
        desk: &Desk,
        number: usize,
        text: &str,
        part: &Range<usize>,
        last: bool,
    ) -> Content {
        let asks = last && self.family == ANSWER;
        Content {
            blocks: if asks { vec![feedback_buttons()] } else { Vec::new() },
            ..Content::markdown(parts::render(text, part), Some(&self.key(desk, number)))
        }
    }

    async fn deliver_part(
        &self,
        look: &LookUp<'_>,
        part: &Part<'_>,
        effects: &[Effect],
        shown: &Shown,
    ) -> Result<String, JobError> {
        let LookUp { desk, stop, .. } = *look;
        let fresh = self.target(part, None, false);
        let intent = self.intent(desk, part.number, &fresh)?;
        // Before the intent: whoever waits for a turn has promised nothing yet.
        let mut turn = None;
        if part.replaces.is_none() && !self.is_under_way(part.number, effects, shown) {
            match self.turn(desk, stop).await {
                Ok(granted) => turn = Some(granted),
                Err(error) => return self.set_aside(desk, part.number, &intent, error).await,
            }
        }
        let mut last = None;
        for _ in 0..POSTS_PER_ATTEMPT_MAX {
            let known = desk.queue.intend(self.claim, &intent).await;
            match known.map_err(JobError::queue("recording the intent to reply"))? {
                Intent::Done { result } => return Ok(result),
                Intent::Fresh => {}
                Intent::Unknown { target: kept, intended_at, deadline_left, .. } => {
                    let kept: Target = serde_json::from_value(kept).unwrap_or_default();
                    let wait = deadline_left + desk.reply_grace;
                    let found = match &kept.ts {
                        Some(ts) => Some(ts.clone()),
                        None => look.find(&intent.key, intended_at, wait, kept.live).await?,
                    };
                    if let Some(ts) = found {
                        if kept.live {
                            self.settle_live(desk, part, &ts).await?;
                            shown.complete(desk, self, part.number, &ts, &part.content).await?;
                        }
                        return self.record(desk, part.number, ts).await;
                    }
                    turn = Some(self.turn(desk, stop).await?);
                    self.intend_again(desk, part.number, &fresh).await?;
                }
            }
            match self.show(desk, part, turn.take()).await {
                Ok(ts) => return self.record(desk, part.number, ts).await,
                Err(error) if fate_unknown(&error) => {
                    tracing::warn!(error = %ErrorChain::line(&error), "the reply's fate is unknown");
                    last = Some(error);
                }
                Err(error) => return self.give_up(desk, part.number, error).await,
            }
        }
        Err(last.unwrap_or(JobError::Stopped))
    }

    /// Keeps what is said with the message that shows it already, before that is closed.
    async fn settle_live(&self, desk: &Desk, part: &Part<'_>, ts: &str) -> Result<(), JobError> {
        self.intend_again(desk, part.number, &self.target(part, Some(ts), true)).await
    }

    /// Whether a part's post is intended already, or done.
    fn is_under_way(&self, part: usize, effects: &[Effect], shown: &Shown) -> bool {
        let intended = |effect: &Effect| self.owns(effect) && place(&effect.slot).1 == part;
        shown.messages().any(|(number, _)| number == part)
            || effects.iter().any(|effect| intended(effect) && !effect.is_withdrawn())
    }

    async fn turn<'desk>(&self, desk: &'desk Desk, stop: &Stop) -> Result<Turn<'desk>, JobError> {
        let turn = desk.slack.turn_to_post(self.channel);
        let turn = stop.token().run_until_cancelled(turn).await.ok_or(JobError::Stopped)?;
        turn.map_err(JobError::slack("waiting for a turn to post the reply"))
    }

    /// Edits what an earlier generation left visible, else posts.
    async fn show(
        &self,
        desk: &Desk,
        part: &Part<'_>,
        turn: Option<Turn<'_>>,
    ) -> Result<String, JobError> {
        if let Some(ts) = &part.replaces {
            match desk.slack.update_message(self.channel, ts, &part.content).await {
                Ok(()) => return Ok(ts.clone()),
                Err(error) if is_gone(&error) => {}
                Err(error) => return Err(JobError::slack("editing the earlier message")(error)),
            }
        }
        let posted = match turn {
            Some(turn) => turn.post(&self.message(part.content.clone())).await,
            None => self.post(desk, part.content.clone()).await,
        };
        posted.map_err(JobError::slack("posting the reply"))
    }

    /// Posts something in the thread.
    pub(crate) async fn post(&self, desk: &Desk, content: Content) -> Result<String, SlackError> {
        desk.slack.post_message(&self.message(content)).await
    }

    fn message(&self, content: Content) -> Post {
        let (channel, thread_ts) = (self.channel.to_owned(), Some(self.thread_ts.to_owned()));
        Post { channel, thread_ts, content }
    }

    /// Takes away what was shown and is not part of the reply any more. What cannot be taken away
    /// stays, and is no reason to try the whole again.
    async fn remove_rest(
        &self,
        desk: &Desk,
        effects: &[Effect],
        parts: usize,
        shown: &Shown,
        replaced: impl Iterator<Item = String>,
    ) {
        let own = effects.iter().filter(|effect| {
            let open = !effect.done && !effect.is_withdrawn();
            self.owns(effect) && open && place(&effect.slot).1 >= parts
        });
        let own = own.filter_map(|effect| Some((place(&effect.slot).1, message(effect)?)));
        let live = shown.messages().skip(parts).map(|(number, ts)| (number, ts.to_owned()));
        let mut own: Vec<(usize, String)> = own.chain(live).collect();
        own.sort();
        own.dedup();
        for (number, ts) in own {
            self.remove(desk, &ts).await;
            let withdrawn = self.withdraw(desk, number).await;
            if let Err(error) = withdrawn {
                tracing::warn!(error = %ErrorChain::line(&error), "an intent stays behind");
            }
        }
        for ts in replaced {
            self.remove(desk, &ts).await;
        }
    }

    async fn remove(&self, desk: &Desk, ts: &str) {
        if let Err(error) = desk.slack.delete_message(self.channel, ts).await {
            tracing::warn!(error = %ErrorChain::line(&error), "a message stays behind");
        }
    }

    pub(crate) async fn record(
        &self,
        desk: &Desk,
        part: usize,
        ts: String,
    ) -> Result<String, JobError> {
        let led = desk.queue.lead(&answer_key(self.channel, &ts), self.subject).await;
        led.map_err(JobError::queue("making the reply known"))?;
        let slot = slot(self.family, part);
        desk.queue
            .record_effect(self.claim, self.subject, self.generation, &slot, &ts)
            .await
            .map_err(JobError::queue("recording the reply"))?;
        Ok(ts)
    }

    pub(crate) async fn withdraw(&self, desk: &Desk, part: usize) -> Result<(), JobError> {
        let slot = slot(self.family, part);
        desk.queue
            .withdraw_effect(self.claim, self.subject, self.generation, &slot)
            .await
            .map_err(JobError::queue("withdrawing the intent to reply"))
    }

    /// Keeps the reply for the next attempt, which then need not ask the model again.
    async fn set_aside(
        &self,
        desk: &Desk,
        part: usize,
        intent: &EffectIntent,
        error: JobError,
    ) -> Result<String, JobError> {
        let known = desk.queue.intend(self.claim, intent).await;
        match known.map_err(JobError::queue("recording the intent to reply"))? {
            Intent::Done { result } => Ok(result),
            Intent::Unknown { .. } => Err(error),
            Intent::Fresh => self.give_up(desk, part, error).await,
        }
    }

    /// A call that surely had no effect leaves no intent behind for the next attempt to wait on.
    async fn give_up(&self, desk: &Desk, part: usize, error: JobError) -> Result<String, JobError> {
        if !fate_unknown(&error) && matches!(error, JobError::Slack { .. } | JobError::Stopped) {
            self.withdraw(desk, part).await?;
        }
        Err(error)
    }

    fn target(&self, part: &Part<'_>, ts: Option<&str>, live: bool) -> Target {
        Target {
            reply: part.reply.cloned(),
            cuts: part.cuts.to_vec(),
            live,
            ts: ts.map(str::to_owned),
            ..self.place()
        }
    }

    /// A target that says where alone.
    pub(crate) fn place(&self) -> Target {
        Target {
            channel: self.channel.to_owned(),
            thread_ts: self.thread_ts.to_owned(),
            ..Target::default()
        }
    }

    pub(crate) fn intent(
        &self,
        desk: &Desk,
        part: usize,
        target: &Target,
    ) -> Result<EffectIntent, JobError> {
        Ok(EffectIntent {
            subject: self.subject,
            generation: self.generation,
            slot: slot(self.family, part),
            key: self.key(desk, part),
            target: serde_json::to_value(target).map_err(JobError::Body)?,
            deadline: POST_DEADLINE,
        })
    }

    /// Keeps more of an act that is already intended.
    pub(crate) async fn intend_again(
        &self,
        desk: &Desk,
        part: usize,
        target: &Target,
    ) -> Result<(), JobError> {
        let intent = self.intent(desk, part, target)?;
        let again = desk.queue.intend_again(self.claim, &intent).await;
        again.map_err(JobError::queue("taking over the intent to reply"))
    }

    /// The key of a part's message.
    pub(crate) fn key(&self, desk: &Desk, part: usize) -> String {
        effect_key(&desk.secret, self.logical_key, self.generation, &slot(self.family, part))
    }

    /// What is recorded of the subject's acts.
    pub(crate) async fn effects(&self, desk: &Desk) -> Result<Vec<Effect>, JobError> {
        let effects = desk.queue.effects(self.subject).await;
        effects.map_err(JobError::queue("reading what was said earlier"))
    }

    pub(crate) fn owns(&self, effect: &Effect) -> bool {
        effect.generation == self.generation && place(&effect.slot).0 == self.family
    }
}

/// Whether a message can no longer be edited because nobody sees it any more.
pub(crate) fn is_gone(error: &SlackError) -> bool {
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
