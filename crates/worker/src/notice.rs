//! Telling the asker honestly that no answer will come: the work owed to a dead letter.

use event::{EventRef, Outcome, Reply};
use queue::Claim;
use serde::Deserialize;
use slack::Mention;

use crate::desk::{Desk, JobError};
use crate::reply::{Delivery, NOTICE};
use crate::sign;
use crate::stop::Stop;

/// The body of an event of the kind `dead_letter`, as the queue writes it.
#[derive(Deserialize)]
struct Body {
    event: EventRef,
    generation: i32,
    kind: String,
    attempts: u32,
}

/// Posts the notice under the dead event's own identity, unless it lives again by now.
pub(crate) async fn notify(desk: &Desk, claim: &Claim, stop: &Stop) -> Result<Outcome, JobError> {
    let dead: Body = serde_json::from_slice(&claim.raw).map_err(JobError::Body)?;
    let latest = desk.queue.latest_generation(dead.event).await;
    if latest.map_err(JobError::queue("looking for a replay"))? > dead.generation {
        tracing::info!(subject = dead.event.id.0, "replayed meanwhile; no notice");
        return Ok(Outcome::Done(None));
    }
    let body = desk.queue.load(dead.event).await;
    let Some(body) = body.map_err(JobError::queue("reading the dead event"))? else {
        tracing::warn!(subject = dead.event.id.0, "the dead event is no longer kept; no notice");
        return Ok(Outcome::Done(None));
    };
    if !crate::job::answers_in_slack(&dead.kind) {
        return Ok(Outcome::Done(None));
    }
    let mention = Mention::read(&body.raw, &desk.bot).map_err(JobError::Frame)?;
    sign::clear_left_over(&desk.slack, &mention).await;
    post(desk, claim, &dead, &mention, stop).await
}

async fn post(
    desk: &Desk,
    claim: &Claim,
    dead: &Body,
    mention: &Mention,
    stop: &Stop,
) -> Result<Outcome, JobError> {
    let text = desk.agent.notice(dead.event.id, dead.attempts).map_err(JobError::Agent)?;
    let reply = Reply { text, ..Reply::default() };
    let delivery = Delivery {
        claim,
        subject: dead.event,
        generation: dead.generation,
        slot: NOTICE,
        logical_key: &mention.logical_key,
        channel: &mention.channel,
        thread_ts: &mention.thread_ts,
    };
    let message = delivery.deliver(desk, &reply, stop).await?;
    Ok(Outcome::Done(Some(Reply { message: Some(message), ..reply })))
}
