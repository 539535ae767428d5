//! What a job of the soak does: it takes a short random time, fails, is refused, is asked for
//! patience, acts outside, takes steps, sleeps, has children.

use std::net::SocketAddr;
use std::time::Duration;

use event::key::effect_key;
use event::{ErrorChain, NewEvent, Outcome, Raw, Wait, Work};
use queue::{Claim, EffectIntent, FanIn, Intent, NewStep, Queue, QueueError, StepState};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::journal::Journal;
use super::outside;
use super::plan::draw;
use super::worker::line;

/// The children of a family.
const CHILDREN: u64 = 3;

/// The group that they are.
const GROUP: &str = "children";

/// What a handler works with.
pub(super) struct Desk<'a> {
    pub(super) queue: &'a Queue,
    pub(super) journal: &'a Journal,
    pub(super) outside: SocketAddr,
    pub(super) seed: u64,
}

/// Why a handler cannot go on.
enum Halt {
    /// It holds its job no more.
    Zombie,
    /// Something is out of reach that may come back; no fault of the job.
    Away,
}

impl From<QueueError> for Halt {
    fn from(error: QueueError) -> Self {
        match matches!(error, QueueError::Fenced) {
            true => Halt::Zombie,
            false => Halt::Away,
        }
    }
}

/// Runs one attempt; `None` when it found that it holds its job no more.
pub(super) async fn act(desk: &Desk<'_>, claim: &Claim) -> Option<Outcome> {
    // A number of the job's own, and one of this attempt's.
    let job = draw(desk.seed, "job", claim.event.id.0.unsigned_abs());
    let attempt = draw(desk.seed, "attempt", claim.token.0.unsigned_abs());
    let busy = match claim.kind.as_str() {
        "slow" => 200 + attempt % 1_800,
        _ => attempt % 20,
    };
    sleep(Duration::from_millis(busy)).await;
    let failure = |text: &str| ErrorChain::message(text);
    let acted = match claim.kind.as_str() {
        "flaky" if u64::from(claim.attempt) <= job % 3 => Ok(Outcome::Failed(failure("not yet"))),
        "poison" => Ok(Outcome::Failed(failure("it never works"))),
        "refused" => Ok(Outcome::Refused(failure("no such place"))),
        "limited" if attempt.is_multiple_of(3) => Ok(Outcome::RateLimited {
            after: Duration::from_millis(20 + attempt % 200),
            error: failure("429"),
        }),
        "effect" => effect(desk, claim).await,
        "steps" => steps(desk, claim).await,
        "sleeper" => sleeper(desk, claim, attempt).await,
        "family" => family(desk, claim).await,
        _ => Ok(Outcome::Done(None)),
    };
    match acted {
        Ok(outcome) => Some(outcome),
        Err(Halt::Zombie) => None,
        Err(Halt::Away) => Some(Outcome::Released),
    }
}

/// Intent, act, record.
async fn effect(desk: &Desk<'_>, claim: &Claim) -> Result<Outcome, Halt> {
    let slot = "reply";
    let intent = EffectIntent {
        subject: claim.event,
        generation: claim.generation,
        slot: slot.to_owned(),
        key: effect_key(b"soak", &claim.event.id.0.to_string(), claim.generation, slot),
        target: json!({"channel": "C1"}),
        deadline: Duration::from_millis(50),
    };
    match desk.queue.intend(claim, &intent).await? {
        Intent::Done { .. } => return Ok(Outcome::Done(None)),
        Intent::Unknown { .. } => desk.queue.intend_again(claim, &intent).await?,
        Intent::Fresh => {}
    }
    sleep(Duration::from_millis(5)).await;
    desk.queue.record_effect(claim, claim.event, claim.generation, slot, "1.0").await?;
    Ok(Outcome::Done(None))
}

/// Two steps that act outside, each recorded before the next.
async fn steps(desk: &Desk<'_>, claim: &Claim) -> Result<Outcome, Halt> {
    for number in 1..=2 {
        if !intend(desk, claim, number).await? {
            let mut act = line("effect", claim);
            act["number"] = number.into();
            act["key"] = outside::key(claim, number).into();
            desk.journal.write(act);
            let acted = outside::act(desk.outside, claim, number).await;
            record(desk, claim, number, &acted.map_err(|_| Halt::Away)?).await?;
        }
    }
    Ok(Outcome::Done(None))
}

/// Notes that it slept, sleeps, is done.
async fn sleeper(desk: &Desk<'_>, claim: &Claim, roll: u64) -> Result<Outcome, Halt> {
    if intend(desk, claim, 1).await? {
        return Ok(Outcome::Done(None));
    }
    record(desk, claim, 1, &json!("asleep")).await?;
    Ok(Outcome::Suspended(Wait::time(Duration::from_millis(50 + roll % 700))))
}

/// Has children, waits for them, goes on.
async fn family(desk: &Desk<'_>, claim: &Claim) -> Result<Outcome, Halt> {
    let children = (0..CHILDREN).map(|number| child(claim, number)).collect();
    let spawned = desk.queue.spawn(claim, GROUP, children, FanIn::ALL).await;
    match spawned {
        // Its cancellation was requested; what it reports does not matter any more.
        Err(QueueError::Refused(_)) => return Ok(Outcome::Cancelled),
        spawned => spawned?,
    };
    let family = desk.queue.family(claim, GROUP).await?;
    let Some(family) = family.filter(|family| family.complete) else {
        let wait = Wait { children: Some(GROUP.to_owned()), ..Wait::default() };
        return Ok(Outcome::Suspended(wait));
    };
    let mut told = line("fan_in", claim);
    told["group"] = GROUP.into();
    told["total"] = family.total.into();
    told["ended"] = (family.done + family.dead + family.cancelled + family.expired).into();
    desk.journal.write(told);
    Ok(Outcome::Done(None))
}

fn child(claim: &Claim, number: u64) -> NewEvent {
    NewEvent {
        source: "soak-child".to_owned(),
        kind: "child".to_owned(),
        tenant: claim.tenant.clone(),
        actor: None,
        lane: None,
        lane_order: 0,
        occurred_at: claim.event.occurred_at,
        correlation_id: claim.correlation_id,
        delivery_key: Uuid::new_v4().to_string(),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(json!({"child": number}).to_string().into_bytes()),
        quarantine: None,
        work: Some(Work::default()),
    }
}

/// Whether the step was done before.
async fn intend(desk: &Desk<'_>, claim: &Claim, number: i32) -> Result<bool, Halt> {
    let step = NewStep {
        number,
        kind: "soak".to_owned(),
        name: format!("step {number}"),
        input: json!({"number": number}),
    };
    let state = desk.queue.intend_step(claim, &step).await?;
    let mut told = line("step", claim);
    told["number"] = number.into();
    let (word, done) = match state {
        StepState::Fresh => ("fresh", false),
        StepState::Interrupted { .. } => ("interrupted", false),
        StepState::Done { result } => {
            told["result"] = result.to_string().into();
            ("done", true)
        }
    };
    told["state"] = word.into();
    desk.journal.write(told);
    Ok(done)
}

async fn record(desk: &Desk<'_>, claim: &Claim, number: i32, result: &Value) -> Result<(), Halt> {
    let recorded = desk.queue.record_step(claim, number, result, None).await;
    let mut told = line("record", claim);
    told["number"] = number.into();
    match &recorded {
        Ok(recorded) => {
            told["result"] = recorded.result.to_string().into();
            told["accepted"] = true.into();
        }
        Err(QueueError::Fenced) => {
            told["result"] = result.to_string().into();
            told["accepted"] = false.into();
        }
        // Whether it stands is unknown; the next attempt will tell.
        Err(_) => return recorded.map(drop).map_err(Halt::from),
    }
    desk.journal.write(told);
    recorded.map(drop).map_err(Halt::from)
}
