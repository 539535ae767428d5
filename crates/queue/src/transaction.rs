//! One transaction with its statements pipelined: as few round trips as its decisions allow.

use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use futures::TryFutureExt;
use futures::future::join_all;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::error::database;
use crate::options::REPLY_TIMEOUT;
use crate::pool::{acquire, answered, prepare};
use crate::{QueueError, stepping};

/// A statement with its name in words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    /// The text of a file in `sql/`.
    pub(crate) text: &'static str,
    /// What it does, as a verb phrase for errors.
    pub(crate) doing: &'static str,
}

/// Parameters of a statement.
pub(crate) type Params<'a> = Vec<&'a (dyn ToSql + Sync)>;

/// A statement ready to be sent.
pub(crate) struct Step<'a> {
    statement: Statement,
    params: Params<'a>,
    doing: &'static str,
}

/// An open transaction. Dropped unfinished (an error, a cancelled caller), it closes its connection
/// rather than hand a half-done transaction to the next user of the pool.
pub(crate) struct Transaction {
    object: Option<Object>,
    /// How long an answer may take.
    within: Duration,
}

/// Which end of the transaction a pipeline carries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It begins with BEGIN.
    Begin,
    /// It ends with COMMIT.
    Commit,
    /// Neither.
    Neither,
    /// Both.
    Both,
    /// No transaction around them: each step is one of its own.
    Alone,
}

impl Transaction {
    /// Takes a connection; nothing is sent before the first pipeline.
    pub(crate) async fn on(pool: &Pool) -> Result<Self, QueueError> {
        Ok(Transaction { object: Some(acquire(pool).await?), within: REPLY_TIMEOUT })
    }

    /// Lets answers take so long.
    pub(crate) fn set_patience(&mut self, within: Duration) {
        self.within = within;
    }

    /// Prepares a statement, or finds it prepared on this connection.
    pub(crate) async fn step<'a>(
        &self,
        sql: Sql,
        params: Params<'a>,
    ) -> Result<Step<'a>, QueueError> {
        let prepared = prepare(self.object()?, sql);
        let statement = answered(sql.doing, self.within, prepared).await?;
        Ok(Step { statement, params, doing: sql.doing })
    }

    /// Sends all steps at once and waits for all answers. Every result is looked at: after a failed
    /// step the server answers COMMIT with a silent ROLLBACK.
    pub(crate) async fn pipeline(
        &mut self,
        steps: &[Step<'_>],
        ends: Ends,
    ) -> Result<Vec<Vec<Row>>, QueueError> {
        if stepping::is_gated() {
            return self.one_by_one(steps, ends).await;
        }
        let client = self.object()?;
        let begin = async {
            match ends {
                Ends::Begin | Ends::Both => client.batch_execute("BEGIN").await,
                Ends::Commit | Ends::Neither | Ends::Alone => Ok(()),
            }
        };
        let body = join_all(steps.iter().map(|step| client.query(&step.statement, &step.params)));
        let commit = async {
            match ends {
                Ends::Commit | Ends::Both => client.batch_execute("COMMIT").await,
                Ends::Begin | Ends::Neither | Ends::Alone => Ok(()),
            }
        };
        let all = async { Ok(futures::join!(begin, body, commit)) };
        let doing = steps.last().map_or("end a transaction", |step| step.doing);
        let (begun, answers, committed) = answered(doing, self.within, all).await?;
        begun.map_err(database("begin a transaction"))?;
        let answers = answers.into_iter().zip(steps);
        let answers = answers
            .map(|(answer, step)| answer.map_err(database(step.doing)))
            .collect::<Result<Vec<_>, _>>()?;
        committed.map_err(database("commit"))?;
        if matches!(ends, Ends::Commit | Ends::Both | Ends::Alone) {
            self.object = None;
        }
        Ok(answers)
    }

    /// [`Transaction::pipeline`] behind a gate.
    async fn one_by_one(
        &mut self,
        steps: &[Step<'_>],
        ends: Ends,
    ) -> Result<Vec<Vec<Row>>, QueueError> {
        let client = self.object()?;
        if matches!(ends, Ends::Begin | Ends::Both) {
            client.batch_execute("BEGIN").await.map_err(database("begin a transaction"))?;
        }
        let mut answers = Vec::with_capacity(steps.len());
        for step in steps {
            let sent = client.query(&step.statement, &step.params);
            answers.push(stepping::send(step.doing, sent.map_err(database(step.doing))).await?);
        }
        if matches!(ends, Ends::Commit | Ends::Both) {
            let sent = client.batch_execute("COMMIT");
            stepping::send("commit", sent.map_err(database("commit"))).await?;
        }
        if matches!(ends, Ends::Commit | Ends::Both | Ends::Alone) {
            self.object = None;
        }
        Ok(answers)
    }

    /// Gives everything up and keeps the connection.
    pub(crate) async fn rollback(mut self) -> Result<(), QueueError> {
        let sent = self.object()?.batch_execute("ROLLBACK").map_err(database("roll back"));
        answered("roll back", self.within, sent).await?;
        self.object = None;
        Ok(())
    }

    fn object(&self) -> Result<&Object, QueueError> {
        self.object.as_ref().ok_or(QueueError::Closed)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
