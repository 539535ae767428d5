//! What makes a start quick, and a lease independent of its worker's other connections.

use futures::future::join_all;

use crate::connect::{Bounds, Target};
use crate::pool::acquire;
use crate::statements::{CLAIM, FINISH, LEASE_STANDS, LOCK_LANES, PROMOTE_HEADS, SWEEP};
use crate::{Queue, QueueError};

impl Queue {
    /// The same queue with one connection of its own, whose task runs where it is first used.
    pub(super) fn apart(&self) -> Result<Queue, QueueError> {
        let (url, name) = (&self.options.database_url, self.options.application_name);
        let pool = Target::new(url, name, Bounds::ORDINARY)?.pool(1)?;
        Ok(Queue { pool, ..self.clone() })
    }

    /// Closes the connections that nobody uses now: one that was given up may lead nowhere.
    pub(super) fn drop_idle_connections(&self) {
        self.pool.retain(|_, _| false);
    }

    /// Opens a connection and prepares the hot statements on it, all in one round trip. A failure is
    /// no fault: whoever needs them tries again.
    pub(super) async fn warm_up(&self) {
        let Ok(client) = acquire(&self.pool).await else { return };
        let hot = [SWEEP, CLAIM, LEASE_STANDS, FINISH, LOCK_LANES, PROMOTE_HEADS];
        join_all(hot.iter().map(|sql| client.prepare_cached(sql.text))).await;
    }
}
