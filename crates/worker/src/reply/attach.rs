//! An answer that is too long for its messages is attached whole, once.
//!
//! The same protocol as for messages, with the file's own id for a key: it is uploaded where nobody sees
//! it, its id is kept with the intent to show it, and Slack knows of each file where it is shown.

use event::{ErrorChain, Reply, key::effect_key};
use queue::{Effect, EffectIntent, Intent};
use serde::{Deserialize, Serialize};
use slack::Failure;
use slack::api::files::Uploaded;
use tokio::time::sleep;

use super::look::LookUp;
use super::visible::whole_text;
use super::{ATTACHMENT, Delivery, POST_DEADLINE};
use crate::desk::{Desk, JobError};

const NAME: &str = "answer.md";
const TITLE: &str = "The whole answer";

/// What the intent to show a file keeps.
#[derive(Debug, Serialize, Deserialize)]
struct Target {
    channel: String,
    thread_ts: String,
    file: String,
}

impl Delivery<'_> {
    /// Attaches the whole answer. Where files may not be sent, the answer is what its messages hold.
    pub(super) async fn attach(&self, look: &LookUp<'_>, reply: &Reply) -> Result<(), JobError> {
        let desk = look.desk;
        match self.attach_once(look, reply).await {
            Err(JobError::Slack { source, .. })
                if matches!(source.kind(), Failure::Refused { .. } | Failure::Auth { .. }) =>
            {
                tracing::warn!(error = %ErrorChain::line(&source), "a long answer is not attached");
                let withdrawn = desk
                    .queue
                    .withdraw_effect(self.claim, self.subject, self.generation, ATTACHMENT)
                    .await;
                withdrawn.map_err(JobError::queue("withdrawing the intent to attach"))
            }
            attached => attached,
        }
    }

    async fn attach_once(&self, look: &LookUp<'_>, reply: &Reply) -> Result<(), JobError> {
        let LookUp { desk, stop, .. } = *look;
        if self.attached(&self.effects(desk).await?) {
            return Ok(());
        }
        let uploaded = desk.slack.upload(NAME, whole_text(reply).as_bytes()).await;
        let uploaded = uploaded.map_err(JobError::slack("sending a file"))?;
        let intent = self.file_intent(desk, &uploaded)?;
        let known = desk.queue.intend(self.claim, &intent).await;
        let file = match known.map_err(JobError::queue("recording the intent to attach"))? {
            Intent::Done { .. } => return Ok(()),
            Intent::Fresh => uploaded,
            Intent::Unknown { target, deadline_left, .. } => {
                let wait = deadline_left + desk.reply_grace;
                let waited = stop.token().run_until_cancelled(sleep(wait)).await;
                waited.ok_or(JobError::Stopped)?;
                let kept = serde_json::from_value::<Target>(target).map(|kept| kept.file);
                let file = kept.map_or(uploaded, |id| Uploaded { id });
                if let Some(ts) = self.shown_at(desk, &file).await? {
                    return self.record_file(desk, &ts).await;
                }
                let intent = self.file_intent(desk, &file)?;
                let again = desk.queue.intend_again(self.claim, &intent).await;
                again.map_err(JobError::queue("taking over the intent to attach"))?;
                file
            }
        };
        let shown = desk.slack.show_file(&file, TITLE, self.channel, self.thread_ts).await;
        shown.map_err(JobError::slack("attaching the answer"))?;
        // Slack says a little later where it stands; then it is looked up by whoever needs it.
        let ts = self.shown_at(desk, &file).await.ok().flatten();
        self.record_file(desk, &ts.unwrap_or_default()).await
    }

    fn attached(&self, effects: &[Effect]) -> bool {
        let own = |effect: &&Effect| {
            effect.slot == ATTACHMENT && effect.generation == self.generation && effect.done
        };
        effects.iter().any(|effect| own(&effect))
    }

    async fn shown_at(&self, desk: &Desk, file: &Uploaded) -> Result<Option<String>, JobError> {
        let shown = desk.slack.file_shown_at(file, self.channel).await;
        shown.map_err(JobError::slack("looking for an attached answer"))
    }

    async fn record_file(&self, desk: &Desk, ts: &str) -> Result<(), JobError> {
        let recorded = desk
            .queue
            .record_effect(self.claim, self.subject, self.generation, ATTACHMENT, ts)
            .await;
        recorded.map_err(JobError::queue("recording an attached answer"))
    }

    fn file_intent(&self, desk: &Desk, file: &Uploaded) -> Result<EffectIntent, JobError> {
        let target = Target {
            channel: self.channel.to_owned(),
            thread_ts: self.thread_ts.to_owned(),
            file: file.id.clone(),
        };
        Ok(EffectIntent {
            subject: self.subject,
            generation: self.generation,
            slot: ATTACHMENT.to_owned(),
            key: effect_key(&desk.secret, self.logical_key, self.generation, ATTACHMENT),
            target: serde_json::to_value(target).map_err(JobError::Body)?,
            deadline: POST_DEADLINE * 2,
        })
    }
}
