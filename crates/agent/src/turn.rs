//! The one decision of the agent: a transcript in, the next step out. Pure.

use std::fmt;

use serde_json::{Map, Value};

use crate::transcript::{Entry, Finish, ToolCall, Transcript, answers};

/// How far an answer may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How often the model is called; at least 1. The last call offers no tools.
    pub turns_max: usize,
    /// How many tools are called for one answer of the model; further ones are refused.
    pub calls_per_turn_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { turns_max: 8, calls_per_turn_max: 8 }
    }
}

/// How often one call may be asked for with the same arguments; from then on it is refused.
pub const SAME_CALL_MAX: usize = 3;

/// How many answers may hold a call that cannot be made; from then on no tools are offered.
pub const FAULTY_ANSWERS_MAX: usize = 2;

/// What happens next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Ask the model.
    CallModel {
        /// Whether it may call tools. If not, it must answer with what it has.
        offer_tools: bool,
    },
    /// Give every pending call of the latest answer its result, in this order.
    CallTools(Vec<Step>),
    /// This is the answer.
    Reply {
        /// In Markdown, cited by the transcript's source numbers.
        text: String,
        /// Whether the model broke off at its own limit.
        cut: bool,
    },
    /// There is no answer.
    Stop(StopReason),
}

/// One pending call.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The call.
    pub call: ToolCall,
    /// What becomes of it.
    pub decision: Decision,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// It is made, with these arguments.
    Run(Map<String, Value>),
    /// It is not made; the model is told why.
    Refuse(Refusal),
}

/// Why a call is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such tool.
    UnknownTool,
    /// Its arguments are no JSON object.
    BadArguments,
    /// It was asked for [`SAME_CALL_MAX`] times.
    Repeated,
    /// The answer holds too many calls.
    TooMany,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The model kept calling tools until its turns were spent.
    TurnsSpent,
    /// The model kept making calls that it was told not to make.
    Looping,
    /// The model said nothing.
    Empty,
    /// The model's provider withheld the answer.
    Filtered,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StopReason::TurnsSpent => "the model's turns were spent",
            StopReason::Looping => "the model kept calling tools in vain",
            StopReason::Empty => "the model said nothing",
            StopReason::Filtered => "the model's provider withheld the answer",
        })
    }
}

/// Decides what follows a transcript.
///
/// The model is called at most `limits.turns_max` times, whatever it answers.
#[must_use]
pub fn turn(transcript: &Transcript, limits: &Limits) -> Next {
    let Some((at, answer)) = transcript.latest() else {
        return Next::CallModel {
            offer_tools: offers(transcript, transcript.entries.len(), limits),
        };
    };
    let pending = transcript.pending();
    let spent = transcript.answers() >= limits.turns_max.max(1);
    if !answer.calls.is_empty() && may_call(transcript, at, limits) {
        return match (pending.is_empty(), spent) {
            (false, false) => Next::CallTools(decide(transcript, at, &pending, limits)),
            (_, true) => Next::Stop(StopReason::TurnsSpent),
            (true, false) => Next::CallModel {
                offer_tools: offers(transcript, transcript.entries.len(), limits),
            },
        };
    }
    if !answer.text.trim().is_empty() {
        return Next::Reply { text: answer.text.clone(), cut: answer.finish == Finish::Length };
    }
    Next::Stop(match answer.finish {
        Finish::Filtered => StopReason::Filtered,
        _ if !answer.calls.is_empty() && spent => StopReason::TurnsSpent,
        _ if !answer.calls.is_empty() => StopReason::Looping,
        Finish::Complete | Finish::Length => StopReason::Empty,
    })
}

/// Whether tools are offered to the model after the first `until` entries.
fn offers(transcript: &Transcript, until: usize, limits: &Limits) -> bool {
    let before = &transcript.entries[..until];
    let calls: Vec<_> = answers(before).flat_map(|answer| &answer.calls).collect();
    let looping = calls.iter().enumerate().any(|(at, call)| {
        calls[..=at].iter().filter(|earlier| earlier.is_like(call)).count() >= SAME_CALL_MAX
    });
    let last_turn = answers(before).count() + 1 >= limits.turns_max;
    !transcript.tools.is_empty()
        && !last_turn
        && !looping
        && faulty_answers(transcript, before) < FAULTY_ANSWERS_MAX
}

/// Whether the answer at `at` is heard when it calls tools: it was offered some, or there are none
/// at all and it has not been told so yet.
fn may_call(transcript: &Transcript, at: usize, limits: &Limits) -> bool {
    let untold = || faulty_answers(transcript, &transcript.entries[..at]) == 0;
    offers(transcript, at, limits) || (transcript.tools.is_empty() && untold())
}

/// How many answers hold a call that cannot be made.
fn faulty_answers(transcript: &Transcript, entries: &[Entry]) -> usize {
    let faulty = |call: &ToolCall| fault(transcript, call).is_some();
    answers(entries).filter(|answer| answer.calls.iter().any(faulty)).count()
}

fn fault(transcript: &Transcript, call: &ToolCall) -> Option<Refusal> {
    if !transcript.tools.contains(&call.name) {
        return Some(Refusal::UnknownTool);
    }
    call.parsed().is_none().then_some(Refusal::BadArguments)
}

/// What becomes of each pending call of the answer at `at`.
fn decide(transcript: &Transcript, at: usize, pending: &[&ToolCall], limits: &Limits) -> Vec<Step> {
    let mut made: Vec<&ToolCall> =
        answers(&transcript.entries[..at]).flat_map(|answer| &answer.calls).collect();
    let mut steps = Vec::new();
    for (number, call) in pending.iter().enumerate() {
        let times = 1 + made.iter().filter(|earlier| earlier.is_like(call)).count();
        made.push(call);
        let refusal = match fault(transcript, call) {
            Some(refusal) => Some(refusal),
            None if times >= SAME_CALL_MAX => Some(Refusal::Repeated),
            None if number >= limits.calls_per_turn_max => Some(Refusal::TooMany),
            None => None,
        };
        let decision = match (refusal, call.parsed()) {
            (None, Some(arguments)) => Decision::Run(arguments),
            (refusal, _) => Decision::Refuse(refusal.unwrap_or(Refusal::BadArguments)),
        };
        steps.push(Step { call: (*call).clone(), decision });
    }
    steps
}

#[cfg(test)]
#[path = "turn/tests.rs"]
mod tests;
