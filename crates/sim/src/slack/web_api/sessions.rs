//! `agents.sessions.*`.

use serde_json::json;

use super::{Answer, Call, agents, assistant::thread, refusal::Refusal, warn};
use crate::slack::{sessions::SessionStatus, state::State};

const TITLE_CHARS_MAX: usize = 200;

/// The status that a call names, if it names one.
pub(super) fn status_named(name: Option<String>) -> Result<Option<SessionStatus>, Refusal> {
    let Some(name) = name else { return Ok(None) };
    SessionStatus::named(&name).map(Some).ok_or_else(|| Refusal::new("invalid_status"))
}

pub(super) fn set_status(call: &Call<'_>) -> Answer {
    let status = status_named(Some(call.args.required("status")?))?;
    let status = status.ok_or_else(|| Refusal::new("invalid_status"))?;
    let title = call.args.text("title");
    if title.as_ref().is_some_and(|title| title.chars().count() > TITLE_CHARS_MAX) {
        return Err(Refusal::new("title_too_long"));
    }
    let mut state = call.world.state();
    let (channel, thread_ts) = thread(call, &state)?;
    let is_new = !state.sessions.contains_key(&(channel.clone(), thread_ts));
    check_initiator(call, &state, &channel, is_new)?;
    call.world.set_session(&mut state, &channel, thread_ts, status);
    if let Some(title) = title.filter(|_| is_new) {
        call.world.title_session(&mut state, &channel, thread_ts, title);
    }
    let session = state.sessions.get(&(channel, thread_ts));
    let mut answer = json!({
        "status": status, "agent_status": status,
        "title": session.and_then(|session| session.title.clone()),
    });
    if !call.world.settings().subscriptions.contains("agent_session_stopped") {
        warn(&mut answer, "missing_agent_session_stopped_event_subscription");
    }
    Ok(answer)
}

/// Who began a session must be in its channel, and no guest. Of one that exists it is not asked.
fn check_initiator(
    call: &Call<'_>,
    state: &State,
    channel: &str,
    is_new: bool,
) -> Result<(), Refusal> {
    let Some(user) = call.args.text("initiator_user_id").filter(|_| is_new) else { return Ok(()) };
    let initiator = state.users.get(&user).ok_or_else(|| Refusal::new("user_not_found"))?;
    if !state.channels.get(channel).is_some_and(|channel| channel.members.contains(&user)) {
        return Err(Refusal::new("user_not_in_channel"));
    }
    agents::check_person(initiator)
}

pub(super) fn rename(call: &Call<'_>) -> Answer {
    let title = call.args.required("title")?;
    if title.chars().count() > TITLE_CHARS_MAX {
        return Err(Refusal::new("title_too_long"));
    }
    let mut state = call.world.state();
    let (channel, thread_ts) = thread(call, &state)?;
    if !state.sessions.contains_key(&(channel.clone(), thread_ts)) {
        return Err(Refusal::new("session_not_found"));
    }
    call.world.title_session(&mut state, &channel, thread_ts, title.clone());
    Ok(json!({"title": title}))
}
