//! Calling jobs off.

use chrono::{DateTime, Utc};
use event::{EventId, Lane};
use serde::Serialize;
use serde_json::json;

use crate::children;
use crate::lanes::Lanes;
use crate::statements::{CANCEL_END, CANCEL_REQUEST, CANCEL_STATE, INSERT_AUDIT};
use crate::transaction::{Ends, Transaction};
use crate::wire::{get, without_nul};
use crate::{Queue, QueueError};

/// What a cancellation did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CancelReport {
    /// Ended at once, never to run.
    pub cancelled: Vec<EventId>,
    /// Running: their workers are asked to stop.
    pub requested: Vec<EventId>,
    /// Without a live job: nothing to call off.
    pub not_live: Vec<EventId>,
}

impl Queue {
    /// Calls jobs off: what has not started ends at once, what runs is asked to stop. Audited.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn cancel(
        &self,
        ids: &[EventId],
        actor: &str,
        reason: &str,
    ) -> Result<CancelReport, QueueError> {
        let (actor, reason) = (without_nul(actor), without_nul(reason));
        let mut report = CancelReport::default();
        for &id in ids {
            match self.cancel_one(id, &actor, &reason).await? {
                Called::Off => report.cancelled.push(id),
                Called::ToStop => report.requested.push(id),
                Called::InVain => report.not_live.push(id),
            }
        }
        if !report.cancelled.is_empty() {
            // A lane may have moved on.
            self.hint().await;
        }
        Ok(report)
    }

    async fn cancel_one(
        &self,
        id: EventId,
        actor: &str,
        reason: &str,
    ) -> Result<Called, QueueError> {
        let rows = self.query(CANCEL_STATE, vec![&id.0]).await?;
        let Some(row) = rows.first() else { return Ok(Called::InVain) };
        let lanes = Lanes::of([(id, get::<Option<i64>>(row, "lane")?.map(Lane))]);
        let (ids, times) = (vec![id.0], vec![get::<DateTime<Utc>>(row, "occurred_at")?]);
        let subject = json!({"event": {"id": id}});
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let end = transaction.step(CANCEL_END, vec![&id.0]).await?;
        let request = transaction.step(CANCEL_REQUEST, vec![&id.0]).await?;
        let audit =
            transaction.step(INSERT_AUDIT, vec![&actor, &"cancel", &reason, &subject]).await?;
        let [families, ends] = children::count(&transaction, &ids, &times).await?;
        let promote = lanes.promote(&transaction).await?;
        let steps = [lock, end, request, audit, families, ends, promote];
        let answers = transaction.pipeline(&steps, Ends::Both).await?;
        Ok(match answers.as_slice() {
            [_, ended, ..] if !ended.is_empty() => Called::Off,
            [_, _, requested, ..] if !requested.is_empty() => Called::ToStop,
            _ => Called::InVain,
        })
    }
}

/// What came of one.
enum Called {
    Off,
    ToStop,
    InVain,
}
