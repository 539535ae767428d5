//! The one puller of a worker: settles what was reported and claims for the free slots, in one
//! exchange after another.
//!
//! What is reported while an exchange is under way goes with the next, so batches grow with the load
//! and nothing ever waits for a timer. With nothing under way an outcome goes out at once.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{ErrorChain, Outcome, Verdict};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::sleep;

use super::attempt::{Rack, work_off};
use super::batch::Batch;
use super::drain::Drain;
use super::handler::Handler;
use super::report::Report;
use super::shared::Shared;
use crate::{Claim, Finished, Incarnation, QueueError};

/// How soon an exchange that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Claims and settles until everything is settled after the drain.
pub(super) struct Puller<H> {
    shared: Arc<Shared<H>>,
    drain: Drain,
    batch: Batch,
    /// Threads of the runtime: as many work at a rack.
    hands: usize,
    /// Set after an exchange failed, until one has settled again. Ends and claims go apart meanwhile,
    /// in turns, so that what hinders the one does not hinder the other.
    apart: Option<Turn>,
    report: Report,
}

/// Whose turn it is while they go apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Claim,
    Settle,
}

/// What a round leads to.
enum Next {
    /// There may be more at once.
    Look,
    /// Nothing to do before something happens.
    Wait,
    /// The database did not answer well.
    Pause,
}

impl<H: Handler> Puller<H> {
    pub(super) fn new(shared: Arc<Shared<H>>, drain: Drain) -> Self {
        let batch = Batch::new(shared.options.batch_max);
        let hands = Handle::current().metrics().num_workers();
        Puller { shared, drain, batch, hands, apart: None, report: Report::default() }
    }

    pub(super) async fn pull(mut self, mut hints: watch::Receiver<u64>) -> Report {
        let shared = Arc::clone(&self.shared);
        let Drain { soft, finish, give_up, .. } = self.drain.clone();
        let local = shared.queue.local_wakeups();
        loop {
            // Interest is registered first, so that nothing that comes after the look is missed.
            hints.borrow_and_update();
            let mut woken = pin!(local.notified());
            woken.as_mut().enable();
            let (draining, finishing) = (soft.is_cancelled(), finish.is_cancelled());
            if draining {
                self.drain.quiet.cancel();
            }
            let next = self.round(draining).await;
            if finishing && shared.outbox.len() == 0 {
                break;
            }
            match next {
                Next::Look => continue,
                Next::Wait => {}
                Next::Pause if finishing && self.drain.hard.is_cancelled() => break,
                Next::Pause => {
                    if give_up.run_until_cancelled(sleep(RETRY)).await.is_none() {
                        break;
                    }
                    continue;
                }
            }
            let free = !draining && shared.free() > 0;
            tokio::select! {
                () = shared.outbox.rung() => {}
                () = soft.cancelled(), if !draining => {}
                () = finish.cancelled(), if !finishing => {}
                () = woken, if free => {}
                Ok(()) = hints.changed(), if free => {}
                () = sleep(shared.options.poll) => {}
            }
        }
        self.report.unsettled = shared.outbox.len();
        if self.report.unsettled > 0 {
            let jobs = self.report.unsettled;
            tracing::warn!(jobs, "ending unsettled; the lease's end returns the jobs");
        }
        self.report
    }

    /// One exchange, if there is anything to exchange.
    async fn round(&mut self, draining: bool) -> Next {
        let shared = Arc::clone(&self.shared);
        // A lease that is late may still settle: what fences a write is its token.
        let limit = match shared.lease.current() {
            Some(_) if !draining => self.batch.size().min(shared.free()),
            Some(_) | None => 0,
        };
        let (settle_max, limit) = match self.apart.filter(|_| shared.outbox.len() > 0) {
            Some(Turn::Claim) if limit > 0 => (0, limit),
            Some(Turn::Claim | Turn::Settle) => (shared.options.batch_max, 0),
            None => (shared.options.batch_max, limit),
        };
        let finished = shared.outbox.take(settle_max);
        if limit == 0 && finished.is_empty() {
            return Next::Wait;
        }
        let (begun, who) = (Instant::now(), shared.lease.last());
        match shared.queue.exchange(who, &finished, limit).await {
            Ok(exchange) => {
                self.apart = self.apart.filter(|_| finished.is_empty()).map(|_| Turn::Settle);
                let claimed = exchange.claims.len();
                if limit > 0 {
                    shared.meters.exchange_seconds.record(begun.elapsed());
                    shared.meters.claims.increment(claimed as u64);
                }
                self.report.exchanges += u64::from(claimed > 0 || !finished.is_empty());
                for (finished, verdict) in finished.into_iter().zip(exchange.verdicts) {
                    self.settled(finished, verdict);
                }
                self.batch.answered(limit, claimed);
                self.start(who, exchange.claims);
                if !exchange.standing {
                    shared.lease.hurry();
                    return Next::Pause;
                }
                match shared.outbox.len() > 0 || limit > 0 && claimed >= limit {
                    true => Next::Look,
                    false => Next::Wait,
                }
            }
            Err(error) => {
                let line = ErrorChain::line(&error);
                tracing::warn!(error = line, "an exchange failed; trying again");
                self.apart = Some(match finished.is_empty() {
                    true => Turn::Settle,
                    false => Turn::Claim,
                });
                // The database may have taken some or all of it: asked again, it tells.
                match error.is_transient() || finished.is_empty() {
                    true => shared.outbox.put_back(finished),
                    false => self.settle_one_by_one(finished).await,
                }
                Next::Pause
            }
        }
    }

    /// After a refusal, so that what the database refuses harms nothing else.
    async fn settle_one_by_one(&mut self, finished: Vec<Finished>) {
        for one in finished {
            let settling = self.shared.queue.settle(&one.claim, one.outcome.clone(), &one.policy);
            let verdict = settling.await;
            self.settled(one, verdict);
        }
    }

    fn settled(&mut self, finished: Finished, verdict: Result<Verdict, QueueError>) {
        let claim = &finished.claim;
        let error = match verdict {
            Ok(verdict) => {
                self.report.settled += 1;
                return log(claim, &verdict);
            }
            Err(error) => error,
        };
        let event_id = claim.event.id.0;
        if matches!(error, QueueError::Fenced) {
            self.report.refused += 1;
            tracing::warn!(event_id, "the job is no longer ours; what we report is refused");
        } else if error.is_transient() {
            self.shared.outbox.put_back(vec![finished]);
        } else {
            let line = ErrorChain::line(&error);
            tracing::error!(event_id, error = line, "the database refuses an outcome");
            // Were it dropped, the job would be held for ever by a worker that lives.
            let outcome = Outcome::Failed(ErrorChain::of(&error));
            self.shared.outbox.put(Finished { outcome, ..finished });
        }
    }

    /// Hands claims to the runtime's threads. What comes after the signal to drain, or after the lease
    /// was given up, goes back unbegun.
    fn start(&mut self, who: Incarnation, claims: Vec<Claim>) {
        if claims.is_empty() {
            return;
        }
        let shared = &self.shared;
        self.report.claimed += claims.len() as u64;
        let hands = self.hands.clamp(1, claims.len());
        let enter = |claim: Claim| {
            let entry = shared.running.enter(claim.event.id, claim.token);
            (claim, entry)
        };
        let rack = Arc::new(Rack::new(claims.into_iter().map(enter)));
        // Looked at only now: whoever gives the lease up later finds these jobs in the register.
        if self.drain.soft.is_cancelled() || shared.lease.current() != Some(who) {
            rack.put_away(&shared.outbox, |kind| shared.policy(kind));
            return;
        }
        for _ in 0..hands {
            tokio::spawn(work_off(Arc::clone(shared), Arc::clone(&rack)));
        }
    }
}

fn log(claim: &Claim, verdict: &Verdict) {
    let (event_id, attempt) = (claim.event.id.0, claim.attempt);
    let correlation_id = &claim.correlation_id;
    match verdict {
        Verdict::End { state, error: None, .. } => {
            tracing::info!(event_id, attempt, %correlation_id, state = state.as_str(), "settled");
        }
        Verdict::End { state, error: Some(error), .. } => {
            let state = state.as_str();
            tracing::error!(event_id, attempt, %correlation_id, state, %error, "settled");
        }
        Verdict::Suspend { error: None, .. } => {
            tracing::info!(event_id, attempt, %correlation_id, "suspended");
        }
        Verdict::Suspend { error: Some(error), .. } => {
            tracing::warn!(event_id, attempt, %correlation_id, %error, "parked");
        }
        Verdict::Again { after, charged, .. } => {
            let again_in_ms = after.as_millis();
            tracing::info!(
                event_id, attempt, %correlation_id, again_in_ms, charged, "to be tried again"
            );
        }
    }
}
