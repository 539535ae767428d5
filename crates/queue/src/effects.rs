//! Outward acts: intent before, result after, both fenced by the claim.

use std::time::Duration;

use event::{EventRef, Timestamp, Token};
use serde::Serialize;
use serde_json::Value;

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

impl Queue {
    /// Records that an act is about to be tried, or says what is known of it.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job.
    pub async fn intend(&self, claim: &Claim, effect: &EffectIntent) -> Result<Intent, QueueError> {
        let _ = (claim, effect);
        Err(QueueError::Closed)
    }

    /// Records that an act of unknown result was not found and is tried again: a new deadline from
    /// now, the first intent's time kept.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job, or the act is done.
    pub async fn intend_again(
        &self,
        claim: &Claim,
        effect: &EffectIntent,
    ) -> Result<(), QueueError> {
        let _ = (claim, effect);
        Err(QueueError::Closed)
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
        let _ = (claim, subject, generation, slot, result);
        Err(QueueError::Closed)
    }

    /// All acts on behalf of an event, newest generation first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn effects(&self, subject: EventRef) -> Result<Vec<Effect>, QueueError> {
        let _ = subject;
        Err(QueueError::Closed)
    }
}
