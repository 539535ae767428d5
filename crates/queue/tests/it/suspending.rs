//! Sleep without a worker, and what ends it.

use std::time::Duration;

use event::limits::{SIGNAL_BYTES_MAX, SIGNALS_MAX};
use event::{EventRef, Outcome, Policy, Verdict, Wait};
use futures::future::join_all;
use queue::{Claim, JobState, QueueError, Signalled};
use serde_json::json;

use crate::aids::{Fixture, connect, event, in_lane, raw, until_blocked};

const DAY: Duration = Duration::from_secs(86_400);

async fn suspend(fixture: &Fixture, claim: &Claim, wait: Wait) {
    let settled = fixture.queue.settle(claim, Outcome::Suspended(wait), &Policy::ANSWER).await;
    assert!(matches!(settled, Ok(Verdict::Suspend { .. })), "{settled:?}");
}

async fn state(fixture: &Fixture, event: EventRef) -> JobState {
    fixture.queue.event(event.id).await.unwrap().unwrap().job.unwrap().state
}

async fn signal(fixture: &Fixture, event: EventRef, name: &str, key: &str) -> Signalled {
    fixture.queue.signal(event, name, json!({"by": "U1"}), key).await.unwrap()
}

#[tokio::test]
async fn a_suspended_job_holds_no_worker_and_frees_its_lane() {
    let (fixture, who) = Fixture::with_worker().await;
    let first = fixture.append(in_lane("a", "L", 1)).await;
    let second = fixture.append(in_lane("b", "L", 2)).await;
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("approval")).await;
    assert_eq!(state(&fixture, first.event).await, JobState::Suspended);
    assert_eq!(fixture.number("SELECT count(*) FROM jobs WHERE holder IS NOT NULL").await, 0);
    let next = fixture.claim_one(who).await;
    assert_eq!(next.event, second.event);
    // Woken while its lane is taken, it waits for its turn.
    assert_eq!(signal(&fixture, first.event, "approval", "k").await, Signalled::Woken);
    assert_eq!(state(&fixture, first.event).await, JobState::Waiting);
    fixture.claim_none(who).await;
    fixture.done(&next).await;
    let again = fixture.claim_one(who).await;
    assert_eq!((again.event, again.attempt), (first.event, 1), "no attempt was charged");
    fixture.done(&again).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_woken_job_goes_before_a_head_that_never_ran() {
    let (fixture, who) = Fixture::with_worker().await;
    let first = fixture.append(in_lane("a", "L", 1)).await;
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("go")).await;
    let second = fixture.append(in_lane("b", "L", 2)).await;
    signal(&fixture, first.event, "go", "k").await;
    for event in [first.event, second.event] {
        let claim = fixture.claim_one(who).await;
        assert_eq!(claim.event, event);
        fixture.claim_none(who).await;
        fixture.done(&claim).await;
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_signal_that_comes_first_is_kept_and_ends_the_wait_at_once() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    assert_eq!(signal(&fixture, committed.event, "go", "k1").await, Signalled::Kept);
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("go")).await;
    let claim = fixture.claim_one(who).await;
    let told = fixture.queue.signals(&claim).await.unwrap();
    assert_eq!((told.len(), told[0].name.as_str(), told[0].number), (1, "go", 1));
    assert_eq!(told[0].payload, json!({"by": "U1"}));
    // What this attempt has read ends no further wait of it; what it has not read does.
    suspend(&fixture, &claim, Wait::signal("go")).await;
    assert_eq!(state(&fixture, committed.event).await, JobState::Suspended);
    fixture.claim_none(who).await;
    assert_eq!(signal(&fixture, committed.event, "go", "k2").await, Signalled::Woken);
    fixture.claim_one(who).await;
}

#[tokio::test]
async fn a_signal_under_one_key_is_told_once() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("go")).await;
    assert_eq!(signal(&fixture, committed.event, "go", "k").await, Signalled::Woken);
    assert_eq!(signal(&fixture, committed.event, "go", "k").await, Signalled::Kept);
    let claim = fixture.claim_one(who).await;
    assert_eq!(fixture.queue.signals(&claim).await.unwrap().len(), 1);
    suspend(&fixture, &claim, Wait::signal("go")).await;
    assert_eq!(signal(&fixture, committed.event, "go", "k").await, Signalled::Kept);
    fixture.claim_none(who).await;
}

#[tokio::test]
async fn another_signal_wakes_nobody() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("go")).await;
    assert_eq!(signal(&fixture, committed.event, "feedback", "k").await, Signalled::Kept);
    fixture.claim_none(who).await;
    assert_eq!(state(&fixture, committed.event).await, JobState::Suspended);
}

#[tokio::test]
async fn nobody_is_told_after_the_end() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    assert_eq!(signal(&fixture, committed.event, "go", "k").await, Signalled::Ended);
    assert_eq!(fixture.count("signals").await, 0);
    let told = fixture.queue.signals(&claim).await;
    assert!(matches!(told, Err(QueueError::Fenced)), "{told:?}");
}

#[tokio::test]
async fn no_wake_up_is_lost_between_sixteen_signals_and_a_suspension() {
    let (fixture, who) = Fixture::with_worker().await;
    for round in 0..8 {
        let lane = (round % 2 == 0).then_some("L");
        let key = format!("{round}");
        let new = match lane {
            Some(lane) => in_lane(&key, lane, round),
            None => event(&key),
        };
        let committed = fixture.append(new).await;
        let mut claim = fixture.claim_one(who).await;
        let signals =
            join_all(
                (0..16).map(|number| {
                    let (queue, key) = (fixture.queue.clone(), format!("k{number}"));
                    async move {
                        queue.signal(committed.event, "go", json!(number), &key).await.unwrap()
                    }
                }),
            );
        let runs = async {
            loop {
                let told = fixture.queue.signals(&claim).await.unwrap();
                if told.len() == 16 {
                    break fixture.done(&claim).await;
                }
                suspend(&fixture, &claim, Wait::signal("go").or_after(DAY)).await;
                claim = loop {
                    let mut claims = fixture.queue.claim(who, 1).await.unwrap();
                    if let Some(claim) = claims.pop() {
                        break claim;
                    }
                    tokio::task::yield_now().await;
                };
            }
        };
        let both = futures::future::join(signals, runs);
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("a wake-up was lost");
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_sleep_ends_with_its_time_and_not_before() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(in_lane("a", "L", 1)).await;
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("never").or_after(DAY)).await;
    fixture.queue.sweep().await.unwrap();
    assert_eq!(state(&fixture, committed.event).await, JobState::Suspended);
    fixture.end_sleeps().await;
    fixture.queue.sweep().await.unwrap();
    let claim = fixture.claim_one(who).await;
    assert_eq!(claim.attempt, 1);
    assert_eq!(fixture.count("waits").await, 0);
    suspend(&fixture, &claim, Wait::time(Duration::ZERO)).await;
    fixture.claim_one(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_suspended_job_can_be_cancelled_and_its_lane_goes_on() {
    let (fixture, who) = Fixture::with_worker().await;
    let first = fixture.append(in_lane("a", "L", 1)).await;
    let second = fixture.append(in_lane("b", "L", 2)).await;
    let claim = fixture.claim_one(who).await;
    suspend(&fixture, &claim, Wait::signal("go")).await;
    let report = fixture.queue.cancel(&[first.event.id], "U1", "enough").await.unwrap();
    assert_eq!(report.cancelled, [first.event.id]);
    assert_eq!(fixture.count("waits").await, 0);
    assert_eq!(signal(&fixture, first.event, "go", "k").await, Signalled::Ended);
    assert_eq!(fixture.claim_one(who).await.event, second.event);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_cancellation_that_meets_a_suspension_in_flight_is_not_lost() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    fixture.claim_one(who).await;
    // A suspension that has written and not committed yet.
    let asleep = "BEGIN;
         UPDATE jobs SET state = 's', head = false, holder = NULL, claimed_at = NULL,
                attempts = 0, position = 9223372036854775807";
    fixture.sql.batch_execute(asleep).await.unwrap();
    let other = raw(fixture.database.url()).await;
    let committing = async {
        until_blocked(&other, 1).await;
        fixture.sql.batch_execute("COMMIT").await.unwrap();
    };
    let ids = [committed.event.id];
    let (report, ()) = futures::join!(fixture.queue.cancel(&ids, "U1", "enough"), committing);
    assert_eq!(report.unwrap().cancelled, ids);
    assert_eq!(fixture.count("jobs").await, 0);
}

#[tokio::test]
async fn a_suspension_after_a_cancel_request_is_the_end() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.cancel(&[committed.event.id], "U1", "enough").await.unwrap();
    let wait = Outcome::Suspended(Wait::signal("go"));
    let verdict = fixture.queue.settle(&claim, wait, &Policy::ANSWER).await.unwrap();
    assert!(matches!(verdict, Verdict::End { state: event::TerminalState::Cancelled, .. }));
    assert_eq!(fixture.count("jobs").await, 0);
}

#[tokio::test]
async fn a_wait_that_nothing_ends_is_dead_and_says_so() {
    let (fixture, who) = Fixture::with_worker().await;
    for (key, wait) in [("a", Wait::default()), ("b", Wait::children("never spawned"))] {
        fixture.append(event(key)).await;
        let claim = fixture.claim_one(who).await;
        let outcome = Outcome::Suspended(wait);
        let verdict = fixture.queue.settle(&claim, outcome, &Policy::ANSWER).await.unwrap();
        assert!(matches!(verdict, Verdict::End { state: event::TerminalState::Dead, .. }));
        let notice = fixture.claim_one(who).await;
        fixture.done(&notice).await;
    }
    assert_eq!(fixture.count("dead_letters").await, 2);
}

#[tokio::test]
async fn a_suspension_whose_answer_was_lost_says_so_again() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    for _ in 0..2 {
        suspend(&fixture, &claim, Wait::signal("go")).await;
    }
    assert_eq!(fixture.count("attempts").await, 1);
    let other = connect(fixture.database.url()).await;
    let late = other.settle(&claim, Outcome::Done(None), &Policy::ANSWER).await;
    assert!(matches!(late, Err(QueueError::Fenced)), "{late:?}");
}

#[tokio::test]
async fn signals_out_of_bounds_are_refused() {
    let (fixture, _) = Fixture::with_worker().await;
    let subject = fixture.append(event("a")).await.event;
    let large = json!("x".repeat(SIGNAL_BYTES_MAX));
    for (name, key, payload) in
        [("", "k", json!(1)), ("go", "", json!(1)), ("go", "k", large), ("a\0", "k", json!(1))]
    {
        let refused = fixture.queue.signal(subject, name, payload, key).await;
        assert!(matches!(refused, Err(QueueError::Refused(_))), "{refused:?}");
    }
    let many = format!(
        "INSERT INTO signals (occurred_at, event_id, generation, number, key, name, payload)
         SELECT occurred_at, id, 0, n, n::text, 'go', '1' FROM events, generate_series(1, {SIGNALS_MAX}) n"
    );
    fixture.sql.execute(&many, &[]).await.unwrap();
    let refused = fixture.queue.signal(subject, "go", json!(1), "one more").await;
    assert!(matches!(refused, Err(QueueError::Refused(_))), "{refused:?}");
    assert_eq!(signal(&fixture, subject, "go", "7").await, Signalled::Kept, "known already");
}
