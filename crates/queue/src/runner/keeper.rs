//! The thread that keeps the lease: handlers may block every thread of the runtime, and the
//! database must still hear of this worker.

use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::lease::Lease;
use super::options::RunnerOptions;
use super::running::Running;
use crate::{Queue, QueueError};

/// A lease that is being kept.
pub(super) struct Keeper {
    pub(super) lease: Arc<Lease>,
    leave: oneshot::Sender<()>,
    thread: oneshot::Receiver<()>,
}

impl Keeper {
    /// Starts the thread and waits for the first lease; `None` when `soft` came first. The thread
    /// has a connection of its own, driven by itself. It signs off and ends after
    /// [`Keeper::leave`]; it ends without a word when the keeper is dropped.
    pub(super) async fn start(
        queue: &Queue,
        options: &RunnerOptions,
        running: &Arc<Running>,
        soft: &CancellationToken,
    ) -> Result<Option<Self>, QueueError> {
        let (queue, options, running) = (queue.apart()?, options.clone(), Arc::clone(running));
        let (leave, stay) = oneshot::channel::<()>();
        let (begun, first) = oneshot::channel();
        let (alive, thread) = oneshot::channel::<()>();
        let keep = move || {
            let _alive = alive;
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(source) => return drop(begun.send(Err(thread_error(source)))),
            };
            runtime.block_on(keep_one(queue, options, running, begun, stay));
        };
        let spawned = thread::Builder::new().name("lease".to_owned()).spawn(keep);
        spawned.map_err(thread_error)?;
        match soft.run_until_cancelled(first).await {
            Some(Ok(lease)) => Ok(Some(Keeper { lease: lease?, leave, thread })),
            Some(Err(_)) => Err(QueueError::Closed),
            None => Ok(None),
        }
    }

    /// Signs off and waits for the thread's end.
    pub(super) async fn leave(self) {
        let _ = self.leave.send(());
        // Its side of the channel is dropped, never used.
        let _ = self.thread.await;
    }
}

fn thread_error(source: std::io::Error) -> QueueError {
    QueueError::Thread { source: Arc::new(source) }
}

/// One lease's life, on its thread.
async fn keep_one(
    queue: Queue,
    options: RunnerOptions,
    running: Arc<Running>,
    begun: oneshot::Sender<Result<Arc<Lease>, QueueError>>,
    mut stay: oneshot::Receiver<()>,
) {
    let taken = tokio::select! {
        taken = Lease::take(queue, options, running) => taken,
        _ = &mut stay => return,
    };
    let lease = match taken {
        Ok(lease) => Arc::new(lease),
        // Nobody listens any more only when the worker is already gone.
        Err(error) => return drop(begun.send(Err(error))),
    };
    if begun.send(Ok(Arc::clone(&lease))).is_err() {
        return lease.leave().await;
    }
    tokio::select! {
        () = lease.keep() => {}
        told = stay => if told.is_ok() { lease.leave().await },
    }
}
