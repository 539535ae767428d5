//! Durable steps: what an attempt asked and was answered, recorded once. A later attempt of the same
//! generation reads the record and goes on behind it, without asking, paying or acting again.
//!
//! The order is: [`Queue::intend_step`], the act, [`Queue::record_step`], and only then whatever
//! follows from the result. A result is immutable: who records another is given the first.

use event::limits::{NAME_BYTES_MAX, STEP_BYTES_MAX, STEPS_MAX};
use event::refusal::within;
use event::{ErrorChain, EventRef, Outcome, Refusal, Timestamp, Token, Usage};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use crate::statements::{INTEND_STEP, RECORD_STEP, SELECT_STEPS};
use crate::wire::{get, get_small, get_time, get_time_option, json_without_nul, to_sql};
use crate::{Claim, Queue, QueueError};

/// A step about to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct NewStep {
    /// Its place in the generation, 0 to [`STEPS_MAX`] − 1. Gaps mean nothing.
    pub number: i32,
    /// What kind of step it is, in the handler's own word: `model`, `tool`. A version that does not
    /// know the kind of a recorded step parks the job, see [`parked_unless_known`].
    pub kind: String,
    /// Which one of its kind: the model, the tool.
    pub name: String,
    /// What is asked, [`STEP_BYTES_MAX`] bytes of JSON at most.
    pub input: Value,
}

/// What the record says of a step that is intended.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Nobody began it before: do it.
    Fresh,
    /// It was begun before and its result is unknown: it may or may not have acted.
    Interrupted {
        /// What was asked then; it stands, whatever is asked now.
        input: Value,
        /// How often it was begun before, this intent not counted.
        tries: u32,
    },
    /// It is done: take the result.
    Done {
        /// What was answered.
        result: Value,
    },
}

/// What a step cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCost {
    /// What the model counted.
    pub usage: Usage,
    /// In millionths of the currency that it is billed in, where that is known.
    pub cost_micros: Option<u64>,
}

/// The result that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// As every later attempt will read it. Go on with this, not with what was handed in.
    pub result: Value,
    /// Whether it was recorded by this call.
    pub fresh: bool,
}

/// A recorded step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// Its place in the generation.
    pub number: i32,
    /// What kind of step.
    pub kind: String,
    /// Which one of its kind.
    pub name: String,
    /// What was asked.
    pub input: Value,
    /// What was answered; `None` while that is unknown.
    pub result: Option<Value>,
    /// How often it was begun.
    pub tries: u32,
    /// The claim that wrote last.
    pub token: Token,
    /// When it was first intended.
    pub intended_at: Timestamp,
    /// When its result was recorded.
    pub done_at: Option<Timestamp>,
    /// Tokens that the model read.
    pub input_tokens: Option<i64>,
    /// Tokens that the model wrote.
    pub output_tokens: Option<i64>,
    /// In millionths of the currency that it is billed in.
    pub cost_micros: Option<i64>,
    /// The generation that did and paid it, when a replay took it over.
    pub copied_from: Option<i32>,
}

/// [`Outcome::Parked`], if the record holds a step of a kind that the handler does not know: newer
/// code wrote it, and newer code shall go on. Ask before the first step.
#[must_use]
pub fn parked_unless_known(steps: &[Step], kinds: &[&str]) -> Option<Outcome> {
    let unknown = steps.iter().find(|step| !kinds.contains(&step.kind.as_str()))?;
    let said = format!(
        "step {} is of the kind {}, which this version does not know",
        unknown.number, unknown.kind
    );
    Some(Outcome::Parked(ErrorChain::message(&said)))
}

impl Queue {
    /// The record of the claim's generation, by number: at most [`STEPS_MAX`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn steps(&self, claim: &Claim) -> Result<Vec<Step>, QueueError> {
        self.recorded_steps(claim.event, claim.generation).await
    }

    /// The record of any generation of an event.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recorded_steps(
        &self,
        event: EventRef,
        generation: i32,
    ) -> Result<Vec<Step>, QueueError> {
        let occurred_at = to_sql(event.occurred_at);
        let every: Option<i32> = None;
        let rows =
            self.query(SELECT_STEPS, vec![&occurred_at, &event.id.0, &generation, &every]).await?;
        rows.iter().map(read).collect()
    }

    /// Records that a step is about to be done, or says what is known of it.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job; [`QueueError::Refused`] for
    /// names and inputs out of bounds, and when the record has another step under the number.
    pub async fn intend_step(
        &self,
        claim: &Claim,
        step: &NewStep,
    ) -> Result<StepState, QueueError> {
        step.validate().map_err(QueueError::Refused)?;
        let occurred_at = to_sql(claim.event.occurred_at);
        let input = json_without_nul(step.input.clone());
        let rows = self
            .query(
                INTEND_STEP,
                vec![
                    &claim.event.id.0,
                    &claim.token.0,
                    &occurred_at,
                    &claim.generation,
                    &step.number,
                    &step.kind,
                    &step.name,
                    &input,
                ],
            )
            .await?;
        let row = rows.first().ok_or(QueueError::Fenced)?;
        if !get::<bool>(row, "held")? {
            return Err(QueueError::Fenced);
        }
        match get::<Option<i32>>(row, "tries")? {
            Some(1) => Ok(StepState::Fresh),
            Some(tries) => Ok(StepState::Interrupted {
                input: get::<Option<Value>>(row, "input")?.unwrap_or_default(),
                tries: u32::try_from(tries - 1).unwrap_or_default(),
            }),
            None => self.done_step(claim, step).await,
        }
    }

    /// A step that stands under the number: done, or another.
    async fn done_step(&self, claim: &Claim, step: &NewStep) -> Result<StepState, QueueError> {
        let found = self.one_step(claim, step.number).await?.ok_or(QueueError::Fenced)?;
        match found.result {
            Some(result) if found.kind == step.kind && found.name == step.name => {
                Ok(StepState::Done { result })
            }
            Some(_) | None => Err(QueueError::Refused(Refusal::OtherStep {
                number: step.number,
                found: format!("{} {}", found.kind, found.name),
                given: format!("{} {}", step.kind, step.name),
            })),
        }
    }

    /// Records what came of a step, unless that is known already: the first result stands and is
    /// returned.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job; [`QueueError::Refused`] for a
    /// result out of bounds, and when the step was never intended.
    pub async fn record_step(
        &self,
        claim: &Claim,
        number: i32,
        result: &Value,
        cost: Option<StepCost>,
    ) -> Result<Recorded, QueueError> {
        bounded("the step's result", result).map_err(QueueError::Refused)?;
        let occurred_at = to_sql(claim.event.occurred_at);
        let result = json_without_nul(result.clone());
        let counted = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let input_tokens = cost.map(|cost| counted(cost.usage.input_tokens));
        let output_tokens = cost.map(|cost| counted(cost.usage.output_tokens));
        let cost_micros = cost.and_then(|cost| cost.cost_micros).map(counted);
        let rows = self
            .query(
                RECORD_STEP,
                vec![
                    &claim.event.id.0,
                    &claim.token.0,
                    &occurred_at,
                    &claim.generation,
                    &number,
                    &result,
                    &input_tokens,
                    &output_tokens,
                    &cost_micros,
                ],
            )
            .await?;
        let row = rows.first().ok_or(QueueError::Fenced)?;
        if !get::<bool>(row, "held")? {
            return Err(QueueError::Fenced);
        }
        if let Some(result) = get::<Option<Value>>(row, "result")? {
            return Ok(Recorded { result, fresh: true });
        }
        let found = self.one_step(claim, number).await?.and_then(|step| step.result);
        let result = found.ok_or(QueueError::Refused(Refusal::NotIntended { number }))?;
        Ok(Recorded { result, fresh: false })
    }

    async fn one_step(&self, claim: &Claim, number: i32) -> Result<Option<Step>, QueueError> {
        let occurred_at = to_sql(claim.event.occurred_at);
        let id = &claim.event.id.0;
        let rows = self
            .query(SELECT_STEPS, vec![&occurred_at, id, &claim.generation, &Some(number)])
            .await?;
        rows.first().map(read).transpose()
    }
}

impl NewStep {
    fn validate(&self) -> Result<(), Refusal> {
        within("the step's kind", &self.kind, NAME_BYTES_MAX)?;
        within("the step's name", &self.name, NAME_BYTES_MAX)?;
        match usize::try_from(self.number) {
            Ok(number) if number < STEPS_MAX => bounded("the step's input", &self.input),
            Ok(number) => Err(Refusal::TooMany {
                what: "steps",
                count: number.saturating_add(1),
                count_max: STEPS_MAX,
            }),
            Err(_) => Err(Refusal::NotIntended { number: self.number }),
        }
    }
}

fn bounded(what: &'static str, value: &Value) -> Result<(), Refusal> {
    let bytes = value.to_string().len();
    match bytes <= STEP_BYTES_MAX {
        true => Ok(()),
        false => Err(Refusal::TooLong { what, bytes, bytes_max: STEP_BYTES_MAX }),
    }
}

fn read(row: &Row) -> Result<Step, QueueError> {
    Ok(Step {
        number: get(row, "number")?,
        kind: get(row, "kind")?,
        name: get(row, "name")?,
        input: get(row, "input")?,
        result: get(row, "result")?,
        tries: get_small(row, "tries")?,
        token: Token(get(row, "token")?),
        intended_at: get_time(row, "intended_at")?,
        done_at: get_time_option(row, "done_at")?,
        input_tokens: get(row, "input_tokens")?,
        output_tokens: get(row, "output_tokens")?,
        cost_micros: get(row, "cost_micros")?,
        copied_from: get(row, "copied_from")?,
    })
}
