//! What the log is told of each settled claim.

use event::Verdict;

use crate::Claim;

pub(super) fn tell(claim: &Claim, verdict: &Verdict) {
    let (event_id, attempt) = (claim.event.id.0, claim.attempt);
    let correlation_id = &claim.correlation_id;
    match verdict {
        Verdict::End { state, error: None, .. } => {
            tracing::info!(event_id, attempt, %correlation_id, state = state.as_str(), "settled");
        }
        Verdict::End { state, error: Some(error), .. } => {
            let state = state.as_str();
            tracing::error!(event_id, attempt, %correlation_id, state, %error, "settled");
        }
        Verdict::Suspend { error: None, .. } => {
            tracing::info!(event_id, attempt, %correlation_id, "suspended");
        }
        Verdict::Suspend { error: Some(error), .. } => {
            tracing::warn!(event_id, attempt, %correlation_id, %error, "parked");
        }
        Verdict::Again { after, charged, .. } => {
            let again_in_ms = after.as_millis();
            tracing::info!(
                event_id, attempt, %correlation_id, again_in_ms, charged, "to be tried again"
            );
        }
    }
}
