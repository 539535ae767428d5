//! Whole workers in a test's own process.

use std::future::Future;
use std::time::Duration;

use event::{NewEvent, Outcome, Policy};
use futures::future::join_all;
use queue::{Claim, Handler, Queue, Report, Runner, RunnerOptions, Stop};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::aids::Fixture;

/// What a test waits for; nothing that works takes as long.
pub const SOON: Duration = Duration::from_secs(30);

/// A handler made of a function.
struct Each<F>(F);

/// Handles each job with a function.
pub fn each<F, Answer>(handle: F) -> impl Handler
where
    F: Fn(Claim, Stop) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Outcome> + Send,
{
    Each(handle)
}

impl<F, Answer> Handler for Each<F>
where
    F: Fn(Claim, Stop) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Outcome> + Send,
{
    fn policy(&self, _kind: &str) -> Policy {
        Policy { backoff_base: Duration::from_millis(1), ..Policy::ANSWER }
    }

    async fn handle(&self, claim: &Claim, stop: &Stop) -> Outcome {
        (self.0)(claim.clone(), stop.clone()).await
    }
}

/// A worker at work.
pub struct Worker {
    pub soft: CancellationToken,
    pub hard: CancellationToken,
    task: JoinHandle<Report>,
}

impl Worker {
    pub fn start(queue: &Queue, options: RunnerOptions, handler: impl Handler) -> Self {
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let runner = Runner::new(queue.clone(), options);
        let running = runner.run(handler, soft.clone(), hard.clone());
        let task = tokio::spawn(async move { running.await.unwrap() });
        Worker { soft, hard, task }
    }

    /// Drains it.
    pub async fn end(self) -> Report {
        self.soft.cancel();
        self.ended().await
    }

    pub async fn ended(self) -> Report {
        timeout(SOON, self.task).await.unwrap().unwrap()
    }

    /// Ends it as SIGKILL would, but for the process.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Renews often, so that a test need not wait for what a lease does.
pub fn options() -> RunnerOptions {
    RunnerOptions { renew_every: Duration::from_millis(100), ..RunnerOptions::default() }
}

/// Nothing to do, done.
pub fn nothing() -> impl Handler {
    each(|_, _| async { Outcome::Done(None) })
}

/// Commits many events, together.
pub async fn append_all(fixture: &Fixture, events: impl Iterator<Item = NewEvent>) {
    let shutdown = CancellationToken::new();
    let (committer, task) = fixture.queue.committer(shutdown.clone());
    for committed in join_all(events.map(|event| committer.commit(event))).await {
        committed.unwrap();
    }
    shutdown.cancel();
    task.await.unwrap();
}

/// Waits until a query that counts says `count`.
pub async fn until_count(fixture: &Fixture, query: &str, count: i64) {
    until(query, async || fixture.number(query).await == count).await;
}

/// Waits until that many jobs have ended.
pub async fn until_ended(fixture: &Fixture, count: i64) {
    until_count(fixture, "SELECT count(*) FROM outcomes", count).await;
}

/// Looks until it is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < SOON, "waited in vain for this: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
