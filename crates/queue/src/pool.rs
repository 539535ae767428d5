//! Single statements on pooled connections.

use std::sync::Arc;

use deadpool_postgres::{Object, Pool};
use futures::TryFutureExt;
use tokio_postgres::Row;

use crate::error::database;
use crate::transaction::{Params, Sql};
use crate::{Queue, QueueError, stepping};

/// A pooled connection.
pub(crate) async fn acquire(pool: &Pool) -> Result<Object, QueueError> {
    pool.get().await.map_err(|error| QueueError::Connect(Arc::new(error)))
}

impl Queue {
    /// Runs one statement by itself.
    pub(crate) async fn query(&self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
        query_on(&self.pool, sql, params).await
    }

    /// Asks a question with many optional conditions, planned anew for those that are given.
    pub(crate) async fn ask(&self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
        query_on(&self.questions, sql, params).await
    }

    /// Runs one statement by itself; how many rows it touched.
    pub(crate) async fn execute(&self, sql: Sql, params: Params<'_>) -> Result<u64, QueueError> {
        let client = acquire(&self.pool).await?;
        let statement = client.prepare_cached(stepping::text(sql)).await;
        let statement = statement.map_err(database(sql.doing))?;
        let sent = client.execute(&statement, &params);
        stepping::send(sql.doing, sent.map_err(database(sql.doing))).await
    }
}

async fn query_on(pool: &Pool, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
    let client = acquire(pool).await?;
    let statement = client.prepare_cached(stepping::text(sql)).await;
    let statement = statement.map_err(database(sql.doing))?;
    let sent = client.query(&statement, &params);
    stepping::send(sql.doing, sent.map_err(database(sql.doing))).await
}
