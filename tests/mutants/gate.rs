//! Holds one commit back.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use queue::stepping::{Arrival, Gate};
use tokio::sync::{Notify, Semaphore};

/// Stops every COMMIT of the tasks behind it until it is opened.
pub struct CommitGate {
    reached: Notify,
    open: Semaphore,
}

impl CommitGate {
    pub fn new() -> Arc<Self> {
        Arc::new(Self { reached: Notify::new(), open: Semaphore::new(0) })
    }

    /// Returns when somebody stands before it.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// Lets everybody through from now on.
    pub fn open(&self) {
        self.open.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl Gate for CommitGate {
    fn before(&self, statement: &'static str) -> BoxFuture<'_, ()> {
        async move {
            if statement == "commit" {
                self.reached.notify_one();
                self.open.acquire().await.unwrap().forget();
            }
        }
        .boxed()
    }

    fn after(&self, _statement: &'static str) -> BoxFuture<'_, Arrival> {
        async { Arrival::Read }.boxed()
    }
}
