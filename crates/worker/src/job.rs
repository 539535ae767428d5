//! The work that each kind of event is owed.

use std::sync::Arc;
use std::time::Duration;

use event::{ErrorChain, Outcome, Policy};
use queue::{Claim, Handler, Stop};
use slack::gesture::{KIND_DELETED, KIND_EDITED, KIND_SESSION_STOPPED, KIND_STOP};
use slack::normalise::KIND_COMMAND;
use slack::opinion::{KIND_FEEDBACK, KIND_REACTION};
use slack::remark::KIND_REMARK;

use crate::desk::{Desk, JobError};
use crate::{answer, ask, commands, gestures, manners, notice, opinions};

/// Whether events of a kind are answered in a Slack thread.
pub(crate) fn answers_in_slack(kind: &str) -> bool {
    matches!(kind, "app_mention" | "message")
}

/// How often and how patiently a kind is tried.
pub(crate) fn policy(kind: &str) -> Policy {
    match kind {
        queue::DEAD_LETTER_KIND => NOTICE_POLICY,
        _ => Policy::ANSWER,
    }
}

/// A notice is small and owed to someone who waits: it is tried for about an hour.
const NOTICE_POLICY: Policy = Policy {
    attempts_max: 20,
    backoff_base: Duration::from_secs(2),
    backoff_max: Duration::from_secs(300),
};

/// The worker's handlers, chosen by kind.
pub(crate) struct Desks(pub(crate) Arc<Desk>);

impl Handler for Desks {
    fn policy(&self, kind: &str) -> Policy {
        policy(kind)
    }

    async fn handle(&self, claim: &Claim, stop: &Stop) -> Outcome {
        handle(&self.0, claim, stop).await
    }
}

async fn handle(desk: &Desk, claim: &Claim, stop: &Stop) -> Outcome {
    let handled = match claim.kind.as_str() {
        kind if answers_in_slack(kind) => match manners::owed(desk, claim).await {
            Ok(Some(claim)) => answer::answer(desk, &claim, stop).await,
            Ok(None) => Ok(Outcome::Done(None)),
            Err(error) => Err(error),
        },
        "ask" => ask::ask(desk, claim, stop).await,
        queue::DEAD_LETTER_KIND => notice::notify(desk, claim, stop).await,
        KIND_EDITED | KIND_DELETED => gestures::change(desk, claim).await,
        KIND_STOP | KIND_SESSION_STOPPED => gestures::stop(desk, claim).await,
        KIND_REACTION => opinions::reaction(desk, claim, stop).await,
        KIND_FEEDBACK => opinions::feedback(desk, claim, stop).await,
        KIND_REMARK => opinions::remark(desk, claim).await,
        KIND_COMMAND => commands::command(desk, claim).await,
        kind => Err(JobError::Kind { kind: kind.to_owned() }),
    };
    handled.unwrap_or_else(|error| {
        tracing::warn!(error = %ErrorChain::line(&error), "the attempt did not finish");
        error.outcome(stop)
    })
}
