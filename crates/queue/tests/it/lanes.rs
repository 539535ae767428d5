//! What must stay in order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use event::{Outcome, Policy};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::aids::{Fixture, connect, failed, in_lane};

#[tokio::test]
async fn one_job_of_a_lane_runs_at_a_time_in_the_lanes_order() {
    let (fixture, who) = Fixture::with_worker().await;
    for order in 1..=3 {
        fixture.append(in_lane(&order.to_string(), "L", order)).await;
    }
    fixture.append(in_lane("other", "M", 1)).await;
    let claims = fixture.queue.claim(who, 10).await.unwrap();
    assert_eq!(claims.len(), 2, "one of each lane");
    let mut running = claims.into_iter().find(|claim| claim.lane_name.as_deref() == Some("L"));
    for order in 1..=3 {
        let claim = running.take().unwrap();
        assert_eq!(fixture.queue.load(claim.event).await.unwrap().unwrap().lane_order, order);
        fixture.claim_none(who).await;
        fixture.done(&claim).await;
        if order < 3 {
            running = Some(fixture.claim_one(who).await);
        }
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_late_commit_of_lower_order_goes_before_a_head_that_never_ran() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(in_lane("later", "L", 2)).await;
    fixture.append(in_lane("earlier", "L", 1)).await;
    for order in 1..=2 {
        let claim = fixture.claim_one(who).await;
        assert_eq!(fixture.queue.load(claim.event).await.unwrap().unwrap().lane_order, order);
        fixture.claim_none(who).await;
        fixture.done(&claim).await;
    }
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_late_commit_of_lower_order_waits_for_a_running_head() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(in_lane("later", "L", 2)).await;
    let running = fixture.claim_one(who).await;
    fixture.append(in_lane("earlier", "L", 1)).await;
    fixture.claim_none(who).await;
    fixture.done(&running).await;
    fixture.claim_one(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_retry_holds_its_lane() {
    let (fixture, who) = Fixture::with_worker().await;
    let first = fixture.append(in_lane("first", "L", 2)).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.settle(&claim, failed(), &Policy::ANSWER).await.unwrap();
    fixture.append(in_lane("second", "L", 3)).await;
    fixture.append(in_lane("lower", "L", 1)).await;
    fixture.claim_none(who).await;
    fixture.end_waits().await;
    assert_eq!(fixture.claim_one(who).await.event, first.event);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn an_event_that_was_begun_and_released_keeps_its_place() {
    let (fixture, who) = Fixture::with_worker().await;
    let first = fixture.append(in_lane("first", "L", 2)).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.settle(&claim, Outcome::Released, &Policy::ANSWER).await.unwrap();
    fixture.append(in_lane("lower", "L", 1)).await;
    assert_eq!(fixture.claim_one(who).await.event, first.event);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn an_insert_that_saw_a_running_head_is_not_forgotten_when_that_head_finishes() {
    let (fixture, who) = Fixture::with_worker().await;
    for round in 0..30 {
        fixture.append(in_lane(&format!("head {round}"), "L", round * 2)).await;
        let head = fixture.claim_one(who).await;
        let other = connect(fixture.database.url()).await;
        // Both look at the lane at once; whoever comes second must see the first's work.
        let insert = other.append(in_lane(&format!("next {round}"), "L", round * 2 + 1));
        let (_, inserted) = futures::join!(fixture.done(&head), insert);
        inserted.unwrap();
        let next = fixture.claim_one(who).await;
        fixture.done(&next).await;
    }
    assert_eq!(fixture.count("jobs").await, 0);
    fixture.assert_sound().await;
}

const LANES: i64 = 5;
const EVENTS_PER_COMMITTER: i64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_committers_and_finishers_neither_overlap_nor_deadlock() {
    let fixture = Fixture::new().await;
    let running: Arc<Mutex<HashMap<String, u32>>> = Arc::default();
    let committers = (0..4).map(|n| {
        let url = fixture.database.url().to_owned();
        tokio::spawn(async move { commit_all(&url, n).await })
    });
    let finishers = (0..4).map(|n| {
        let (url, running) = (fixture.database.url().to_owned(), Arc::clone(&running));
        tokio::spawn(async move { finish_all(&url, n, &running).await })
    });
    let tasks: Vec<_> = committers.chain(finishers).collect();
    for task in join_all(tasks).await {
        task.unwrap();
    }
    assert_eq!(fixture.count("outcomes").await, 4 * EVENTS_PER_COMMITTER);
    fixture.assert_sound().await;
}

/// Commits to every lane, half of the committers in the opposite order of keys and lanes.
async fn commit_all(url: &str, n: i64) {
    let queue = connect(url).await;
    let shutdown = CancellationToken::new();
    let (committer, task) = queue.committer(shutdown.clone());
    let mut events: Vec<_> = (0..EVENTS_PER_COMMITTER)
        .map(|k| in_lane(&format!("{k}:{n}"), &format!("lane {}", k % LANES), k))
        .collect();
    if n % 2 == 0 {
        events.reverse();
    }
    for chunk in events.chunks(10) {
        for answer in join_all(chunk.iter().cloned().map(|event| committer.commit(event))).await {
            answer.unwrap();
        }
    }
    shutdown.cancel();
    task.await.unwrap();
}

/// Claims and settles until all is done, and watches that no lane runs twice.
async fn finish_all(url: &str, n: i64, running: &Mutex<HashMap<String, u32>>) {
    let queue = connect(url).await;
    let who = queue.register(&format!("w{n}"), "1", 8).await.unwrap();
    let sql = crate::aids::raw(url).await;
    loop {
        let claims = queue.claim(who, 3).await.unwrap();
        for claim in &claims {
            let mut running = running.lock().unwrap();
            let count = running.entry(claim.lane_name.clone().unwrap()).or_default();
            *count += 1;
            assert_eq!(*count, 1, "an overlap in {:?}", claim.lane_name);
        }
        let settled = claims.iter().map(|claim| {
            let queue = &queue;
            async move {
                *running.lock().unwrap().get_mut(claim.lane_name.as_deref().unwrap()).unwrap() -= 1;
                queue.settle(claim, Outcome::Done(None), &Policy::ANSWER).await.unwrap();
            }
        });
        join_all(settled).await;
        let done = sql.query_one("SELECT count(*) FROM outcomes", &[]).await.unwrap();
        if done.get::<_, i64>(0) == 4 * EVENTS_PER_COMMITTER {
            return;
        }
    }
}
