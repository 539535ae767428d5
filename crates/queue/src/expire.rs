//! Work that is worth nothing any more: it ends visibly, it never just goes.

use chrono::{DateTime, Utc};
use event::{EventId, Lane};

use crate::children;
use crate::lanes::Lanes;
use crate::statements::{EXPIRE_JOBS, EXPIRED_JOBS};
use crate::transaction::{Ends, Transaction};
use crate::wire::get;
use crate::{Queue, QueueError};

/// Jobs expired in one transaction; more wait for the next.
const EXPIRED_MAX: i64 = 500;

impl Queue {
    /// Ends a bounded number of jobs that nobody began in time, as `expired`. Returns how many.
    pub(crate) async fn expire(&self) -> Result<u64, QueueError> {
        let rows = self.query(EXPIRED_JOBS, vec![&EXPIRED_MAX]).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let (mut jobs, mut times) = (Vec::with_capacity(rows.len()), Vec::new());
        for row in &rows {
            let lane = get::<Option<i64>>(row, "lane")?.map(Lane);
            jobs.push((EventId(get(row, "event_id")?), lane));
            times.push(get::<DateTime<Utc>>(row, "occurred_at")?);
        }
        let ids: Vec<i64> = jobs.iter().map(|(event, _)| event.0).collect();
        let lanes = Lanes::of(jobs);
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let expire = transaction.step(EXPIRE_JOBS, vec![&ids]).await?;
        let [families, ends] = children::count(&transaction, &ids, &times).await?;
        let promote = lanes.promote(&transaction).await?;
        let steps = [lock, expire, families, ends, promote];
        let answers = transaction.pipeline(&steps, Ends::Both).await?;
        let expired = answers.get(1).map_or(0, Vec::len) as u64;
        if expired > 0 {
            tracing::warn!(jobs = expired, "jobs expired before anybody began them");
            metrics::counter!("queue_expired_total").increment(expired);
            // Their lanes may have moved on.
            self.rouse().await;
        }
        if answers.get(3).is_some_and(|rows| children::completed(rows)) {
            self.continue_parents().await?;
        }
        Ok(expired)
    }
}
