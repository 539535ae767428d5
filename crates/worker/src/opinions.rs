//! What people think of an answer: the buttons under it and what is written about it are recorded,
//! reactions do what they are bound to. Each finds the answered event by the key that led to it when the answer was posted.

use std::time::Duration;

use event::key::effect_key;
use event::{ErrorChain, EventRef, Outcome, Reply};
use queue::{Claim, EffectIntent, Intent, Stop};
use serde_json::json;
use service::config::ReactionAction;
use slack::mention::answer_key;
use slack::remark::modal;
use slack::{Failure, Mention, Pressed, Reaction, Remark};

use crate::desk::{Desk, JobError};
use crate::manners;
use crate::reply::{Delivery, messages};
use crate::view::Shown;

/// The slot of the question what was wrong.
const WHY: &str = "why";

/// The slot of a deletion.
const DELETE: &str = "delete";

/// How long a deletion may take; above the API's own timeout. Doing it twice does it once.
const DELETE_DEADLINE: Duration = Duration::from_secs(12);

/// Records a press on a feedback button with the event whose answer it is about, and asks whoever was
/// not content what was wrong: in a modal, else in the thread.
pub(crate) async fn feedback(desk: &Desk, claim: &Claim, stop: &Stop) -> Result<Outcome, JobError> {
    let pressed = Pressed::read(&claim.raw).map_err(JobError::Frame)?;
    let Pressed { user, channel, ts, good, trigger_id } = &pressed;
    let Some(answered) = answered(desk, channel, ts).await? else {
        return Ok(Outcome::Done(None));
    };
    keep(desk, answered.event, user, *good, None).await?;
    if *good || has_modal(desk, trigger_id.as_deref(), channel, ts).await {
        return Ok(Outcome::Done(None));
    }
    ask_why(desk, claim, (user, channel, ts), &answered, stop).await
}

/// Keeps what somebody wrote about an answer.
pub(crate) async fn remark(desk: &Desk, claim: &Claim) -> Result<Outcome, JobError> {
    let Remark { user, channel, ts, text } = Remark::read(&claim.raw).map_err(JobError::Frame)?;
    if let (Some(answered), Some(text)) = (answered(desk, &channel, &ts).await?, text) {
        keep(desk, answered.event, &user, false, Some(&text)).await?;
    }
    Ok(Outcome::Done(None))
}

async fn keep(
    desk: &Desk,
    event: EventRef,
    user: &str,
    good: bool,
    remark: Option<&str>,
) -> Result<(), JobError> {
    let given = desk.queue.give_feedback(event, user, good, remark).await;
    given.map_err(JobError::queue("keeping feedback"))?;
    let word = if good { "good" } else { "bad" };
    metrics::counter!("worker_feedback_total", "verdict" => word).increment(1);
    tracing::info!(subject = event.id.0, good, remark = remark.is_some(), "feedback");
    Ok(())
}

/// Whether a modal asks already what was wrong. One whose opening got no answer may.
async fn has_modal(desk: &Desk, trigger_id: Option<&str>, channel: &str, ts: &str) -> bool {
    let Some(trigger_id) = trigger_id else { return false };
    match desk.slack.open_view(trigger_id, &modal(channel, ts)).await {
        Ok(()) => true,
        Err(error) => {
            tracing::debug!(error = %ErrorChain::line(&error), "no modal");
            error.kind() == Failure::Unknown
        }
    }
}

/// Does what a reaction is bound to.
pub(crate) async fn reaction(desk: &Desk, claim: &Claim, stop: &Stop) -> Result<Outcome, JobError> {
    let reaction = Reaction::read(&claim.raw).map_err(JobError::Frame)?;
    let Some(action) = desk.reactions.get(&reaction.name) else { return Ok(Outcome::Done(None)) };
    if manners::is_ignored(desk, claim).await? {
        return Ok(Outcome::Done(None));
    }
    let Some(answered) = answered(desk, &reaction.channel, &reaction.ts).await? else {
        return Ok(Outcome::Done(None));
    };
    match action {
        ReactionAction::AskWhy => {
            let about = (reaction.user.as_str(), reaction.channel.as_str(), reaction.ts.as_str());
            ask_why(desk, claim, about, &answered, stop).await
        }
        ReactionAction::Delete if answered.question.user == reaction.user => {
            delete(desk, claim, &reaction, answered.event).await
        }
        // It is not theirs.
        ReactionAction::Delete => Ok(Outcome::Done(None)),
    }
}

/// What a message of ours answered.
struct Answered {
    event: EventRef,
    question: Mention,
}

async fn answered(desk: &Desk, channel: &str, ts: &str) -> Result<Option<Answered>, JobError> {
    let found = desk.queue.find_key(&answer_key(channel, ts)).await;
    let Some(event) = found.map_err(JobError::queue("looking for what was answered"))? else {
        tracing::debug!("a message that answers nothing known");
        return Ok(None);
    };
    let body = desk.queue.load(event).await;
    let body = body.map_err(JobError::queue("reading what was answered"))?;
    let question = body.and_then(|body| Mention::read(&body.raw, &desk.bot).ok());
    Ok(question.map(|question| Answered { event, question }))
}

/// Asks in the thread what was wrong: each person once for each answer, however often they react.
async fn ask_why(
    desk: &Desk,
    claim: &Claim,
    (user, channel, ts): (&str, &str, &str),
    answered: &Answered,
    stop: &Stop,
) -> Result<Outcome, JobError> {
    let key = format!("{WHY}:{channel}:{ts}:{user}");
    desk.queue.lead(&key, claim.event).await.map_err(JobError::queue("noting who is asked"))?;
    let first = desk.queue.find_key(&key).await;
    if first.map_err(JobError::queue("looking who was asked"))? != Some(claim.event) {
        return Ok(Outcome::Done(None));
    }
    let text = format!(
        "<@{user}>, what was wrong with that answer, or missing from it? Tell me, mentioning me, and I \
         try again."
    );
    let reply = Reply { text, ..Reply::default() };
    let delivery = Delivery {
        claim,
        subject: claim.event,
        generation: claim.generation,
        family: WHY,
        logical_key: &key,
        channel,
        thread_ts: &answered.question.thread_ts,
    };
    let effects = delivery.effects(desk).await?;
    let message = delivery.deliver(desk, &reply, &effects, &Shown::default(), stop).await?;
    Ok(Outcome::Done(Some(Reply { message: Some(message), ..reply })))
}

/// Deletes an answer, all of its messages.
async fn delete(
    desk: &Desk,
    claim: &Claim,
    Reaction { channel, ts, .. }: &Reaction,
    event: EventRef,
) -> Result<Outcome, JobError> {
    let generation = claim.generation;
    let intent = EffectIntent {
        subject: claim.event,
        generation,
        slot: DELETE.to_owned(),
        key: effect_key(&desk.secret, &answer_key(channel, ts), generation, DELETE),
        target: json!({"channel": channel, "ts": ts}),
        deadline: DELETE_DEADLINE,
    };
    let known = desk.queue.intend(claim, &intent).await;
    match known.map_err(JobError::queue("recording the intent to delete"))? {
        Intent::Done { .. } => return Ok(Outcome::Done(None)),
        Intent::Fresh | Intent::Unknown { .. } => {}
    }
    let effects = desk.queue.effects(event).await;
    let effects = effects.map_err(JobError::queue("reading where an answer stands"))?;
    let mut parts = messages(&effects);
    parts.insert(ts.clone());
    for part in &parts {
        let deleted = desk.slack.delete_message(channel, part).await;
        deleted.map_err(JobError::slack("deleting an answer"))?;
    }
    let recorded = desk.queue.record_effect(claim, claim.event, generation, DELETE, ts).await;
    recorded.map_err(JobError::queue("recording a deletion"))?;
    tracing::info!(messages = parts.len(), "deleted an answer for its asker");
    Ok(Outcome::Done(None))
}
