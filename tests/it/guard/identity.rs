//! W10 and W11: workers that resemble each other, and work that is newer than its worker.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use event::{EventId, NewEvent, Outcome, Policy, Raw, Timestamp, Work};
use queue::{Queue, QueueError};
use uuid::Uuid;

use crate::harness::{Fleet, SOON, until};

/// Jobs that two workers of one name compete for.
const JOBS: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn w10_two_workers_of_one_identity_never_hold_the_same_job() {
    let fleet = Fleet::new().await;
    let queue = connect(&fleet).await;
    for number in 0..JOBS {
        queue.append(ask(number)).await.expect("an event");
    }
    let one = connect(&fleet).await;
    let other = connect(&fleet).await;
    let identity = ("host:1", "1.0", 64);
    let register = async |queue: &Queue| {
        queue.register(identity.0, identity.1, identity.2).await.expect("an incarnation")
    };
    let (me, twin) = tokio::join!(register(&one), register(&other));
    let (mine, theirs) = tokio::join!(one.claim(me, JOBS), other.claim(twin, JOBS));
    let (mine, theirs) = (mine.expect("claims"), theirs.expect("claims"));
    let all: HashSet<EventId> = mine.iter().chain(&theirs).map(|claim| claim.event.id).collect();
    assert_eq!(all.len(), mine.len() + theirs.len(), "no job twice");
    // What the one lost, the other one's name does not make its own again.
    queue.report_death(me).await.expect("noted");
    queue.reap(&|_| Policy::ANSWER).await.expect("taken back");
    let again = other.claim(twin, JOBS).await.expect("claims");
    assert_eq!(again.len(), mine.len());
    for claim in &mine {
        let settled = one.settle(claim, Outcome::Done(None), &Policy::ANSWER).await;
        assert!(matches!(settled, Err(QueueError::Fenced)), "{settled:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w11_work_of_a_kind_that_only_newer_code_knows_waits_uncharged() {
    let fleet = Fleet::new().await;
    let _worker = fleet.worker().await;
    let queue = connect(&fleet).await;
    let newer = NewEvent { kind: "from_the_future".to_owned(), ..ask(0) };
    let event = queue.append(newer).await.expect("an event").event;
    let attempt = "select count(*) from attempts where error::text like '%from_the_future%'";
    until("an attempt", SOON, async || (fleet.count(attempt).await > 0).then_some(())).await;
    let waits = "select count(*) from jobs where attempts = 0 and event_id = $1";
    until("a job that waits uncharged", SOON, async || {
        let row = fleet.sql().await.query_one(waits, &[&event.id.0]).await.ok()?;
        (row.get::<_, i64>(0) == 1).then_some(())
    })
    .await;
}

/// An event that any number of workers may take.
fn ask(number: usize) -> NewEvent {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    NewEvent {
        source: "test".to_owned(),
        kind: "ask".to_owned(),
        tenant: "T0LOCAL".to_owned(),
        actor: None,
        lane: None,
        lane_order: 0,
        occurred_at: Timestamp(i64::try_from(now.as_micros()).expect("before 294276")),
        correlation_id: Uuid::new_v4(),
        delivery_key: format!("delivery:{number}"),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(br#"{"question": "What is a lease?"}"#.to_vec()),
        quarantine: None,
        work: Some(Work::default()),
    }
}

async fn connect(fleet: &Fleet) -> Queue {
    let options = queue::Options {
        database_url: fleet.database_url.clone(),
        listen_url: None,
        pool_connections_max: 2,
        application_name: "test",
        allow_unsafe: true,
    };
    Queue::connect(options).await.expect("a queue")
}
