//! Housekeeping of the storage.

use crate::options::MAINTENANCE_REPLY_TIMEOUT;
use crate::statements::{
    ADD_PARTITIONS, APPLY_RETENTION, MAINTENANCE_BOUNDS, PRUNE_DELIVERIES, PRUNE_FAN_INS,
    PRUNE_LIMITS, PRUNE_QUOTAS,
};
use crate::transaction::{Ends, Params, Sql, Transaction};
use crate::wire::get;
use crate::{Queue, QueueError};

/// Delivery keys forgotten in one transaction.
const PRUNE_ROWS_MAX: i32 = 10_000;

impl Queue {
    /// Makes partitions ahead, moves what the DEFAULT partitions caught, drops what is past
    /// retention and has no live job, prunes delivery keys. Safe from several processes at once:
    /// one works, the others return.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn maintain(&self) -> Result<(), QueueError> {
        self.maintenance(ADD_PARTITIONS, vec![]).await?;
        self.maintenance(APPLY_RETENTION, vec![]).await?;
        while self.maintenance(PRUNE_DELIVERIES, vec![&PRUNE_ROWS_MAX]).await? >= PRUNE_ROWS_MAX {}
        while self.maintenance(PRUNE_FAN_INS, vec![&PRUNE_ROWS_MAX]).await? >= PRUNE_ROWS_MAX {}
        while self.maintenance(PRUNE_LIMITS, vec![&PRUNE_ROWS_MAX]).await? >= PRUNE_ROWS_MAX {}
        while self.maintenance(PRUNE_QUOTAS, vec![&PRUNE_ROWS_MAX]).await? >= PRUNE_ROWS_MAX {}
        Ok(())
    }

    /// One function in a transaction of its own, under the bounds of maintenance. Returns what it
    /// counted.
    async fn maintenance(&self, sql: Sql, params: Params<'_>) -> Result<i32, QueueError> {
        let mut transaction = Transaction::on(&self.questions).await?;
        transaction.set_patience(MAINTENANCE_REPLY_TIMEOUT);
        let bounds = transaction.step(MAINTENANCE_BOUNDS, vec![]).await?;
        let work = transaction.step(sql, params).await?;
        let answers = transaction.pipeline(&[bounds, work], Ends::Both).await?;
        answers.last().and_then(|rows| rows.first()).map_or(Ok(0), |row| get(row, "counted"))
    }
}
