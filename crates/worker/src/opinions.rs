//! What people think of an answer: the buttons under it are recorded, reactions do what they are bound
//! to. Each finds the answered event by the key that led to it when the answer was posted.

use std::time::Duration;

use event::key::effect_key;
use event::{EventRef, Outcome, Reply};
use queue::{Claim, EffectIntent, Intent, Stop};
use serde_json::json;
use service::config::ReactionAction;
use slack::mention::answer_key;
use slack::{Mention, Pressed, Reaction};

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

/// Records a press on a feedback button with the event whose answer it is about.
pub(crate) async fn feedback(desk: &Desk, claim: &Claim) -> Result<Outcome, JobError> {
    let Pressed { user, channel, ts, good } = Pressed::read(&claim.raw).map_err(JobError::Frame)?;
    let Some(Answered { event, .. }) = answered(desk, &channel, &ts).await? else {
        return Ok(Outcome::Done(None));
    };
    let given = desk.queue.give_feedback(event, &user, good).await;
    given.map_err(JobError::queue("keeping feedback"))?;
    let word = if good { "good" } else { "bad" };
    metrics::counter!("worker_feedback_total", "verdict" => word).increment(1);
    tracing::info!(subject = event.id.0, good, "feedback");
    Ok(Outcome::Done(None))
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
        ReactionAction::AskWhy => ask_why(desk, claim, &reaction, &answered, stop).await,
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
    Reaction { user, channel, ts, .. }: &Reaction,
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
