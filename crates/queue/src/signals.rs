//! Signals: what someone outside tells a job — an answer, an approval — whether it sleeps or not.

use event::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX, SIGNAL_BYTES_MAX, SIGNALS_MAX};
use event::refusal::within;
use event::{EventRef, Lane, Refusal, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use crate::lanes::Lanes;
use crate::statements::{HOLD_LIVE, LIVE_JOB, READ_SIGNALS, SEND_SIGNAL};
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get, get_time, json_without_nul, to_sql};
use crate::{Claim, Queue, QueueError};

/// What a signal met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signalled {
    /// The job slept for it and is awake.
    Woken,
    /// It is kept for when the job asks; so is one that was sent before under the same key.
    Kept,
    /// The event has no live job: nobody will ask. Nothing was kept.
    Ended,
}

/// Something a job was told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// Its place in the order of arrival, from 1.
    pub number: i32,
    /// The sender's key, by which it was told once.
    pub key: String,
    /// What it is about: `approval`.
    pub name: String,
    /// What was said.
    pub payload: Value,
    /// When, by the database's clock.
    pub sent_at: Timestamp,
}

impl Queue {
    /// Tells the live job of an event something. Told again under the same `key`, it is told once.
    ///
    /// A signal that comes before its job waits for it is kept, and ends that wait at once: an attempt
    /// that suspends itself is woken by every signal of the name that it has not read.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for names, keys and payloads out of bounds, and when the job has been
    /// told [`SIGNALS_MAX`] things; otherwise those of the database, after which the call may be
    /// repeated.
    pub async fn signal(
        &self,
        event: EventRef,
        name: &str,
        payload: Value,
        key: &str,
    ) -> Result<Signalled, QueueError> {
        validate(name, &payload, key).map_err(QueueError::Refused)?;
        let (id, occurred_at) = (&event.id.0, to_sql(event.occurred_at));
        let rows = self.query(LIVE_JOB, vec![id, &occurred_at]).await?;
        let Some(row) = rows.first() else { return Ok(Signalled::Ended) };
        let lanes = Lanes::of([(event.id, get::<Option<i64>>(row, "lane")?.map(Lane))]);
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let hold = transaction.step(HOLD_LIVE, vec![id, &occurred_at]).await?;
        let answers = transaction.pipeline(&[lock, hold], Ends::Begin).await?;
        if answers.last().is_none_or(Vec::is_empty) {
            transaction.rollback().await?;
            return Ok(Signalled::Ended);
        }
        let payload = json_without_nul(payload);
        let signals_max = i64::try_from(SIGNALS_MAX).unwrap_or(i64::MAX);
        let params: Params<'_> = vec![id, &name, &key, &payload, &signals_max];
        let send = transaction.step(SEND_SIGNAL, params).await?;
        let demote = lanes.demote(&transaction).await?;
        let promote = lanes.promote(&transaction).await?;
        let answers = transaction.pipeline(&[send, demote, promote], Ends::Commit).await?;
        let row = answers.first().and_then(|rows| rows.first()).ok_or(QueueError::Closed)?;
        let met = read_met(row)?;
        if met == Signalled::Woken {
            metrics::counter!("queue_woken_total").increment(1);
            self.rouse().await;
        }
        Ok(met)
    }

    /// What the claim's generation was told, in the order of arrival; at most [`SIGNALS_MAX`]. What it
    /// returns counts as read by this attempt, and ends no later wait of it.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job.
    pub async fn signals(&self, claim: &Claim) -> Result<Vec<Signal>, QueueError> {
        let rows = self.query(READ_SIGNALS, vec![&claim.event.id.0, &claim.token.0]).await?;
        if rows.is_empty() {
            return Err(QueueError::Fenced);
        }
        rows.iter().filter_map(|row| read(row).transpose()).collect()
    }
}

fn validate(name: &str, payload: &Value, key: &str) -> Result<(), Refusal> {
    within("the signal's name", name, NAME_BYTES_MAX)?;
    within("the signal's key", key, KEY_BYTES_MAX)?;
    let bytes = payload.to_string().len();
    match bytes <= SIGNAL_BYTES_MAX {
        true => Ok(()),
        false => {
            let what = "the signal's payload";
            Err(Refusal::TooLong { what, bytes, bytes_max: SIGNAL_BYTES_MAX })
        }
    }
}

fn read_met(row: &Row) -> Result<Signalled, QueueError> {
    if get(row, "woken")? {
        return Ok(Signalled::Woken);
    }
    if get(row, "kept")? || get(row, "known")? {
        return Ok(Signalled::Kept);
    }
    let count = usize::try_from(get::<i64>(row, "signals")?).unwrap_or(usize::MAX);
    let what = "signals of one job";
    Err(QueueError::Refused(Refusal::TooMany { what, count, count_max: SIGNALS_MAX }))
}

/// `None` for the row that only says that the claim holds its job.
fn read(row: &Row) -> Result<Option<Signal>, QueueError> {
    let Some(number) = get::<Option<i32>>(row, "number")? else { return Ok(None) };
    Ok(Some(Signal {
        number,
        key: get(row, "key")?,
        name: get(row, "name")?,
        payload: get(row, "payload")?,
        sent_at: get_time(row, "sent_at")?,
    }))
}
