//! Single statements on pooled connections.

use std::sync::Arc;

use deadpool_postgres::{Object, Pool};
use tokio_postgres::Row;

use crate::error::database;
use crate::transaction::{Params, Sql};
use crate::{Queue, QueueError};

/// A pooled connection.
pub(crate) async fn acquire(pool: &Pool) -> Result<Object, QueueError> {
    pool.get().await.map_err(|error| QueueError::Connect(Arc::new(error)))
}

impl Queue {
    /// Runs one statement by itself.
    pub(crate) async fn query(&self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
        let client = acquire(&self.pool).await?;
        let statement = client.prepare_cached(sql.text).await.map_err(database(sql.doing))?;
        client.query(&statement, &params).await.map_err(database(sql.doing))
    }

    /// Runs one statement by itself; how many rows it touched.
    pub(crate) async fn execute(&self, sql: Sql, params: Params<'_>) -> Result<u64, QueueError> {
        let client = acquire(&self.pool).await?;
        let statement = client.prepare_cached(sql.text).await.map_err(database(sql.doing))?;
        client.execute(&statement, &params).await.map_err(database(sql.doing))
    }
}
