//! The end of an attempt: outcome in, verdict written, fenced.

use event::{Outcome, Policy, Verdict};

use crate::{Claim, Queue, QueueError};

impl Queue {
    /// Ends an attempt as [`event::settle`] decides, in one transaction: the attempt's record, the
    /// job's next state or its history, the lane's next head, the dead letter's notice.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds the job; nothing was written.
    pub async fn settle(
        &self,
        claim: &Claim,
        outcome: Outcome,
        policy: &Policy,
    ) -> Result<Verdict, QueueError> {
        let _ = (claim, outcome, policy);
        Err(QueueError::Closed)
    }
}
