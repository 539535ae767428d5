//! Who keeps vacuum from its work.

use std::time::Duration;

use serde::Serialize;

use crate::statements::HORIZON;
use crate::wire::{get, get_count};
use crate::{Queue, QueueError};

/// The oldest snapshot that is held on the database. Dead rows pile up behind it: alert when it is
/// older than [`Horizon::ALERT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Horizon {
    /// For how long it has been held.
    pub age: Duration,
    /// By which server process; 0 for a prepared transaction.
    pub pid: i32,
    /// How that session names itself.
    pub application: String,
}

impl Horizon {
    /// The engine's own transactions end long before.
    pub const ALERT: Duration = Duration::from_secs(30);
}

impl Queue {
    /// The oldest snapshot held on this database, if any; also the gauge `queue_horizon_seconds`.
    ///
    /// The engine's own connections cannot be the cause for long: the server ends those that stay
    /// idle in a transaction for 10 s. What others hold is theirs to end, or `pg_terminate_backend`'s.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn horizon(&self) -> Result<Option<Horizon>, QueueError> {
        let rows = self.query(HORIZON, vec![]).await?;
        let Some(row) = rows.first() else {
            metrics::gauge!("queue_horizon_seconds").set(0.0);
            return Ok(None);
        };
        let age = Duration::from_millis(get_count(row, "age_ms")?);
        metrics::gauge!("queue_horizon_seconds").set(age.as_secs_f64());
        Ok(Some(Horizon { age, pid: get(row, "pid")?, application: get(row, "application")? }))
    }
}
