//! Room for frames whose commits are pending: bounded by what they weigh, over all connections.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{IN_FLIGHT_KIB_MAX, IN_FLIGHT_KIB_MIN};

/// The room that is left. Cheap to clone.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn new() -> Self {
        Room(Arc::new(Semaphore::new(IN_FLIGHT_KIB_MAX as usize)))
    }

    /// Waits for a frame's share, which lasts as long as the permit. Cancel-safe, but whoever
    /// gives up waiting goes to the end of the queue.
    pub(super) async fn enter(&self, frame_bytes: usize) -> OwnedSemaphorePermit {
        match Arc::clone(&self.0).acquire_many_owned(weight(frame_bytes)).await {
            Ok(permit) => permit,
            Err(_) => unreachable!("the semaphore is never closed"),
        }
    }

    /// A frame's share, if it can be had at once.
    pub(super) fn try_enter(&self, frame_bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(weight(frame_bytes)).ok()
    }
}

/// A frame's share of [`IN_FLIGHT_KIB_MAX`].
fn weight(frame_bytes: usize) -> u32 {
    let kib = u32::try_from(frame_bytes / 1024).unwrap_or(u32::MAX);
    kib.clamp(IN_FLIGHT_KIB_MIN, IN_FLIGHT_KIB_MAX)
}
