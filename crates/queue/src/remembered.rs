//! The last act that this process knows to be recorded: a database that does not know it was put back to
//! an earlier moment.
//!
//! How far the write-ahead log is written tells the same, but only to whoever looks before the database
//! that was put back has written as much again.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use tokio_postgres::types::ToSql;

/// The key of a row of `effects`; all `None` before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    occurred_at: Option<DateTime<Utc>>,
    event_id: Option<i64>,
    generation: Option<i32>,
    slot: Option<String>,
}

impl Known {
    pub(crate) fn of(
        occurred_at: DateTime<Utc>,
        event_id: i64,
        generation: i32,
        slot: &str,
    ) -> Self {
        Known {
            occurred_at: Some(occurred_at),
            event_id: Some(event_id),
            generation: Some(generation),
            slot: Some(slot.to_owned()),
        }
    }

    /// What `is_known` asks for.
    pub(crate) fn params(&self) -> [&(dyn ToSql + Sync); 4] {
        [&self.occurred_at, &self.event_id, &self.generation, &self.slot]
    }
}

/// The last one, for all clones of a queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Mutex<Known>>);

impl Remembered {
    pub(crate) fn last(&self) -> Known {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn keep(&self, known: Known) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }
}
