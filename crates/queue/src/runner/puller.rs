//! The one puller of a worker: settles what was reported and claims for the free slots, in one
//! exchange after another.
//!
//! What is reported while an exchange is under way goes with the next, so batches grow with the load
//! and nothing ever waits for a timer. With nothing under way an outcome goes out at once.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event::{ErrorChain, Outcome, Verdict};
use tokio::runtime::Handle;
use tokio::sync::futures::Notified;
use tokio::sync::watch;
use tokio::time::sleep;

use super::attempt::{Rack, work_off};
use super::batch::Batch;
use super::drain::Drain;
use super::handler::Handler;
use super::offers::Standing;
use super::report::Report;
use super::shared::Shared;
use super::told::tell;
use crate::{Claim, Finished, Hints, Incarnation, QueueError};

/// A worker whose claim took longer, as it may under an old snapshot, offers nothing to commits.
const QUICK: Duration = Duration::from_millis(50);

/// How soon an exchange that failed is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// Claims and settles until everything is settled after the drain.
pub(super) struct Puller<H> {
    pub(super) shared: Arc<Shared<H>>,
    drain: Drain,
    pub(super) batch: Batch,
    pub(super) standing: Standing,
    /// The last claim took no longer than a commit can wait for one.
    pub(super) quick: bool,
    /// Threads of the runtime: as many work at a rack.
    hands: usize,
    /// Set after an exchange failed, until one has settled again. Ends and claims go apart meanwhile,
    /// in turns, so that what hinders the one does not hinder the other.
    pub(super) apart: Option<Turn>,
    pub(super) report: Report,
}

/// Whose turn it is while they go apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Claim,
    Settle,
}

/// What a round leads to.
pub(super) enum Next {
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
        let (standing, report) = (Standing::default(), Report::default());
        Puller { shared, drain, batch, standing, quick: false, hands, apart: None, report }
    }

    pub(super) async fn pull(mut self, mut hints: watch::Receiver<Hints>) -> Report {
        let shared = Arc::clone(&self.shared);
        let Drain { soft, quiet, finish, give_up, hard } = self.drain.clone();
        let local = shared.queue.local_wakeups();
        loop {
            // Interest is registered first, so that nothing that comes after the look is missed.
            hints.borrow_and_update();
            let mut woken = pin!(local.notified());
            woken.as_mut().enable();
            let (draining, finishing) = (soft.is_cancelled(), finish.is_cancelled());
            let alone = self.standing.withdraw();
            if draining && alone {
                quiet.cancel();
            }
            let mut next = self.round(draining || !alone).await;
            if finishing && alone && shared.outbox.len() == 0 {
                break;
            }
            if matches!(next, Next::Wait) {
                next = self.wait(woken, &mut hints, draining, finishing).await;
            }
            match next {
                Next::Look | Next::Wait => {}
                Next::Pause if finishing && hard.is_cancelled() => break,
                Next::Pause => {
                    if give_up.run_until_cancelled(sleep(RETRY)).await.is_none() {
                        break;
                    }
                }
            }
        }
        self.report.unsettled = shared.outbox.len();
        if self.report.unsettled > 0 {
            let jobs = self.report.unsettled;
            tracing::warn!(jobs, "ending unsettled; the lease's end returns the jobs");
        }
        self.report
    }

    /// Waits until something may have happened. Meanwhile this process's commits may claim.
    async fn wait(
        &mut self,
        mut woken: Pin<&mut Notified<'_>>,
        hints: &mut watch::Receiver<Hints>,
        draining: bool,
        finishing: bool,
    ) -> Next {
        let shared = Arc::clone(&self.shared);
        let Drain { soft, finish, .. } = self.drain.clone();
        // However much commits bring, it looks for itself as often.
        let mut poll = pin!(sleep(shared.options.poll));
        loop {
            let free = !draining && shared.free() > 0;
            if free {
                self.offer();
            }
            let handover = tokio::select! {
                handover = self.standing.answered() => handover,
                () = shared.outbox.rung() => return Next::Look,
                () = soft.cancelled(), if !draining => return Next::Look,
                () = finish.cancelled(), if !finishing => return Next::Look,
                () = &mut woken, if free => return Next::Look,
                Ok(()) = hints.changed(), if free => return Next::Look,
                () = &mut poll => return Next::Look,
            };
            let next = self.handed_over(handover).await;
            if draining || !matches!(next, Next::Wait) {
                return next;
            }
        }
    }

    /// One exchange, if there is anything to exchange; it claims nothing when it `only_settles`.
    async fn round(&mut self, only_settles: bool) -> Next {
        let shared = Arc::clone(&self.shared);
        // A lease that is late may still settle: what fences a write is its token.
        let limit = match shared.lease.current() {
            Some(_) if !only_settles => self.batch.size().min(shared.free()),
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
                    self.quick = begun.elapsed() < QUICK;
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
                self.quick = false;
                let next = self.failed(&error);
                self.apart = Some(match finished.is_empty() {
                    true => Turn::Settle,
                    false => Turn::Claim,
                });
                // The database may have taken some or all of it: asked again, it tells.
                match error.is_transient() || finished.is_empty() {
                    true => shared.outbox.put_back(finished),
                    false => self.settle_one_by_one(finished).await,
                }
                next
            }
        }
    }

    pub(super) fn failed(&self, error: &QueueError) -> Next {
        let error = ErrorChain::line(error);
        tracing::warn!(error, "an exchange failed; trying again");
        Next::Pause
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
                return tell(claim, &verdict);
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
    pub(super) fn start(&mut self, who: Incarnation, claims: Vec<Claim>) {
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
