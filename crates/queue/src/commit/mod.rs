//! Bringing events in: one durable commit for all that arrived during the last one.

mod batch;
mod columns;
mod gather;
mod share;
mod store;

use std::sync::Arc;

use event::{EventRef, NewEvent};
use serde::Serialize;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::wire::clean;
use crate::{Queue, QueueError, mutants, notify};

pub(crate) use batch::Item;
pub(crate) use columns::EventColumns;
use gather::Gatherer;
pub(crate) use share::Shares;
pub(crate) use store::{Store, Stored};

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
        let (submissions, inbox) = mpsc::channel(SUBMISSIONS_MAX);
        let (hints, local) = (self.hints.clone(), Arc::clone(&self.local));
        let store = Store::new(self);
        let task = tokio::spawn(async move {
            let wanted = Arc::new(Notify::new());
            let committed = CancellationToken::new();
            let notifier = tokio::spawn(notify::run(hints, Arc::clone(&wanted), committed.clone()));
            run(Gatherer::new(inbox, shutdown), store, &wanted, &local).await;
            committed.cancel();
            if notifier.await.is_err() {
                tracing::error!("the notifier panicked; workers found new events by polling");
            }
        });
        (Committer { submissions }, task)
    }

    /// Stores one event outside the group commit, and wakes the workers: for commands.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for an event that the engine cannot take as it is, see
    /// [`NewEvent::validate`]; otherwise those of the database.
    pub async fn append(&self, event: NewEvent) -> Result<Committed, QueueError> {
        event.validate().map_err(QueueError::Refused)?;
        let store = Store::new(self);
        let mut stored = store.commit(vec![clean(event)]).await;
        let committed = stored.answers.pop().unwrap_or(Err(QueueError::Closed))?;
        if stored.unheard {
            self.hint().await;
        }
        Ok(committed)
    }
}

/// One commit after another, until nobody can submit any more.
async fn run(mut gatherer: Gatherer, store: Store, wanted: &Notify, local: &Notify) {
    while let Some(batch) = gatherer.next().await {
        let (events, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|one| (clean(one.event), one.reply)).unzip();
        let replies = mutants::acknowledge(&events, replies);
        metrics::histogram!("queue_commit_batch_events").record(to_f64(events.len()));
        let Stored { answers, unheard } = store.commit(events).await;
        if unheard {
            local.notify_one();
            wanted.notify_one();
        }
        for (reply, answer) in replies.into_iter().zip(answers) {
            // A caller that went away loses nothing: the event is stored, or comes again.
            let _ = reply.send(answer);
        }
    }
}

fn to_f64(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
