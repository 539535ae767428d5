//! Workers that live, go silent, leave.

use event::{Outcome, Policy, TerminalState};
use queue::QueueError;

use crate::aids::{Fixture, event, in_lane};

fn answers(_: &str) -> Policy {
    Policy::ANSWER
}

#[tokio::test]
async fn a_living_worker_keeps_its_jobs() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 0);
    assert!(fixture.queue.renew(who).await.unwrap().is_empty());
    fixture.done(&claim).await;
}

#[tokio::test]
async fn a_silent_workers_job_is_tried_again_and_the_crash_counts() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(in_lane("a", "L", 1)).await;
    fixture.claim_one(who).await;
    fixture.end_lease(who).await;
    assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 1);
    assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 0);
    let heir = fixture.queue.register("heir", "1", 1).await.unwrap();
    let claim = fixture.claim_one(heir).await;
    assert_eq!((claim.event, claim.attempt), (committed.event, 2));
    assert_eq!(fixture.texts("SELECT outcome FROM attempt_history").await, ["lost"]);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn what_a_worker_left_long_ago_is_found_by_the_thorough_look_alone() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.claim_one(who).await;
    let long_ago = "UPDATE workers SET fenced_at = clock_timestamp() - INTERVAL '1 hour'";
    fixture.sql.batch_execute(long_ago).await.unwrap();
    assert_eq!(fixture.queue.take_back(&answers).await.unwrap(), 0);
    assert_eq!(fixture.queue.take_back_all(&answers).await.unwrap(), 1);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_job_whose_worker_nobody_knows_is_taken_back() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.claim_one(who).await;
    fixture.sql.batch_execute("DELETE FROM workers").await.unwrap();
    assert_eq!(fixture.queue.take_back_all(&answers).await.unwrap(), 1);
}

#[tokio::test]
async fn an_event_that_kills_every_worker_ends_dead() {
    let fixture = Fixture::new().await;
    let committed = fixture.append(in_lane("poison", "L", 1)).await;
    let next = fixture.append(in_lane("next", "L", 2)).await;
    for number in 1..=Policy::ANSWER.attempts_max {
        let victim = fixture.queue.register("victim", "1", 1).await.unwrap();
        assert_eq!(fixture.claim_one(victim).await.attempt, number);
        fixture.end_lease(victim).await;
        assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 1);
    }
    let detail = fixture.queue.event(committed.event.id).await.unwrap().unwrap();
    assert_eq!(detail.outcomes[0].state, TerminalState::Dead);
    let heir = fixture.queue.register("heir", "1", 1).await.unwrap();
    let notice = fixture.claim_one(heir).await;
    assert_eq!(notice.kind, queue::DEAD_LETTER_KIND);
    fixture.done(&notice).await;
    assert_eq!(fixture.claim_one(heir).await.event, next.event);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_worker_whose_lease_was_taken_learns_it_at_its_renewal() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.end_lease(who).await;
    // Late alone is no harm.
    fixture.queue.renew(who).await.unwrap();
    fixture.end_lease(who).await;
    fixture.queue.reap(&answers).await.unwrap();
    assert!(matches!(fixture.queue.renew(who).await, Err(QueueError::Fenced)));
    assert!(matches!(fixture.queue.claim(who, 1).await, Err(QueueError::Fenced)));
}

#[tokio::test]
async fn a_worker_that_leaves_with_work_in_hand_gives_it_up_at_once() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.retire(who).await.unwrap();
    assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 1);
    let late = fixture.queue.settle(&claim, Outcome::Done(None), &Policy::ANSWER).await;
    assert!(matches!(late, Err(QueueError::Fenced)));
    assert!(matches!(fixture.queue.renew(who).await, Err(QueueError::Fenced)));
}

#[tokio::test]
async fn reapers_at_once_take_each_job_once() {
    let (fixture, who) = Fixture::with_worker().await;
    for n in 0..10 {
        fixture.append(event(&n.to_string())).await;
    }
    assert_eq!(fixture.queue.claim(who, 10).await.unwrap().len(), 10);
    fixture.end_lease(who).await;
    let reap = || fixture.queue.reap(&answers);
    let (a, b, c) = futures::join!(reap(), reap(), reap());
    assert_eq!(a.unwrap() + b.unwrap() + c.unwrap(), 10);
    assert_eq!(fixture.count("attempt_history").await, 10);
    let held = "SELECT count(*) FROM jobs WHERE holder IS NOT NULL OR claimed_at IS NOT NULL";
    assert_eq!(fixture.number(held).await, 0);
}

/// What a crash does to an unlogged table, and a restart to the server's start.
const OUTAGES: [&str; 2] =
    ["TRUNCATE uptime", "UPDATE uptime SET started_at = started_at - INTERVAL '1 hour'"];

#[tokio::test]
async fn after_an_outage_of_the_database_every_lease_stands_for_one_more_period() {
    for outage in OUTAGES {
        let (fixture, who) = Fixture::with_worker().await;
        fixture.append(event("a")).await;
        let claim = fixture.claim_one(who).await;
        fixture.end_lease(who).await;
        fixture.sql.batch_execute(outage).await.unwrap();
        assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 0, "{outage}");
        // Whoever lived through it goes on.
        fixture.queue.renew(who).await.unwrap();
        fixture.done(&claim).await;
    }
}

#[tokio::test]
async fn a_worker_that_does_not_come_back_after_an_outage_loses_its_jobs() {
    for outage in OUTAGES {
        let (fixture, who) = Fixture::with_worker().await;
        fixture.append(event("a")).await;
        fixture.claim_one(who).await;
        fixture.end_lease(who).await;
        fixture.sql.batch_execute(outage).await.unwrap();
        assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 0, "{outage}");
        let later = "UPDATE uptime SET back_at = back_at - INTERVAL '31 seconds'";
        fixture.sql.batch_execute(later).await.unwrap();
        assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 1, "{outage}");
    }
}

#[tokio::test]
async fn who_is_known_to_be_gone_has_no_grace() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.claim_one(who).await;
    fixture.sql.batch_execute(OUTAGES[0]).await.unwrap();
    fixture.queue.report_death(who).await.unwrap();
    assert_eq!(fixture.queue.reap(&answers).await.unwrap(), 1);
}
