//! A child that claims and works: a worker's loop at its plainest, so that the queue's own promises
//! are tried and not those of a cleverer runner.
//!
//! A worker that lost its lease works on as a zombie and tries to settle: the queue must refuse it.
//! One that could not renew in time gives its jobs back uncharged as soon as it can.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use event::limits::{LEASE, LEASE_RENEWAL};
use event::{Outcome, Policy};
use queue::{Claim, Hints, Incarnation, Queue, QueueError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handler;
use super::journal::{Journal, boot_us};
use super::orders::{self, FINISH_FILE};
use super::plan;

/// What the conductor tells a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) url: String,
    pub(super) run: std::path::PathBuf,
    pub(super) index: u32,
    pub(super) life: u32,
    pub(super) seed: u64,
    pub(super) slots: usize,
    /// Where the outside world is.
    pub(super) outside: SocketAddr,
    /// What its wall clock was told to be off by.
    pub(super) skew_us: i64,
}

/// The longest between two looks for work.
const POLL: Duration = Duration::from_millis(250);

/// The pause after the database could not be reached.
const PAUSE: Duration = Duration::from_millis(100);

/// How often leases are reaped and due jobs swept.
const CHORES_EVERY: Duration = Duration::from_millis(500);

/// A worker that cannot renew regards its lease as over this long before it is.
const FENCE_MARGIN: Duration = Duration::from_secs(5);

/// A call of which nothing is heard this long is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Works until it is told to finish.
pub(super) async fn run(part: Part) -> anyhow::Result<()> {
    let finish = orders::listen(&part.run, FINISH_FILE);
    let queue = super::queue(&part.url, "soak-worker", 8).await?;
    let name = format!("worker-{}-{}", part.index, part.life);
    let journal = Journal::create(&part.run, "workers", &name)?;
    let hints_end = CancellationToken::new();
    let (mut hints, listening) = queue.wakeups(hints_end.clone());
    let tasks = TaskTracker::new();
    while !finish.is_cancelled() {
        let asked = boot_us();
        let slots = u32::try_from(part.slots).unwrap_or(u32::MAX);
        let Ok(Ok(who)) = timeout(PATIENCE, queue.register(&name, "soak", slots)).await else {
            sleep(PAUSE).await;
            continue;
        };
        journal.write(json!({"t": "start", "worker": who.id, "pid": std::process::id(),
                             "skew_us": part.skew_us}));
        let life = Arc::new(Life {
            queue: queue.clone(),
            journal: journal.clone(),
            who,
            slots: part.slots,
            seed: part.seed,
            outside: part.outside,
            until_us: AtomicI64::new(asked + micros(LEASE)),
            over: CancellationToken::new(),
            given_up: watch::Sender::new(0),
            tasks: tasks.clone(),
        });
        tokio::join!(
            life.over.run_until_cancelled(life.pull(&mut hints, &finish)),
            life.over.run_until_cancelled(life.keep()),
            life.over.run_until_cancelled(life.chores()),
        );
    }
    tasks.close();
    hints_end.cancel();
    tasks.wait().await;
    listening.await?;
    journal.write(json!({"t": "stop"}));
    Ok(())
}

/// One incarnation.
struct Life {
    queue: Queue,
    journal: Journal,
    who: Incarnation,
    slots: usize,
    seed: u64,
    outside: SocketAddr,
    /// When its lease ends by its own account, on the boot clock.
    until_us: AtomicI64,
    /// The incarnation has ended: fenced, or retired.
    over: CancellationToken,
    /// How often the lease ran out by its own account.
    given_up: watch::Sender<u32>,
    tasks: TaskTracker,
}

impl Life {
    /// Claims as long as there are free slots; retires when told to finish.
    async fn pull(
        self: &Arc<Self>,
        hints: &mut watch::Receiver<Hints>,
        finish: &CancellationToken,
    ) {
        while !finish.is_cancelled() {
            let free = self.slots.saturating_sub(self.tasks.len());
            let mut got = 0;
            if free > 0 && !self.is_late() {
                got = match timeout(PATIENCE, self.queue.claim(self.who, free)).await {
                    Ok(Ok(claims)) => self.take(claims, free),
                    Ok(Err(QueueError::Fenced)) => {
                        // Perhaps it is only late: an outage of the database ends no lease.
                        if !self.renew_once().await {
                            sleep(PAUSE).await;
                        }
                        0
                    }
                    Ok(Err(_)) | Err(_) => {
                        sleep(PAUSE).await;
                        0
                    }
                };
            }
            if got == 0 || got == free {
                tokio::select! {
                    _ = hints.changed() => {}
                    () = sleep(if got == 0 { POLL } else { Duration::from_millis(2) }) => {}
                    () = finish.cancelled() => {}
                }
            }
        }
        // What runs may come to its end; a retired worker's jobs would be taken as lost.
        self.tasks.close();
        self.tasks.wait().await;
        while !matches!(timeout(PATIENCE, self.queue.retire(self.who)).await, Ok(Ok(()))) {
            sleep(PAUSE).await;
        }
        self.over.cancel();
    }

    fn take(self: &Arc<Self>, claims: Vec<Claim>, asked: usize) -> usize {
        let got = claims.len();
        if got > 0 {
            self.journal.write(json!({"t": "claim", "asked": asked, "got": got}));
        }
        for claim in claims {
            let life = Arc::clone(self);
            self.tasks.spawn(async move { life.work(claim).await });
        }
        got
    }

    async fn work(&self, claim: Claim) {
        let mut given_up = self.given_up.subscribe();
        given_up.mark_unchanged();
        let mut begin = line("begin", &claim);
        begin["attempt"] = claim.attempt.into();
        begin["kind"] = claim.kind.as_str().into();
        if let Some(lane) = claim.lane {
            begin["lane"] = lane.0.into();
        }
        self.journal.write(begin);
        let desk = handler::Desk {
            queue: &self.queue,
            journal: &self.journal,
            outside: self.outside,
            seed: self.seed,
        };
        let outcome = tokio::select! {
            outcome = handler::act(&desk, &claim) => outcome,
            _ = given_up.changed() => Some(Outcome::Released),
        };
        // A handler that learnt that it is a zombie stops without a word.
        let Some(outcome) = outcome else { return };
        let mut report = line("report", &claim);
        report["outcome"] = outcome.as_str().into();
        self.journal.write(report);
        let mut end = line("end", &claim);
        end["outcome"] = outcome.as_str().into();
        if let Some(accepted) = self.settle(&claim, &outcome).await {
            end["accepted"] = accepted.into();
        }
        self.journal.write(end);
    }

    /// Until an answer; `None` when there was none for so long that nobody waits for it any more.
    async fn settle(&self, claim: &Claim, outcome: &Outcome) -> Option<bool> {
        let policy: Policy = plan::policy_of(&claim.kind);
        let began = boot_us();
        while boot_us() - began < 20 * micros(PATIENCE) {
            let settled = self.queue.settle(claim, outcome.clone(), &policy);
            match timeout(PATIENCE, settled).await {
                Ok(Ok(_)) => return Some(true),
                Ok(Err(QueueError::Fenced)) => return Some(false),
                Ok(Err(error)) if !error.is_transient() => {
                    crate::figures::say(&format!("settle: {}", event::ErrorChain::of(&error)));
                    return None;
                }
                Ok(Err(_)) | Err(_) => sleep(PAUSE).await,
            }
        }
        None
    }

    /// Renews the lease.
    async fn keep(&self) {
        let mut pause = LEASE_RENEWAL / 2;
        loop {
            sleep(pause).await;
            pause = if self.renew_once().await { LEASE_RENEWAL / 2 } else { PAUSE };
            if self.is_late() {
                self.given_up.send_modify(|times| *times += 1);
            }
        }
    }

    /// Whether the lease was renewed. One that was taken away ends this incarnation.
    async fn renew_once(&self) -> bool {
        let asked = boot_us();
        match timeout(PATIENCE, self.queue.renew(self.who)).await {
            Ok(Ok(_)) => {
                self.journal.write(json!({"t": "renew", "accepted": true}));
                self.until_us.store(asked + micros(LEASE), Ordering::SeqCst);
                true
            }
            Ok(Err(QueueError::Fenced)) => {
                self.journal.write(json!({"t": "renew", "accepted": false}));
                self.over.cancel();
                false
            }
            Ok(Err(_)) | Err(_) => false,
        }
    }

    async fn chores(&self) {
        loop {
            sleep(CHORES_EVERY).await;
            // Whatever fails is done by the next round, or by another worker.
            let _ = timeout(PATIENCE, self.queue.reap(&plan::policy_of)).await;
            let _ = timeout(PATIENCE, self.queue.sweep()).await;
        }
    }

    fn is_late(&self) -> bool {
        boot_us() + micros(FENCE_MARGIN) > self.until_us.load(Ordering::SeqCst)
    }
}

/// The beginning of a line about a claim.
pub(super) fn line(word: &str, claim: &Claim) -> Value {
    json!({"t": word, "event": claim.event.id.0, "generation": claim.generation,
           "token": claim.token.0})
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
