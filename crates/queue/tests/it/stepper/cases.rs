//! Interleavings that broke other designs, each played as it would have to come.

use std::sync::Arc;

use event::{NewEvent, Outcome};
use queue::stepping::behind;
use queue::{Claim, Finished, Incarnation, QueueError};
use service::testing::Database;

use super::explore::Orders;
use super::judge::{breaches, prepare, wipe};
use super::play::POLICY;
use super::stage::{Open, Stage};
use crate::aids::{event, in_lane, raw};

const NAMES: [&str; 4] = ["first", "second", "third", "aside"];

/// Sits aside and does at once what a case needs done.
const ASIDE: usize = 3;

struct Case {
    stage: Stage,
    who: Incarnation,
    _database: Database,
}

impl Case {
    /// The schema's backstops are gone: the statements alone must keep the rules.
    async fn new() -> Self {
        let database = Database::create().await;
        prepare(&raw(database.url()).await, false).await;
        let stage = Stage::new(database.url(), &NAMES, &[]).await;
        let who = behind(Arc::new(Open), stage.queue(ASIDE).register("w", "1", 9)).await.unwrap();
        Case { stage, who, _database: database }
    }

    /// As new, for the next order.
    async fn again(&mut self) {
        self.stage.leave().await;
        self.stage.schedule.clear();
        wipe(&self.stage.sql, false).await;
        let queue = self.stage.queue(ASIDE);
        self.who = behind(Arc::new(Open), queue.register("w", "1", 9)).await.unwrap();
    }

    async fn append(&self, event: NewEvent) {
        behind(Arc::new(Open), self.stage.queue(ASIDE).append(event)).await.unwrap();
    }

    async fn claim(&self, limit: usize) -> Vec<Claim> {
        behind(Arc::new(Open), self.stage.queue(ASIDE).claim(self.who, limit)).await.unwrap()
    }

    async fn seat_append(&mut self, seat: usize, event: NewEvent) {
        let queue = self.stage.queue(seat);
        self.stage.seat(seat, async move { queue.append(event).await.unwrap() }).await;
    }

    /// Ends a claim in an exchange that claims up to `limit` others.
    async fn seat_exchange(&mut self, seat: usize, claim: Claim, limit: usize) {
        let (queue, who) = (self.stage.queue(seat), self.who);
        let done = Finished { claim, outcome: Outcome::Done(None), policy: POLICY };
        let exchange = async move { queue.exchange(who, &[done], limit).await.unwrap() };
        self.stage.seat(seat, exchange).await;
    }

    async fn assert_sound(&self) {
        let wrong = breaches(&self.stage.sql, POLICY.attempts_max).await;
        assert!(wrong.is_empty(), "{wrong:#?}: {:#?}", self.stage.schedule);
    }

    /// The orders of what runs and what is claimable in a lane.
    async fn number(&self, query: &str) -> i64 {
        self.stage.sql.query_one(query, &[]).await.unwrap().get(0)
    }
}

const RUNNING: &str = "SELECT count(*) FROM jobs WHERE state = 'x'";

#[tokio::test]
async fn q3_a_lower_ts_that_commits_late_neither_overlaps_nor_is_forgotten() {
    let mut case = Case::new().await;
    // With TimescaleDB, whoever begins a day's chunk is waited for, which is not the case here.
    case.append(in_lane("earlier", "L", 1)).await;
    case.again().await;
    // The lower one is under way, all but its job.
    case.seat_append(0, in_lane("lower", "L", 1)).await;
    case.stage.run_to(0, "lock lanes").await;
    case.append(in_lane("higher", "L", 2)).await;
    let higher = case.claim(1).await.remove(0);
    case.stage.run(0).await;
    assert!(case.claim(9).await.is_empty(), "the higher one runs");
    case.seat_exchange(1, higher, 9).await;
    case.stage.run(1).await;
    assert_eq!(case.number(RUNNING).await, 1, "the lower one's turn");
    case.assert_sound().await;
}

#[tokio::test]
async fn q3_a_lower_ts_waits_for_a_claim_in_flight_and_then_leaves_its_job_alone() {
    let mut case = Case::new().await;
    case.append(in_lane("other", "M", 1)).await;
    let other = case.claim(1).await.remove(0);
    case.append(in_lane("higher", "L", 2)).await;
    // It has claimed the higher one and not yet committed.
    case.seat_exchange(0, other, 9).await;
    case.stage.run_to(0, "commit").await;
    case.seat_append(1, in_lane("lower", "L", 1)).await;
    case.stage.run(1).await;
    assert!(case.stage.is_blocked(1), "it would demote the claimed head");
    case.stage.run(0).await;
    case.stage.run(1).await;
    assert_eq!(case.number(RUNNING).await, 1);
    assert!(case.claim(9).await.is_empty());
    case.assert_sound().await;
}

#[tokio::test]
async fn an_insert_that_saw_the_running_head_is_woken_by_its_finish_in_every_order() {
    let mut case = Case::new().await;
    let mut orders = Orders::new(2);
    while orders.is_left() {
        case.append(in_lane("head", "L", 1)).await;
        let head = case.claim(1).await.remove(0);
        case.seat_exchange(0, head, 0).await;
        case.seat_append(1, in_lane("next", "L", 2)).await;
        orders.run(&mut case.stage).await;
        assert_eq!(case.claim(9).await.len(), 1, "{:#?}", case.stage.schedule);
        case.assert_sound().await;
        case.again().await;
    }
    assert!(orders.tried > 20, "{} orders", orders.tried);
}

#[tokio::test]
async fn two_batches_in_opposite_key_order_wait_in_one_direction_only() {
    let mut case = Case::new().await;
    let mut orders = Orders::new(2);
    while orders.is_left() {
        let batch = vec![in_lane("a", "L", 1), in_lane("b", "M", 1), in_lane("c", "N", 1)];
        for (seat, reversed) in [(0, false), (1, true)] {
            let (queue, mut batch) = (case.stage.queue(seat), batch.clone());
            if reversed {
                batch.reverse();
            }
            case.stage.seat(seat, async move { queue.commit_batch(batch).await }).await;
        }
        orders.run(&mut case.stage).await;
        assert_eq!(case.number("SELECT count(*) FROM events").await, 3);
        assert_eq!(case.claim(9).await.len(), 3, "{:#?}", case.stage.schedule);
        case.assert_sound().await;
        case.again().await;
    }
    assert!(orders.tried >= 10, "{} orders", orders.tried);
}

#[tokio::test]
async fn q4_whoever_waited_for_a_lane_looks_with_a_fresh_snapshot() {
    let mut case = Case::new().await;
    let mut orders = Orders::new(1);
    while orders.is_left() {
        case.append(in_lane("head", "L", 2)).await;
        let head = case.claim(1).await.remove(0);
        case.seat_exchange(0, head, 1).await;
        case.seat_append(1, in_lane("later", "L", 3)).await;
        case.seat_append(2, in_lane("earlier", "L", 1)).await;
        orders.run(&mut case.stage).await;
        case.claim(9).await;
        assert_eq!(case.number(RUNNING).await, 1, "{:#?}", case.stage.schedule);
        case.assert_sound().await;
        case.again().await;
    }
    assert!(orders.tried > 20, "{} orders", orders.tried);
}

/// What became of a finish, a renewal and a reap.
type Ends = (bool, bool, u64);

#[tokio::test]
async fn q5_of_finish_and_reap_exactly_one_wins_beside_a_renewal_in_every_order() {
    let mut case = Case::new().await;
    let mut orders = Orders::new(usize::MAX);
    let mut seen: Vec<Ends> = Vec::new();
    while orders.is_left() {
        case.append(event("a")).await;
        let claim = case.claim(1).await.remove(0);
        let late = "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 s'";
        case.stage.sql.execute(late, &[]).await.unwrap();
        let (finisher, renewer, reaper) =
            (case.stage.queue(0), case.stage.queue(1), case.stage.queue(2));
        let who = case.who;
        let finish = async move { finisher.settle(&claim, Outcome::Done(None), &POLICY).await };
        let finish = case.stage.seat(0, finish).await;
        let renew = case.stage.seat(1, async move { renewer.renew(who).await }).await;
        let reap = case.stage.seat(2, async move { reaper.reap(&|_| POLICY).await }).await;
        orders.run(&mut case.stage).await;
        let fenced = |error: &QueueError| matches!(error, QueueError::Fenced);
        let (finish, renew) = (finish.await.unwrap(), renew.await.unwrap());
        assert!(finish.as_ref().err().is_none_or(fenced), "{finish:?}");
        assert!(renew.as_ref().err().is_none_or(fenced), "{renew:?}");
        let reaped = reap.await.unwrap().unwrap();
        let ends = (finish.is_ok(), renew.is_ok(), reaped);
        // Either the job is done, or it was taken away, or nobody took it: never two of these.
        assert!(finish.is_ok() != (reaped == 1), "{ends:?}: {:#?}", case.stage.schedule);
        let ended = "SELECT count(*) FROM attempt_history";
        assert_eq!(case.number(ended).await, 1, "{:#?}", case.stage.schedule);
        let held = "SELECT count(*) FROM jobs WHERE holder IS NOT NULL";
        assert_eq!(case.number(held).await, 0);
        case.assert_sound().await;
        if !seen.contains(&ends) {
            seen.push(ends);
        }
        case.again().await;
    }
    // Both winners were seen, and the renewal both before and after.
    for ends in [(true, true, 0), (true, false, 0), (false, false, 1)] {
        assert!(seen.contains(&ends), "{ends:?} not among {seen:?}");
    }
    assert!(orders.tried >= 50, "{} orders", orders.tried);
}

#[tokio::test]
async fn a_finish_that_waits_for_a_cancellation_is_still_its_holders() {
    let mut case = Case::new().await;
    let mut orders = Orders::new(usize::MAX);
    while orders.is_left() {
        case.append(event("a")).await;
        let claim = case.claim(1).await.remove(0);
        let (id, canceller) = (claim.event.id, case.stage.queue(1));
        case.seat_exchange(0, claim, 0).await;
        let cancel = async move { canceller.cancel(&[id], "test", "why not").await.unwrap() };
        case.stage.seat(1, cancel).await;
        orders.run(&mut case.stage).await;
        assert_eq!(case.number("SELECT count(*) FROM jobs").await, 0, "{:#?}", case.stage.schedule);
        case.assert_sound().await;
        case.again().await;
    }
    assert!(orders.tried > 5, "{} orders", orders.tried);
}
