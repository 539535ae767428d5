//! The locks under which lanes change: advisory, one for each bucket, taken in sorted order.
//!
//! Whoever inserts into a lane or finishes in it takes its lock first, in a statement of its own,
//! and looks afterwards: the next statement's snapshot then shows all that earlier holders did. A
//! claim needs no lock, because only heads are ready and a lane has one head.

use event::{EventId, Lane};

use crate::QueueError;
use crate::statements::{DEMOTE_HEADS, LOCK_LANES, PROMOTE_HEADS};
use crate::transaction::{Step, Transaction};

/// The first number of our two-number advisory locks; the second is the bucket.
const LOCK_CLASS: i32 = 7301;

/// The lanes that a transaction touches.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    class: i32,
    buckets: Vec<i32>,
    lanes: Vec<i64>,
}

impl Lanes {
    /// Those of some jobs. A job without a lane is guarded by its event's number, so that two who
    /// would make a job for one event meet as well.
    pub(crate) fn of(jobs: impl IntoIterator<Item = (EventId, Option<Lane>)>) -> Self {
        let (mut buckets, mut lanes) = (Vec::new(), Vec::new());
        for (event, lane) in jobs {
            buckets.push(lane.unwrap_or(Lane(event.0)).bucket());
            lanes.extend(lane.map(|lane| lane.0));
        }
        lanes.sort_unstable();
        lanes.dedup();
        buckets.sort_unstable();
        buckets.dedup();
        Lanes { class: LOCK_CLASS, buckets, lanes }
    }

    /// Whether no job of the transaction has a lane.
    pub(crate) fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Takes the locks; the first step of every transaction that changes lanes.
    pub(crate) async fn lock<'a>(&'a self, on: &Transaction) -> Result<Step<'a>, QueueError> {
        on.step(LOCK_LANES, vec![&self.class, &self.buckets]).await
    }

    /// Lets jobs of lower order go before heads that never ran.
    pub(crate) async fn demote<'a>(&'a self, on: &Transaction) -> Result<Step<'a>, QueueError> {
        on.step(DEMOTE_HEADS, vec![&self.lanes]).await
    }

    /// Gives lanes without a head their next; the last step.
    pub(crate) async fn promote<'a>(&'a self, on: &Transaction) -> Result<Step<'a>, QueueError> {
        on.step(PROMOTE_HEADS, vec![&self.lanes]).await
    }
}
