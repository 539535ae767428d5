//! What a job of the soak does: it takes a short random time, fails, is refused, is asked for
//! patience, acts outside.

use std::time::Duration;

use event::key::effect_key;
use event::{ErrorChain, Outcome};
use queue::{Claim, EffectIntent, Intent, Queue, QueueError};
use serde_json::json;
use tokio::time::sleep;

use super::journal::Journal;
use super::plan::draw;

/// Runs one attempt; `None` when it found that it holds its job no more.
pub(super) async fn act(
    queue: &Queue,
    _journal: &Journal,
    claim: &Claim,
    seed: u64,
) -> Option<Outcome> {
    // A number of the job's own, and one of this attempt's.
    let job = draw(seed, "job", claim.event.id.0.unsigned_abs());
    let attempt = draw(seed, "attempt", claim.token.0.unsigned_abs());
    let busy = match claim.kind.as_str() {
        "slow" => 200 + attempt % 1_800,
        _ => attempt % 20,
    };
    sleep(Duration::from_millis(busy)).await;
    let failure = |text: &str| ErrorChain::message(text);
    Some(match claim.kind.as_str() {
        "flaky" if u64::from(claim.attempt) <= job % 3 => Outcome::Failed(failure("not yet")),
        "poison" => Outcome::Failed(failure("it never works")),
        "refused" => Outcome::Refused(failure("no such place")),
        "limited" if attempt.is_multiple_of(3) => Outcome::RateLimited {
            after: Duration::from_millis(20 + attempt % 200),
            error: failure("429"),
        },
        "effect" => return effect(queue, claim).await,
        _ => Outcome::Done(None),
    })
}

/// Intent, act, record.
async fn effect(queue: &Queue, claim: &Claim) -> Option<Outcome> {
    let slot = "reply";
    let intent = EffectIntent {
        subject: claim.event,
        generation: claim.generation,
        slot: slot.to_owned(),
        key: effect_key(b"soak", &claim.event.id.0.to_string(), claim.generation, slot),
        target: json!({"channel": "C1"}),
        deadline: Duration::from_millis(50),
    };
    let told = match queue.intend(claim, &intent).await {
        Ok(told) => told,
        Err(error) => return unless_fenced(error),
    };
    match told {
        Intent::Done { .. } => return Some(Outcome::Done(None)),
        Intent::Unknown { .. } => {
            if let Err(error) = queue.intend_again(claim, &intent).await {
                return unless_fenced(error);
            }
        }
        Intent::Fresh => {}
    }
    sleep(Duration::from_millis(5)).await;
    match queue.record_effect(claim, claim.event, claim.generation, slot, "1.0").await {
        Ok(()) => Some(Outcome::Done(None)),
        Err(error) => unless_fenced(error),
    }
}

/// A lost link is no fault of the job: it is given back uncharged.
fn unless_fenced(error: QueueError) -> Option<Outcome> {
    (!matches!(error, QueueError::Fenced)).then_some(Outcome::Released)
}
