//! Workers and their leases: one heartbeat row for each incarnation of a worker.

use event::EventId;

use crate::{Queue, QueueError};

/// One life of a worker process; a restart is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incarnation {
    /// Its number in the table of workers.
    pub id: i64,
}

impl Queue {
    /// Registers a worker; its lease starts now and lasts [`event::limits::LEASE`].
    ///
    /// # Errors
    /// Those of the database.
    pub async fn register(
        &self,
        name: &str,
        version: &str,
        slots: u32,
    ) -> Result<Incarnation, QueueError> {
        let _ = (name, version, slots);
        Err(QueueError::Closed)
    }

    /// Renews a worker's lease; returns its jobs whose cancellation was requested.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the lease was already taken away: stop all work at once.
    pub async fn renew(&self, who: Incarnation) -> Result<Vec<EventId>, QueueError> {
        let _ = who;
        Err(QueueError::Closed)
    }

    /// The worker's running jobs whose cancellation was requested.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn cancel_requests(&self, who: Incarnation) -> Result<Vec<EventId>, QueueError> {
        let _ = who;
        Err(QueueError::Closed)
    }

    /// Ends a worker's lease at a clean exit; what it still holds is taken over at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn retire(&self, who: Incarnation) -> Result<(), QueueError> {
        let _ = who;
        Err(QueueError::Closed)
    }
}
