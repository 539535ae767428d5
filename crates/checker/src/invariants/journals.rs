//! The workers' journals, told to the invariants that they concern.

use super::Invariants;
use super::fencing::Fencing;
use crate::facts::{AttemptEnd, Facts};
use crate::input::journals::WorkerLine;
use crate::input::{Place, Run};
use crate::refusal::Refusal;

/// What an attempt's line names.
struct Named {
    event: i64,
    generation: i32,
    token: i64,
}

fn named(line: &WorkerLine<'_>, place: &Place<'_>) -> Result<Named, Refusal> {
    match (line.event, line.generation, line.token) {
        (Some(event), Some(generation), Some(token)) => Ok(Named { event, generation, token }),
        _ => Err(place.refuse("event, generation and token")),
    }
}

fn outcome(line: &WorkerLine<'_>, place: &Place<'_>) -> Result<AttemptEnd, Refusal> {
    let word = line.outcome.as_deref().unwrap_or("");
    AttemptEnd::read(word).ok_or_else(|| place.refuse(format!("an outcome, found {word:?}")))
}

/// Reads what the workers did.
pub(crate) fn read_journals(
    run: &Run,
    facts: &mut Facts,
    invariants: &mut Invariants,
) -> Result<(), Refusal> {
    let mut worker = 0;
    let torn = run.each_in("workers", |line| {
        let place = line.place;
        let line: WorkerLine<'_> = line.parse()?;
        if place.line == 1 && line.t != "start" {
            return Err(place.refuse("a worker's journal begins with a start"));
        }
        if line.t == "start" {
            worker = line.worker.ok_or_else(|| place.refuse("a start names its worker"))?;
            invariants.clocks.started(line.skew_us.unwrap_or(0));
        }
        tell(facts, invariants, worker, &line, &place)
    })?;
    facts.torn_journals = torn;
    Ok(())
}

fn tell(
    facts: &mut Facts,
    invariants: &mut Invariants,
    worker: i64,
    line: &WorkerLine<'_>,
    place: &Place<'_>,
) -> Result<(), Refusal> {
    match line.t {
        "start" | "effect" | "stop" => {}
        "renew" => {
            if line.accepted == Some(false) {
                invariants.fencing.refused();
            }
        }
        "claim" => invariants.leases.claimed(worker, line),
        "begin" => {
            let named = named(line, place)?;
            invariants.leases.begun(facts, worker, named.event, named.token);
        }
        "step" | "record" => {
            let named = named(line, place)?;
            let number = line.number.ok_or_else(|| place.refuse("a step has a number"))?;
            if line.accepted == Some(false) {
                invariants.fencing.refused();
            } else if let Some(result) = line.result.as_deref() {
                invariants.steps.told(named.event, named.generation, number, result);
            }
        }
        "fan_in" => {
            let named = named(line, place)?;
            let group =
                line.group.as_deref().ok_or_else(|| place.refuse("a fan-in has a group"))?;
            let (total, ended) = (line.total.unwrap_or(0), line.ended.unwrap_or(0));
            let place = (named.event, named.generation, group.to_owned());
            invariants.fan_in.went_on(place, total, ended);
        }
        "report" => Fencing::reported(facts, named(line, place)?.token, outcome(line, place)?),
        "end" => {
            let named = named(line, place)?;
            if let Some(accepted) = line.accepted {
                let outcome = outcome(line, place)?;
                invariants.fencing.answered(facts, named.event, named.token, outcome, accepted);
            }
        }
        other => return Err(place.refuse(format!("a kind of line, found {other:?}"))),
    }
    Ok(())
}
