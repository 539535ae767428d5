//! What somebody does about a question: edits or deletes it, or wants its answer stopped.
//!
//! None of it waits behind the run that it concerns. An edit changes what an unanswered question asks;
//! while it is being answered, the answer is to what was asked. A deleted question is dropped. A change
//! may come before its message: it is noted first and the message looked for then, and whoever is to
//! answer the message looks for changes, so that one finds the other.

use std::borrow::Cow;

use event::{ErrorChain, EventId, Outcome};
use queue::{Claim, EventFilter, EventState, Scope};
use slack::gesture::{change_key, with_text};
use slack::{Change, Mention, StopRequest};

use crate::desk::{Desk, JobError};

/// The sign under a message that said "stop".
const STOPPED: &str = "octagonal_sign";

/// How many running jobs are looked through for those of a direct message.
const RUNNING_MAX: u32 = 1_000;

/// Follows an edit or a deletion.
pub(crate) async fn change(desk: &Desk, claim: &Claim) -> Result<Outcome, JobError> {
    let change = Change::read(&claim.raw, &desk.bot).map_err(JobError::Frame)?;
    if !note(desk, claim, &change).await? {
        return Ok(Outcome::Done(None));
    }
    let found = desk.queue.find_key(&change.logical_key).await;
    let Some(question) = found.map_err(JobError::queue("looking for the changed message"))? else {
        return Ok(Outcome::Done(None));
    };
    let loaded = desk.queue.load(question).await;
    let Some(body) = loaded.map_err(JobError::queue("reading the changed message"))? else {
        return Ok(Outcome::Done(None));
    };
    let event_id = question.id.0;
    match &change.text {
        Some(text) => {
            let raw = with_text(&body.raw, text).map_err(JobError::Frame)?;
            let amended = desk.queue.amend(question, &raw).await;
            let amended = amended.map_err(JobError::queue("changing the question"))?;
            tracing::info!(event_id, amended, "its message was edited");
        }
        None => {
            let actor = actor(change.user.as_deref());
            cancel(desk, &[question.id], &actor, "the message was deleted").await?;
        }
    }
    Ok(Outcome::Done(None))
}

/// Notes the latest change of a message; false for one that an even later one preceded. The changes of
/// one message are handled one at a time.
async fn note(desk: &Desk, claim: &Claim, change: &Change) -> Result<bool, JobError> {
    let key = change_key(&change.logical_key);
    let known = desk.queue.find_key(&key).await;
    let known = known.map_err(JobError::queue("looking for later changes"))?;
    if known.is_some_and(|known| known.occurred_at > claim.event.occurred_at) {
        return Ok(false);
    }
    let noted = desk.queue.lead_anew(&key, claim.event).await;
    noted.map_err(JobError::queue("noting a change"))?;
    Ok(true)
}

/// The claim of a question as it reads after whatever change is known; `None` when the question is taken
/// back. A replay is of what its operator gave it.
pub(crate) async fn after_changes<'a>(
    desk: &Desk,
    claim: &'a Claim,
    question: &Mention,
) -> Result<Option<Cow<'a, Claim>>, JobError> {
    let as_it_is = Ok(Some(Cow::Borrowed(claim)));
    if claim.generation > 0 {
        return as_it_is;
    }
    let found = desk.queue.find_key(&change_key(&question.logical_key)).await;
    let Some(found) = found.map_err(JobError::queue("looking for changes"))? else {
        return as_it_is;
    };
    let loaded = desk.queue.load(found).await;
    let Some(body) = loaded.map_err(JobError::queue("reading a change"))? else {
        return as_it_is;
    };
    let change = Change::read(&body.raw, &desk.bot).map_err(JobError::Frame)?;
    let Some(text) = change.text else { return Ok(None) };
    let raw = with_text(&claim.raw, &text).map_err(JobError::Frame)?;
    Ok(Some(Cow::Owned(Claim { raw, ..claim.clone() })))
}

/// Stops what runs or waits in a thread; in a direct message outside threads, what runs there.
pub(crate) async fn stop(desk: &Desk, claim: &Claim) -> Result<Outcome, JobError> {
    let request = StopRequest::read(&claim.raw).map_err(JobError::Frame)?;
    let (actor, reason) = (actor(Some(&request.user)), "stopped in Slack");
    match &request.lane {
        Some(lane) => {
            let scope = Scope::Lane(lane.clone());
            let stopped = desk.queue.cancel_all(&scope, &actor, reason, |_| {}).await;
            stopped.map_err(JobError::queue("stopping what runs in a thread"))?;
        }
        None => {
            let running = running_in(desk, &claim.tenant, &request).await?;
            cancel(desk, &running, &actor, reason).await?;
        }
    }
    if let Some(ts) = &request.ts
        && let Err(error) = desk.slack.add_reaction(&request.channel, ts, STOPPED).await
    {
        tracing::debug!(error = %ErrorChain::line(&error), "no sign that it was stopped");
    }
    Ok(Outcome::Done(None))
}

async fn running_in(
    desk: &Desk,
    tenant: &str,
    request: &StopRequest,
) -> Result<Vec<EventId>, JobError> {
    let filter = EventFilter {
        state: Some(EventState::Running),
        tenant: Some(tenant.to_owned()),
        ..EventFilter::default()
    };
    let listed = desk.queue.events(&filter, RUNNING_MAX).await;
    let listed = listed.map_err(JobError::queue("looking for what runs"))?;
    let here = |lane: &str| lane.starts_with(&request.lanes_of_channel);
    let heads = listed.into_iter().map(|summary| summary.head);
    let found = heads.filter(|head| head.lane_name.as_deref().is_some_and(here));
    Ok(found.map(|head| head.event.id).collect())
}

async fn cancel(
    desk: &Desk,
    events: &[EventId],
    actor: &str,
    reason: &str,
) -> Result<(), JobError> {
    let cancelled = desk.queue.cancel(events, actor, reason).await;
    cancelled.map(drop).map_err(JobError::queue("calling a question off"))
}

/// Who did it, for the audit.
fn actor(user: Option<&str>) -> String {
    format!("slack:{}", user.unwrap_or("unknown"))
}
