//! Workers and their leases: one heartbeat row for each incarnation of a worker.

use event::EventId;
use event::limits::LEASE;

use crate::statements::{CANCEL_REQUESTS, REGISTER, RENEW, RETIRE};
use crate::wire::{get, without_nul};
use crate::{Queue, QueueError};

/// One life of a worker process; a restart is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Incarnation {
    /// Its number in the table of workers.
    pub id: i64,
}

/// The lease in the database's units.
pub(crate) const LEASE_MS: i64 = LEASE.as_secs() as i64 * 1_000;

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
        let (name, version) = (without_nul(name), without_nul(version));
        let slots = i32::try_from(slots).unwrap_or(i32::MAX);
        let rows = self.query(REGISTER, vec![&name, &version, &slots, &LEASE_MS]).await?;
        let row = rows.first().ok_or(QueueError::Fenced)?;
        Ok(Incarnation { id: get(row, "id")? })
    }

    /// Renews a worker's lease; returns its jobs whose cancellation was requested.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the lease was already taken away: stop all work at once.
    pub async fn renew(&self, who: Incarnation) -> Result<Vec<EventId>, QueueError> {
        match self.execute(RENEW, vec![&who.id, &LEASE_MS]).await? {
            0 => {
                self.held.forget(who);
                Err(QueueError::Fenced)
            }
            _ => self.cancel_requests(who).await,
        }
    }

    /// The worker's running jobs whose cancellation was requested.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn cancel_requests(&self, who: Incarnation) -> Result<Vec<EventId>, QueueError> {
        let rows = self.query(CANCEL_REQUESTS, vec![&who.id]).await?;
        rows.iter().map(|row| get(row, "event_id").map(EventId)).collect()
    }

    /// Ends a worker's lease at a clean exit; what it still holds is taken over at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn retire(&self, who: Incarnation) -> Result<(), QueueError> {
        self.execute(RETIRE, vec![&who.id]).await?;
        self.held.forget(who);
        self.hint().await;
        Ok(())
    }
}
