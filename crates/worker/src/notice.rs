//! Telling the asker honestly that no answer will come: the work owed to a dead letter.

use agent::Reason;
use agent::prompts::Notice;
use event::{DeadLetter, ErrorChain, Outcome, Reply};
use queue::{Claim, EventDetail, Stop};
use slack::Mention;

use crate::desk::{Desk, JobError};
use crate::reply::{Delivery, NOTICE};
use crate::sign;
use crate::view::Shown;

/// Posts the notice under the dead event's own identity, unless it lives again by now.
pub(crate) async fn notify(desk: &Desk, claim: &Claim, stop: &Stop) -> Result<Outcome, JobError> {
    let dead: DeadLetter = serde_json::from_slice(&claim.raw).map_err(JobError::Body)?;
    let subject = desk.queue.event(dead.event.id).await;
    let Some(subject) = subject.map_err(JobError::queue("reading the dead event"))? else {
        tracing::warn!(subject = dead.event.id.0, "the dead event is no longer kept; no notice");
        return Ok(Outcome::Done(None));
    };
    if lives_again(&subject, dead.generation) {
        tracing::info!(subject = dead.event.id.0, "replayed meanwhile; no notice");
        return Ok(Outcome::Done(None));
    }
    if !crate::job::answers_in_slack(&dead.kind) {
        return Ok(Outcome::Done(None));
    }
    let mention = Mention::read(&subject.body.raw, &desk.bot).map_err(JobError::Frame)?;
    sign::clear_left_over(&desk.slack, &mention).await;
    let reply = Reply { text: words(desk, &dead, &subject)?, ..Reply::default() };
    let delivery = Delivery {
        claim,
        subject: dead.event,
        generation: dead.generation,
        family: NOTICE,
        logical_key: &mention.logical_key,
        channel: &mention.channel,
        thread_ts: &mention.thread_ts,
    };
    let effects = delivery.effects(desk).await?;
    let message = delivery.deliver(desk, &reply, &effects, &Shown::default(), stop).await?;
    Ok(Outcome::Done(Some(Reply { message: Some(message), ..reply })))
}

fn lives_again(subject: &EventDetail, dead_generation: i32) -> bool {
    let live = subject.job.iter().map(|job| job.generation);
    let ended = subject.outcomes.iter().map(|outcome| outcome.generation);
    live.chain(ended).any(|generation| generation > dead_generation)
}

fn words(desk: &Desk, dead: &DeadLetter, subject: &EventDetail) -> Result<String, JobError> {
    let outcome = subject.outcomes.iter().find(|outcome| outcome.generation == dead.generation);
    let error = outcome.and_then(|outcome| outcome.error.clone()).unwrap_or_default();
    let reason = Reason::of(&ErrorChain(error));
    let notice = Notice { event_id: dead.event.id, attempts: dead.attempts, reason };
    desk.agent.notice(notice).map_err(JobError::Agent)
}
