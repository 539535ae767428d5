//! What people thought of an event's answer.

use event::{EventRef, Timestamp};
use serde::Serialize;
use tokio_postgres::Row;

use crate::statements::{GIVE_FEEDBACK, SELECT_FEEDBACK};
use crate::transaction::Params;
use crate::wire::{get, get_time, to_sql, without_nul};
use crate::{Queue, QueueError};

/// One person's opinion of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// Whose.
    pub actor: String,
    /// Whether the answer was good.
    pub good: bool,
    /// Why, in their own words.
    pub remark: Option<String>,
    /// When it was last given.
    pub given_at: Timestamp,
}

impl Queue {
    /// Keeps what somebody thinks of an event's answer, and why if they said so; their last word counts.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn give_feedback(
        &self,
        subject: EventRef,
        actor: &str,
        good: bool,
        remark: Option<&str>,
    ) -> Result<(), QueueError> {
        let (occurred_at, actor) = (to_sql(subject.occurred_at), without_nul(actor));
        let remark = remark.map(without_nul);
        let params: Params<'_> = vec![&occurred_at, &subject.id.0, &actor, &good, &remark];
        self.execute(GIVE_FEEDBACK, params).await.map(drop)
    }

    /// What people thought of an event's answer.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn feedback(&self, subject: EventRef) -> Result<Vec<Feedback>, QueueError> {
        let occurred_at = to_sql(subject.occurred_at);
        let rows = self.query(SELECT_FEEDBACK, vec![&occurred_at, &subject.id.0]).await?;
        rows.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Feedback, QueueError> {
    Ok(Feedback {
        actor: get(row, "actor")?,
        good: get(row, "good")?,
        remark: get(row, "remark")?,
        given_at: get_time(row, "given_at")?,
    })
}
