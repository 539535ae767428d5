//! Outward acts: intent before, result after, both fenced by the claim.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event::{EventId, EventRef, Timestamp, Token};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::remembered::Known;
use crate::statements::{
    INTEND, INTEND_AGAIN, RECORD_EFFECT, SELECT_EFFECTS, SELECT_INTENT, WITHDRAW_EFFECT,
};
use crate::transaction::Params;
use crate::wire::{get, get_time, get_time_option, json_without_nul, to_sql, without_nul};
use crate::{Claim, Queue, QueueError};

/// An outward act about to be tried.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectIntent {
    /// The event on whose behalf; for a dead letter's notice, the dead one.
    pub subject: EventRef,
    /// The subject's generation.
    pub generation: i32,
    /// Which of the generation's acts: `reply`, `notice`.
    pub slot: String,
    /// Its idempotency key, see [`event::key::effect_key`].
    pub key: String,
    /// Where it goes, enough to look it up later: channel and thread.
    pub target: Value,
    /// How long from now the act may still land.
    pub deadline: Duration,
}

/// What is known of an act when it is intended.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    /// Nobody tried it before: go ahead.
    Fresh,
    /// It was intended before and its result is unknown. Wait for the deadline and a grace, look
    /// for the key, and before trying again call [`Queue::intend_again`].
    Unknown {
        /// When it was first intended, by the database's clock.
        intended_at: Timestamp,
        /// How long ago that was.
        age: Duration,
        /// How long the last try may still land; zero when that time has passed.
        deadline_left: Duration,
        /// Where it went.
        target: Value,
    },
    /// It is done.
    Done {
        /// What came of it: the message's id.
        result: String,
    },
}

/// A recorded act.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The subject's generation.
    pub generation: i32,
    /// Which act.
    pub slot: String,
    /// Its idempotency key.
    pub key: String,
    /// Whether its result is known.
    pub done: bool,
    /// The claim that wrote last.
    pub token: Token,
    /// Where it goes.
    pub target: Value,
    /// When it was first intended.
    pub intended_at: Timestamp,
    /// When its last try can no longer land.
    pub deadline_at: Timestamp,
    /// When its result was recorded.
    pub done_at: Option<Timestamp>,
    /// What came of it.
    pub result: Option<String>,
}

impl Effect {
    /// Whether its intent was taken back: nothing of it was applied or is under way.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        !self.done && self.deadline_at == Timestamp(0)
    }
}

impl EffectIntent {
    /// What is known when the record may be older than the act.
    fn perhaps_done_before(&self) -> Intent {
        Intent::Unknown {
            intended_at: self.subject.occurred_at,
            age: Duration::ZERO,
            deadline_left: Duration::ZERO,
            target: self.target.clone(),
        }
    }
}

impl Queue {
    /// Records that an act is about to be tried, or says what is known of it. Of an event that
    /// happened before a release nothing is taken for untried: what was done then may be unknown
    /// here.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job, [`QueueError::Held`] while
    /// nothing may be done outside.
    pub async fn intend(&self, claim: &Claim, effect: &EffectIntent) -> Result<Intent, QueueError> {
        let act = Act::of(claim, effect.subject, effect.generation, &effect.slot);
        let target = json_without_nul(effect.target.clone());
        let deadline_ms = millis(effect.deadline);
        let known = self.remembered.last();
        let mut params = act.params([&effect.key, &target, &deadline_ms]);
        params.extend(known.params());
        let rows = self.query(INTEND, params).await?;
        let row = rows.first().ok_or(QueueError::Fenced)?;
        if !get::<bool>(row, "open")? {
            return Err(QueueError::Held);
        }
        let (held, fresh): (bool, bool) = (get(row, "held")?, get(row, "fresh")?);
        if held {
            self.remembered.keep(act.known());
        }
        match (held, fresh) {
            (false, _) => Err(QueueError::Fenced),
            (true, true) if get(row, "doubtful")? => Ok(effect.perhaps_done_before()),
            (true, true) => Ok(Intent::Fresh),
            (true, false) => self.earlier_intent(effect).await,
        }
    }

    /// Records that an act of unknown result was not found and is tried again: a new deadline from
    /// now, the first intent's time kept.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job, or the act is done;
    /// [`QueueError::Held`] while nothing may be done outside.
    pub async fn intend_again(
        &self,
        claim: &Claim,
        effect: &EffectIntent,
    ) -> Result<(), QueueError> {
        let act = Act::of(claim, effect.subject, effect.generation, &effect.slot);
        let target = json_without_nul(effect.target.clone());
        let deadline_ms = millis(effect.deadline);
        let known = self.remembered.last();
        let mut params = act.params([&target, &deadline_ms]);
        params.extend(known.params());
        let rows = self.query(INTEND_AGAIN, params).await?;
        let row = rows.first().ok_or(QueueError::Fenced)?;
        match (get(row, "open")?, get(row, "renewed")?) {
            (false, _) => Err(QueueError::Held),
            (true, false) => Err(QueueError::Fenced),
            (true, true) => Ok(()),
        }
    }

    /// Records what came of an act.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job, or the act was never
    /// intended.
    pub async fn record_effect(
        &self,
        claim: &Claim,
        subject: EventRef,
        generation: i32,
        slot: &str,
        result: &str,
    ) -> Result<(), QueueError> {
        let (act, result) = (Act::of(claim, subject, generation, slot), without_nul(result));
        fenced_unless(self.execute(RECORD_EFFECT, act.params([&result])).await?)?;
        self.remembered.keep(act.known());
        Ok(())
    }

    /// Takes an intent back, because its act surely was not applied: the call was refused or never
    /// sent. The next attempt intends it afresh; until then it keeps what was meant, see
    /// [`Effect::is_withdrawn`].
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job, or the act is done.
    pub async fn withdraw_effect(
        &self,
        claim: &Claim,
        subject: EventRef,
        generation: i32,
        slot: &str,
    ) -> Result<(), QueueError> {
        let act = Act::of(claim, subject, generation, slot);
        fenced_unless(self.execute(WITHDRAW_EFFECT, act.params([])).await?)
    }

    /// All acts on behalf of an event, newest generation first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn effects(&self, subject: EventRef) -> Result<Vec<Effect>, QueueError> {
        let occurred_at = to_sql(subject.occurred_at);
        let rows = self.query(SELECT_EFFECTS, vec![&occurred_at, &subject.id.0]).await?;
        rows.iter().map(|row| read(row, subject.id)).collect()
    }

    async fn earlier_intent(&self, effect: &EffectIntent) -> Result<Intent, QueueError> {
        let occurred_at = to_sql(effect.subject.occurred_at);
        let EffectIntent { subject, generation, slot, .. } = effect;
        let rows =
            self.query(SELECT_INTENT, vec![&occurred_at, &subject.id.0, generation, slot]).await?;
        let row = rows.first().ok_or(QueueError::Fenced)?;
        if let Some(result) = get(row, "result")? {
            return Ok(Intent::Done { result });
        }
        Ok(Intent::Unknown {
            intended_at: get_time(row, "intended_at")?,
            age: duration(get(row, "age_ms")?),
            deadline_left: duration(get(row, "left_ms")?),
            target: get(row, "target")?,
        })
    }
}

/// Who writes of which act: what every statement that changes one begins with.
struct Act<'a> {
    claim: &'a Claim,
    occurred_at: DateTime<Utc>,
    subject: EventId,
    generation: i32,
    slot: &'a str,
}

impl<'a> Act<'a> {
    fn of(claim: &'a Claim, subject: EventRef, generation: i32, slot: &'a str) -> Self {
        let occurred_at = to_sql(subject.occurred_at);
        Act { claim, occurred_at, subject: subject.id, generation, slot }
    }

    fn known(&self) -> Known {
        Known::of(self.occurred_at, self.subject.0, self.generation, self.slot)
    }

    fn params<'p, const REST: usize>(&'p self, rest: [&'p (dyn ToSql + Sync); REST]) -> Params<'p> {
        let Act { claim, occurred_at, subject, generation, slot } = self;
        let mut params: Params<'p> =
            vec![&claim.event.id.0, &claim.token.0, occurred_at, &subject.0, generation, slot];
        params.extend(rest);
        params
    }
}

fn read(row: &Row, event: EventId) -> Result<Effect, QueueError> {
    let done = match get::<&str>(row, "state")? {
        "done" => true,
        "intended" => false,
        _ => return Err(QueueError::Unreadable { event, what: "an effect's state" }),
    };
    Ok(Effect {
        generation: get(row, "generation")?,
        slot: get(row, "slot")?,
        key: get(row, "key")?,
        done,
        token: Token(get(row, "token")?),
        target: get(row, "target")?,
        intended_at: get_time(row, "intended_at")?,
        deadline_at: get_time(row, "deadline_at")?,
        done_at: get_time_option(row, "done_at")?,
        result: get(row, "result")?,
    })
}

fn fenced_unless(rows: u64) -> Result<(), QueueError> {
    match rows {
        0 => Err(QueueError::Fenced),
        _ => Ok(()),
    }
}

/// A duration in the database's unit.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(MILLIS_MAX).min(MILLIS_MAX)
}

/// A hundred years: longer than anything here waits, and safe to add to any time.
const MILLIS_MAX: i64 = 100 * 365 * 86_400_000;

/// A difference of two database times; what lies behind is zero.
fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
