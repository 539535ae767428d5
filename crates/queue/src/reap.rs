//! What a silent worker left behind.

use event::Policy;

use crate::{Queue, QueueError};

/// The policy of each kind of work.
pub type PolicyOf<'a> = &'a (dyn Fn(&str) -> Policy + Send + Sync);

impl Queue {
    /// Takes a bounded number of jobs away from workers whose lease has ended, and settles each as
    /// [`event::Outcome::Lost`]. Returns how many. Safe from any number of processes at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn reap(&self, policy_of: PolicyOf<'_>) -> Result<u64, QueueError> {
        let _ = policy_of;
        Err(QueueError::Closed)
    }
}
