//! Does each operation on the engine and on the model, and compares them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event::{DeadLetter, ErrorChain, EventId, NewEvent, Outcome, Policy, Priority, Wait, Work};
use proptest::sample::Index;
use queue::{Claim, Exchange, Finished, Incarnation, QueueError, ReplayOptions, Selection};

use super::model::{ATTEMPTS_MAX, Job, Model, State};
use super::operations::{Operation, WORKERS, Word};
use crate::aids::{Fixture, event, in_lane};

/// Waits are long: only the play ends one.
const LONG: Duration = Duration::from_secs(3_600);

const POLICY: Policy =
    Policy { attempts_max: ATTEMPTS_MAX.unsigned_abs(), backoff_base: LONG, backoff_max: LONG };

/// Jobs that are claimed at once after a death.
const TAKE_OVER_MAX: usize = 8;

/// A worker's incarnation.
#[derive(Clone, Copy)]
struct Worker {
    who: Incarnation,
    lease: Lease,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lease {
    Stands,
    /// Its time is up, and a renewal may still come.
    Late,
    TakenAway,
}

/// A claim that was handed out.
struct Handed {
    claim: Claim,
    worker: usize,
}

pub struct Driver<'a> {
    fixture: &'a Fixture,
    model: Model,
    workers: Vec<Worker>,
    handed: Vec<Handed>,
    last: Option<Finished>,
    deliveries: Vec<(NewEvent, Job)>,
    /// Incarnations whose time is up and whose leases were not taken away yet.
    silent: BTreeSet<i64>,
}

impl<'a> Driver<'a> {
    pub async fn new(fixture: &'a Fixture) -> Self {
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(register(fixture).await);
        }
        let (handed, deliveries) = (Vec::new(), Vec::new());
        let (model, silent) = (Model::default(), BTreeSet::new());
        Driver { fixture, model, workers, handed, last: None, deliveries, silent }
    }

    /// # Errors
    /// How the engine and the model differ.
    pub async fn apply(&mut self, operation: &Operation) -> Result<(), String> {
        match operation {
            Operation::Append { lane, order, urgent, delayed } => {
                let job = Job { urgent: *urgent, due: !delayed, ..Job::fresh(*lane, *order) };
                self.deliveries.push((delivery(self.deliveries.len(), &job), job));
                self.deliver(self.deliveries.len() - 1).await;
            }
            Operation::Redeliver(which) => {
                if !self.deliveries.is_empty() {
                    self.deliver(which.index(self.deliveries.len())).await;
                }
            }
            Operation::Claim { worker, limit } => self.exchange(*worker, 0, *limit).await?,
            Operation::Exchange { worker, settle, limit } => {
                self.exchange(*worker, *settle, *limit).await?;
            }
            Operation::Settle { claim, word } if !self.handed.is_empty() => {
                self.settle(claim.index(self.handed.len()), *word).await?;
            }
            Operation::Settle { .. } => {}
            Operation::SettleStale { word } => {
                let stale = |handed: &Handed| {
                    self.model.is_taken_over(handed.claim.event.id.0, handed.claim.token.0)
                };
                if let Some(place) = self.handed.iter().position(stale) {
                    self.settle(place, *word).await?;
                }
            }
            Operation::SettleAgain => self.settle_again().await?,
            Operation::Renew { worker } => self.renew(*worker).await?,
            Operation::EndLease { worker } => self.end_lease(*worker).await,
            Operation::TakeOver { worker } => {
                self.end_lease(*worker).await;
                self.reap().await?;
                self.exchange((worker + 1) % WORKERS, 0, TAKE_OVER_MAX).await?;
            }
            Operation::Reap => self.reap().await?,
            Operation::Due => {
                self.fixture.end_sleeps().await;
                self.fixture.end_waits().await;
                self.model.all_due();
            }
            Operation::Cancel(which) => {
                if let Some(id) = chosen(*which, self.model.live.keys()) {
                    self.fixture.queue.cancel(&[EventId(id)], "play", "why not").await.unwrap();
                    self.model.cancel(id);
                }
            }
            Operation::Replay(which) => self.replay(*which).await?,
        }
        self.compare().await
    }

    async fn deliver(&mut self, which: usize) {
        let (event, job) = self.deliveries[which].clone();
        let committed = self.fixture.append(event).await;
        self.model.append(committed.event.id.0, job);
    }

    /// Settles some of what a worker has in hand as done, and claims.
    async fn exchange(&mut self, at: usize, settle: usize, limit: usize) -> Result<(), String> {
        let mine = |handed: &Handed| handed.worker == at;
        let mut finished = Vec::new();
        while let Some(place) =
            self.handed.iter().position(mine).filter(|_| finished.len() < settle)
        {
            let claim = self.handed.remove(place).claim;
            finished.push(Finished { claim, outcome: Outcome::Done(None), policy: POLICY });
        }
        let Worker { who, lease } = self.workers[at];
        let exchange = self.fixture.queue.exchange(who, &finished, limit).await.unwrap();
        let Exchange { verdicts, claims, standing: stands } = exchange;
        for (one, verdict) in finished.into_iter().zip(verdicts) {
            self.settled(one, Word::Done, verdict.map(drop))?;
        }
        same("the lease stands", stands, lease == Lease::Stands)?;
        if !stands {
            same("claims without a lease", claims.len(), 0)?;
            self.workers[at] = register(self.fixture).await;
            return Ok(());
        }
        self.claimed(at, limit, claims)
    }

    fn claimed(&mut self, at: usize, limit: usize, claims: Vec<Claim>) -> Result<(), String> {
        for claim in claims.iter() {
            let (id, claimable) = (claim.event.id.0, self.model.claimable());
            if !claimable.contains(&id) {
                return Err(format!("claimed {id}, and the next is one of {claimable:?}"));
            }
            let job = self.model.claim(id, self.workers[at].who.id, claim.token.0);
            let expected = (job.attempts, job.generation, job.lane.is_some());
            let found = (claim.attempt.cast_signed(), claim.generation, claim.lane.is_some());
            same(&format!("the claim of {id}"), found, expected)?;
        }
        if claims.len() < limit && !self.model.claimable().is_empty() {
            let left = self.model.claimable();
            return Err(format!("claimed {} of {limit}, and left {left:?}", claims.len()));
        }
        self.handed.extend(claims.into_iter().map(|claim| Handed { claim, worker: at }));
        Ok(())
    }

    async fn end_lease(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        self.fixture.end_lease(worker.who).await;
        if worker.lease == Lease::Stands {
            worker.lease = Lease::Late;
            self.silent.insert(worker.who.id);
        }
    }

    async fn settle(&mut self, place: usize, word: Word) -> Result<(), String> {
        let claim = self.handed.remove(place).claim;
        let one = Finished { claim, outcome: outcome(word), policy: POLICY };
        let settled = self.fixture.queue.settle(&one.claim, one.outcome.clone(), &POLICY).await;
        self.tell_of_deaths().await;
        self.settled(one, word, settled.map(drop))
    }

    /// Only who holds a job may settle it, and nobody twice.
    fn settled(
        &mut self,
        one: Finished,
        word: Word,
        settled: Result<(), QueueError>,
    ) -> Result<(), String> {
        let id = one.claim.event.id.0;
        let holds = self.model.holds(id, one.claim.token.0);
        let found = match &settled {
            Ok(()) => true,
            Err(QueueError::Fenced) => false,
            Err(error) => return Err(format!("a settle: {}", ErrorChain::of(error))),
        };
        same(&format!("the settle of {id} counts"), found, holds)?;
        if holds {
            self.model.settle(id, word);
            self.last = Some(one);
        }
        Ok(())
    }

    async fn settle_again(&mut self) -> Result<(), String> {
        let Some(last) = &self.last else { return Ok(()) };
        let queue = &self.fixture.queue;
        let again = queue.settle(&last.claim, last.outcome.clone(), &POLICY).await;
        again.map(drop).map_err(|error| format!("a settle said again: {}", ErrorChain::of(&error)))
    }

    async fn renew(&mut self, at: usize) -> Result<(), String> {
        let worker = &mut self.workers[at];
        let renewed = self.fixture.queue.renew(worker.who).await.is_ok();
        same("the renewal counts", renewed, worker.lease != Lease::TakenAway)?;
        if renewed {
            worker.lease = Lease::Stands;
            self.silent.remove(&worker.who.id);
        }
        Ok(())
    }

    async fn reap(&mut self) -> Result<(), String> {
        while self.fixture.queue.reap(&|_| POLICY).await.unwrap() > 0 {}
        self.tell_of_deaths().await;
        for silent in std::mem::take(&mut self.silent) {
            self.model.reap(silent);
            let fenced = self.workers.iter_mut().find(|worker| worker.who.id == silent);
            fenced.into_iter().for_each(|worker| worker.lease = Lease::TakenAway);
        }
        Ok(())
    }

    async fn replay(&mut self, which: Index) -> Result<(), String> {
        let Some(id) = chosen(which, self.model.given.keys()) else { return Ok(()) };
        let options =
            ReplayOptions { actor: "play".to_owned(), limit: 1, ..ReplayOptions::default() };
        let ids = Selection::Ids(vec![EventId(id)]);
        let report = self.fixture.queue.replay(&ids, &options).await.unwrap();
        let expected = self.model.replay(id);
        same(&format!("the replay of {id}"), !report.replayed.is_empty(), expected)
    }

    /// Learns how the database numbered the events that deaths tell of.
    async fn tell_of_deaths(&mut self) {
        let told =
            "SELECT event_id, split_part(key, ':', 2)::bigint, split_part(key, ':', 3)::integer
                      FROM deliveries WHERE key LIKE $1 || ':%'";
        for row in self.fixture.sql.query(told, &[&DeadLetter::KIND]).await.unwrap() {
            self.model.notices.insert((row.get(1), row.get(2)), row.get(0));
        }
    }

    /// The database holds what the model says, and nothing else.
    async fn compare(&self) -> Result<(), String> {
        let live = "SELECT event_id, generation, state::text, head, attempts, cancel_requested,
                           holder IS NOT NULL FROM jobs";
        let rows = self.fixture.sql.query(live, &[]).await.unwrap();
        let found: BTreeMap<i64, _> = rows
            .iter()
            .map(|row| {
                let state: String = row.get(2);
                (row.get(0), (row.get(1), state, row.get(3), row.get(4), row.get(5), row.get(6)))
            })
            .collect();
        let expected = self.model.live.iter().map(|(id, job)| {
            let state = match job.state {
                State::Waiting => "w",
                State::Ready => "r",
                State::Running => "x",
                State::Suspended => "s",
            };
            let Job { generation, head, attempts, cancel_requested, holder, .. } = job;
            let held = holder.is_some();
            (*id, (*generation, state.to_owned(), *head, *attempts, *cancel_requested, held))
        });
        same("live jobs", found, expected.collect())?;
        let ended = "SELECT event_id, generation, state, attempts FROM outcomes";
        let rows = self.fixture.sql.query(ended, &[]).await.unwrap();
        let found: BTreeMap<(i64, i32), (String, i32)> =
            rows.iter().map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3)))).collect();
        let expected = self.model.ended.iter();
        let expected = expected.map(|(of, end)| (*of, (end.state.to_owned(), end.attempts)));
        same("ended jobs", found, expected.collect())
    }
}

async fn register(fixture: &Fixture) -> Worker {
    let who = fixture.queue.register("worker", "1", 8).await.unwrap();
    Worker { who, lease: Lease::Stands }
}

fn delivery(number: usize, job: &Job) -> NewEvent {
    let priority = if job.urgent { Priority::Urgent } else { Priority::Normal };
    let delay = if job.due { Duration::ZERO } else { LONG };
    let work = Work { priority, delay, ..Work::default() };
    let key = number.to_string();
    let event = match job.lane {
        Some(lane) => in_lane(&key, &lane.to_string(), job.order),
        None => event(&key),
    };
    NewEvent { work: Some(work), ..event }
}

fn outcome(word: Word) -> Outcome {
    let error = ErrorChain::message("no");
    match word {
        Word::Done => Outcome::Done(None),
        Word::Failed => Outcome::Failed(error),
        Word::Refused => Outcome::Refused(error),
        Word::Released => Outcome::Released,
        Word::RateLimited => Outcome::RateLimited { after: LONG, error },
        Word::Suspended => Outcome::Suspended(Wait::time(LONG)),
        Word::Cancelled => Outcome::Cancelled,
        Word::Lost => Outcome::Lost,
    }
}

fn chosen<'k>(which: Index, among: impl ExactSizeIterator<Item = &'k i64>) -> Option<i64> {
    let count = among.len();
    if count == 0 { None } else { among.copied().nth(which.index(count)) }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: found {found:?}, expected {expected:?}")),
    }
}
