//! How a lease ends before its time: its holder is dead, or can no longer stand by what it holds.

use event::{Outcome, Policy};

use crate::claim::job_key;
use crate::statements::{HELD_JOBS, NOTIFY, REPORT_DEATH};
use crate::{Incarnation, Queue, QueueError};

impl Queue {
    /// Notes that a worker is dead, on the word of someone who knows (its parent process). The next
    /// [`Queue::reap`], anyone's, takes its jobs back without waiting for the lease's end.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn report_death(&self, who: Incarnation) -> Result<(), QueueError> {
        self.execute(REPORT_DEATH, vec![&who.id]).await?;
        self.held.forget(who);
        // On the connection that is there: whoever reports a death has opened it for this alone. A
        // hint that fails costs a poll's time.
        self.execute(NOTIFY, vec![]).await.map(drop).or(Ok(()))
    }

    /// Gives back, uncharged, all that a worker still holds, and ends its lease: for a worker that
    /// was cut off from the database, dropped its jobs, and is back. What others took over meanwhile
    /// is theirs. The caller must have stopped every attempt of `who`.
    ///
    /// # Errors
    /// Those of the database; what was not given back stays with `who`.
    pub async fn give_back(&self, who: Incarnation) -> Result<(), QueueError> {
        for row in self.query(HELD_JOBS, vec![&who.id]).await? {
            match self.settle_job(&job_key(&row)?, Outcome::Released, &Policy::ANSWER).await {
                Ok(_) | Err(QueueError::Fenced) => {}
                Err(error) => return Err(error),
            }
        }
        self.retire(who).await
    }
}
