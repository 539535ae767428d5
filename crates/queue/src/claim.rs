//! A worker's right to one job.

use event::{EventRef, Timestamp, Token};
use uuid::Uuid;

use crate::{Incarnation, Queue, QueueError};

/// One claimed job with its event: what a handler works on and what fences its writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Which event.
    pub event: EventRef,
    /// 0 for the first life of its job, one more for every replay.
    pub generation: i32,
    /// Attempts charged so far, this one included; 1 is the first.
    pub attempt: u32,
    /// The fencing token that every write of this attempt carries.
    pub token: Token,
    /// Who brought the event.
    pub source: String,
    /// The kind that deserved the work; decides handler and policy.
    pub kind: String,
    /// Whose it is.
    pub tenant: String,
    /// Who did it.
    pub actor: Option<String>,
    /// What it stays in order with.
    pub lane_name: Option<String>,
    /// One id from the envelope to the reply.
    pub correlation_id: Uuid,
    /// The bytes as they came.
    pub raw: Vec<u8>,
    /// When the log took it in, by the database's clock.
    pub received_at: Timestamp,
}

impl Queue {
    /// Claims up to `limit` ready jobs, first promoting those whose time has come.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when `who`'s lease has ended; register anew.
    pub async fn claim(&self, who: Incarnation, limit: usize) -> Result<Vec<Claim>, QueueError> {
        let _ = (who, limit);
        Err(QueueError::Closed)
    }

    /// Makes ready what waited for its time. Returns how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn sweep(&self) -> Result<u64, QueueError> {
        Err(QueueError::Closed)
    }
}
