//! Claimed jobs at work.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use event::{ErrorChain, Outcome, Policy};
use futures::FutureExt;
use tokio::task::coop;
use tracing::Instrument;

use super::handler::Handler;
use super::outbox::Outbox;
use super::running::Entry;
use super::shared::Shared;
use crate::{Claim, Finished};

/// A panic's own words may hold a message's text; the log's backtrace names the place.
const PANICKED: &str = "the handler panicked";

/// What quick handlers reported waits no longer than this for the rest of its batch.
const LINGER: Duration = Duration::from_millis(1);

/// Claimed jobs that wait for a hand, with their places in the register.
pub(super) struct Rack(Mutex<VecDeque<(Claim, Entry)>>);

impl Rack {
    pub(super) fn new(jobs: impl Iterator<Item = (Claim, Entry)>) -> Self {
        Rack(Mutex::new(jobs.collect()))
    }

    /// Gives everything back that nobody has begun.
    pub(super) fn put_away(&self, outbox: &Outbox, policy_of: impl Fn(&str) -> Policy) {
        while let Some((claim, _entry)) = self.take() {
            let policy = policy_of(&claim.kind);
            outbox.put(Finished { claim, outcome: Outcome::Released, policy });
        }
    }

    fn take(&self) -> Option<(Claim, Entry)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Begins the jobs of a rack, one after another. A handler that is done at its first poll costs no
/// task; any other goes on in one of its own. There are as many hands as threads, so that one whose
/// handler blocks leaves the rest of the rack to the others.
pub(super) async fn work_off<H: Handler>(shared: Arc<Shared<H>>, rack: Arc<Rack>) {
    let mut rung = Instant::now();
    while let Some((claim, entry)) = rack.take() {
        let mut attempt: Pin<Box<_>> = Box::pin(attempt(Arc::clone(&shared), claim, entry));
        // Whoever goes on polls it again first, and leaves a waker that wakes.
        match attempt.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(()) if rung.elapsed() > LINGER => {
                shared.outbox.ring();
                rung = Instant::now();
            }
            Poll::Ready(()) => {}
            Poll::Pending => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    attempt.await;
                    shared.outbox.ring();
                });
            }
        }
        coop::consume_budget().await;
    }
    shared.outbox.ring();
}

/// Works on a claim and leaves what came of it in the outbox.
async fn attempt<H: Handler>(shared: Arc<Shared<H>>, mut claim: Claim, entry: Entry) {
    let span = tracing::info_span!(
        "job",
        event_id = claim.event.id.0,
        kind = claim.kind,
        generation = claim.generation,
        attempt = claim.attempt,
        correlation_id = %claim.correlation_id,
    );
    shared.meters.begun();
    let begun = Instant::now();
    let outcome = handle(&shared, &claim, &entry).instrument(span).await;
    shared.meters.ended(outcome.as_str(), begun.elapsed());
    let policy = shared.policy(&claim.kind);
    // Settling needs none of it, and it may be large.
    claim.raw = Vec::new();
    shared.outbox.put(Finished { claim, outcome, policy });
    drop(entry);
}

/// The handler, caught when it panics, and dropped when it does not stop.
async fn handle<H: Handler>(shared: &Shared<H>, claim: &Claim, entry: &Entry) -> Outcome {
    if entry.stop.why().is_some() {
        return entry.stop.outcome();
    }
    let handling = AssertUnwindSafe(async { shared.handler.handle(claim, &entry.stop).await });
    tokio::select! {
        biased;
        handled = handling.catch_unwind() => {
            handled.unwrap_or_else(|_| Outcome::Failed(ErrorChain::message(PANICKED)))
        }
        () = entry.kill.cancelled() => {
            tracing::warn!("the handler did not stop when told to, and was dropped");
            entry.stop.outcome()
        }
    }
}
