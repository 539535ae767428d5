//! A gate before every statement, for tests that choose the order in which several callers' statements
//! reach the server. Without the feature `stepping` all of it is nothing.
//!
//! Behind a gate nothing depends on time: pipelines are sent one statement at a time, no hints are
//! sent, pauses before a new try take no time, claims look from the front of the line, and nothing is
//! done by the way because it is due.

#[cfg(feature = "stepping")]
pub use gated::*;

use std::time::Duration;

use crate::transaction::Sql;
use crate::{QueueError, mutants};

#[cfg(feature = "stepping")]
mod gated {
    use std::future::Future;
    use std::sync::Arc;

    use event::NewEvent;
    use futures::future::BoxFuture;

    use crate::commit::Store;
    use crate::handover::Handover;
    use crate::{Claim, Committed, Incarnation, Queue, QueueError};

    /// What connections for a job's life are planned with, as options of a session.
    pub const PLANNED_ONCE: &str = crate::connect::ONCE_BY_INDEX;

    /// Decides when a statement may be sent and whether its answer arrives.
    pub trait Gate: Send + Sync {
        /// Returns when the statement may be sent. Dropping the caller here is a crash before it.
        fn before(&self, statement: &'static str) -> BoxFuture<'_, ()>;

        /// The server has answered. Dropping the caller here is a crash after the statement.
        fn after(&self, statement: &'static str) -> BoxFuture<'_, Arrival>;

        /// The text to send instead, for showing that a broken statement is found out.
        fn text(&self, _statement: &'static str, text: &'static str) -> &'static str {
            text
        }
    }

    /// What becomes of a statement's answer.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Arrival {
        /// The caller reads it.
        Read,
        /// The link broke first: the caller sees an error and knows nothing.
        Lost,
    }

    tokio::task_local! {
        pub(super) static GATE: Arc<dyn Gate>;
    }

    /// Runs `work` with every statement of this task behind `gate`. Tasks that it spawns are free.
    pub async fn behind<F: Future>(gate: Arc<dyn Gate>, work: F) -> F::Output {
        GATE.scope(gate, work).await
    }

    impl Queue {
        /// What the group commit does with a batch, in the caller's own task.
        pub async fn commit_batch(
            &self,
            events: Vec<NewEvent>,
        ) -> Vec<Result<Committed, QueueError>> {
            Store::new(self).commit(events).await.answers
        }

        /// The same with an idle worker in the process, which takes up to `limit` with the commit;
        /// nothing where no commit claimed for it, or where nothing is known of the claim.
        pub async fn commit_batch_for(
            &self,
            who: Incarnation,
            limit: usize,
            events: Vec<NewEvent>,
        ) -> (Vec<Result<Committed, QueueError>>, Result<Vec<Claim>, QueueError>) {
            let mut offered = self.offer(who, limit);
            let answers = self.commit_batch(events).await;
            if offered.withdraw() {
                return (answers, Ok(Vec::new()));
            }
            let claims = match offered.answered().await {
                Some(Handover { look, limit, claimed, .. }) => {
                    self.receive(who, look, limit, claimed.rows).await
                }
                None => Ok(Vec::new()),
            };
            (answers, claims)
        }
    }
}

/// Whether the caller's statements are behind a gate.
#[cfg(feature = "stepping")]
pub(crate) fn is_gated() -> bool {
    GATE.try_with(|_| ()).is_ok()
}

#[cfg(not(feature = "stepping"))]
pub(crate) const fn is_gated() -> bool {
    false
}

/// The text of a statement.
#[cfg(feature = "stepping")]
pub(crate) fn text(sql: Sql) -> &'static str {
    let text = mutants::text(sql);
    GATE.try_with(|gate| gate.text(sql.doing, text)).unwrap_or(text)
}

#[cfg(not(feature = "stepping"))]
pub(crate) fn text(sql: Sql) -> &'static str {
    mutants::text(sql)
}

/// Sends one statement, through the gate if there is one.
#[cfg(feature = "stepping")]
pub(crate) async fn send<T>(
    doing: &'static str,
    statement: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    let Ok(gate) = GATE.try_with(std::sync::Arc::clone) else { return statement.await };
    gate.before(doing).await;
    let answer = statement.await;
    match gate.after(doing).await {
        Arrival::Read => answer,
        Arrival::Lost => Err(QueueError::Timeout { doing, seconds: 0 }),
    }
}

#[cfg(not(feature = "stepping"))]
pub(crate) async fn send<T>(
    _doing: &'static str,
    statement: impl Future<Output = Result<T, QueueError>>,
) -> Result<T, QueueError> {
    statement.await
}

/// Bounds a caller's wait; `None` when it is over.
pub(crate) async fn within<T>(bound: Duration, work: impl Future<Output = T>) -> Option<T> {
    match is_gated() {
        true => Some(work.await),
        false => tokio::time::timeout(bound, work).await.ok(),
    }
}

/// Waits before a new try.
pub(crate) async fn pause(duration: Duration) {
    if !is_gated() {
        tokio::time::sleep(duration).await;
    }
}
