//! Single statements on pooled connections.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use futures::TryFutureExt;
use tokio::time::timeout;
use tokio_postgres::{Row, Statement};

use crate::error::database;
use crate::options::REPLY_TIMEOUT;
use crate::transaction::{Params, Sql};
use crate::{Queue, QueueError, stepping};

/// A pooled connection.
pub(crate) async fn acquire(pool: &Pool) -> Result<Object, QueueError> {
    pool.get().await.map_err(|error| QueueError::Connect(Arc::new(error)))
}

/// An answer, or an error once it is overdue. Who gets the error must not use the connection again:
/// the answer may still come. Behind a gate there is no hurry.
pub(crate) async fn answered<T>(
    doing: &'static str,
    within: Duration,
    answer: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    if stepping::is_gated() {
        return answer.await;
    }
    let overdue = QueueError::Timeout { doing, seconds: within.as_secs() };
    timeout(within, answer).await.unwrap_or(Err(overdue))
}

/// Gives a connection up whose answer is overdue; otherwise it goes back to its pool.
pub(crate) fn part_with<T>(client: Object, answer: &Result<T, QueueError>) {
    if matches!(answer, Err(QueueError::Timeout { .. })) {
        drop(Object::take(client));
    }
}

/// Prepares a statement, or finds it prepared on this connection.
pub(crate) async fn prepare(client: &Object, sql: Sql) -> Result<Statement, QueueError> {
    client.prepare_cached(stepping::text(sql)).await.map_err(database(sql.doing))
}

impl Queue {
    /// Runs one statement by itself.
    pub(crate) async fn query(&self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
        query_on(&self.pool, sql, params).await
    }

    /// Asks what people ask: with many conditions, or where no index of a job's life serves. Planned for
    /// what is given and what the tables hold.
    pub(crate) async fn ask(&self, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
        query_on(&self.questions, sql, params).await
    }

    /// Runs one statement by itself; how many rows it touched.
    pub(crate) async fn execute(&self, sql: Sql, params: Params<'_>) -> Result<u64, QueueError> {
        let client = acquire(&self.pool).await?;
        let answer = answered(sql.doing, REPLY_TIMEOUT, async {
            let statement = prepare(&client, sql).await?;
            let sent = client.execute(&statement, &params);
            stepping::send(sql.doing, sent.map_err(database(sql.doing))).await
        });
        let answer = answer.await;
        part_with(client, &answer);
        answer
    }
}

async fn query_on(pool: &Pool, sql: Sql, params: Params<'_>) -> Result<Vec<Row>, QueueError> {
    let client = acquire(pool).await?;
    let answer = answered(sql.doing, REPLY_TIMEOUT, async {
        let statement = prepare(&client, sql).await?;
        let sent = client.query(&statement, &params);
        stepping::send(sql.doing, sent.map_err(database(sql.doing))).await
    });
    let answer = answer.await;
    part_with(client, &answer);
    answer
}
