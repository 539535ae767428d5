//! What is paused does not start, and what is resumed starts in its order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use event::{EventId, NewEvent};
use queue::{Incarnation, PauseError, Scope};

use crate::aids::{Fixture, connect, event, in_lane};

fn of_kind(key: &str, kind: &str) -> NewEvent {
    NewEvent { kind: kind.to_owned(), ..event(key) }
}

/// Claims one job after another and ends it, until none is left.
async fn run_all(fixture: &Fixture, who: Incarnation) -> Vec<EventId> {
    let mut ran = Vec::new();
    while let Some(claim) = fixture.queue.claim(who, 1).await.unwrap().pop() {
        fixture.done(&claim).await;
        ran.push(claim.event.id);
    }
    ran
}

async fn append_all(fixture: &Fixture, events: impl IntoIterator<Item = NewEvent>) -> Vec<EventId> {
    let mut ids = Vec::new();
    for event in events {
        ids.push(fixture.append(event).await.event.id);
    }
    ids
}

#[tokio::test]
async fn a_paused_kind_waits_while_others_run_and_then_runs_in_order() {
    let (fixture, who) = Fixture::with_worker().await;
    let early = append_all(&fixture, (0..5).map(|n| of_kind(&format!("a{n}"), "slow"))).await;
    let kind = Scope::Kind("slow".to_owned());
    assert!(fixture.queue.pause(&kind, "U1", "it hurts").await.unwrap());
    let late = append_all(&fixture, (5..10).map(|n| of_kind(&format!("a{n}"), "slow"))).await;
    let others = append_all(&fixture, (0..3).map(|n| of_kind(&format!("b{n}"), "fast"))).await;

    assert_eq!(run_all(&fixture, who).await, others, "new arrivals of the kind wait as well");
    assert_eq!(fixture.queue.stats().await.unwrap().jobs.waiting, 10);
    let freed = fixture.queue.resume(&kind, "U2", None).await.unwrap();
    assert_eq!(freed, Some(10));
    assert_eq!(run_all(&fixture, who).await, [early, late].concat());
    let audit = fixture.texts("SELECT actor || ' ' || action FROM audit ORDER BY id").await;
    assert_eq!(audit, ["U1 pause", "U2 resume"]);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_paused_lane_and_a_paused_event_wait_and_the_rest_runs() {
    let (fixture, who) = Fixture::with_worker().await;
    let lane = append_all(&fixture, (1..4).map(|n| in_lane(&format!("l{n}"), "L", n))).await;
    let other = append_all(&fixture, (1..4).map(|n| in_lane(&format!("m{n}"), "M", n))).await;
    let lone = fixture.append(event("lone")).await.event.id;
    let (paused_lane, paused_event) = (Scope::Lane("L".to_owned()), Scope::Event(lone));
    fixture.queue.pause(&paused_lane, "U1", "x").await.unwrap();
    fixture.queue.pause(&paused_event, "U1", "x").await.unwrap();
    assert_eq!(run_all(&fixture, who).await, other);
    // An event of lower order arrives in the paused lane and takes its head's place.
    let first = fixture.append(in_lane("l0", "L", 0)).await.event.id;
    assert_eq!(run_all(&fixture, who).await, []);

    fixture.queue.resume(&paused_event, "U1", None).await.unwrap();
    assert_eq!(run_all(&fixture, who).await, [lone]);
    fixture.queue.resume(&paused_lane, "U1", None).await.unwrap();
    assert_eq!(run_all(&fixture, who).await, [vec![first], lane].concat());
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_paused_fleet_starts_nothing_and_ends_what_runs() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("running")).await;
    let running = fixture.claim_one(who).await;
    let waiting = append_all(&fixture, (0..4).map(|n| event(&n.to_string()))).await;
    fixture.queue.pause(&Scope::Fleet, "U1", "a token was revoked").await.unwrap();
    fixture.claim_none(who).await;
    fixture.done(&running).await;
    fixture.claim_none(who).await;
    assert_eq!(fixture.queue.resume(&Scope::Fleet, "U1", None).await.unwrap(), Some(0));
    assert_eq!(run_all(&fixture, who).await, waiting);
}

#[tokio::test]
async fn what_two_pauses_cover_waits_for_both() {
    let (fixture, who) = Fixture::with_worker().await;
    let kind = Scope::Kind("app_mention".to_owned());
    let lane = Scope::Lane("L".to_owned());
    let id = fixture.append(in_lane("a", "L", 1)).await.event.id;
    for scope in [&kind, &lane] {
        fixture.queue.pause(scope, "U1", "x").await.unwrap();
    }
    fixture.claim_none(who).await;
    assert_eq!(fixture.queue.resume(&kind, "U1", None).await.unwrap(), Some(0));
    fixture.claim_none(who).await;
    assert_eq!(fixture.queue.resume(&lane, "U1", None).await.unwrap(), Some(1));
    assert_eq!(fixture.claim_one(who).await.event.id, id);
}

#[tokio::test]
async fn a_pause_is_told_once_listed_and_gone_after_a_resume() {
    let fixture = Fixture::new().await;
    let scopes = [
        Scope::Fleet,
        Scope::Kind("k".to_owned()),
        Scope::Lane("L".to_owned()),
        Scope::Event(EventId(7)),
    ];
    for scope in &scopes {
        assert!(fixture.queue.pause(scope, "U1", "why").await.unwrap());
        assert!(!fixture.queue.pause(scope, "U2", "again").await.unwrap(), "it stands already");
    }
    let standing = fixture.queue.pauses().await.unwrap();
    let listed: Vec<Scope> = standing.iter().map(|record| record.scope.clone()).collect();
    assert_eq!(listed, scopes);
    assert!(standing.iter().all(|record| record.actor == "U1" && record.reason == "why"));
    for scope in &scopes {
        assert_eq!(fixture.queue.resume(scope, "U1", None).await.unwrap(), Some(0));
        assert_eq!(fixture.queue.resume(scope, "U1", None).await.unwrap(), None);
    }
    let nameless = fixture.queue.pause(&Scope::Kind(String::new()), "U1", "x").await;
    assert!(matches!(nameless, Err(PauseError::Name(_))), "{nameless:?}");
}

/// A resume that died half-way, and a claim that set something aside while it ran.
#[tokio::test]
async fn what_a_resume_left_behind_is_freed_by_the_sweep() {
    let (fixture, who) = Fixture::with_worker().await;
    let ids = append_all(&fixture, (0..3).map(|n| event(&n.to_string()))).await;
    fixture.queue.pause(&Scope::Kind("app_mention".to_owned()), "U1", "x").await.unwrap();
    fixture.claim_none(who).await;
    fixture.sql.execute("DELETE FROM pauses", &[]).await.unwrap();
    // A process of its own, whose sweep has not looked yet.
    connect(fixture.database.url()).await.sweep().await.unwrap();
    assert_eq!(run_all(&fixture, who).await, ids);
}

#[tokio::test]
async fn nothing_starts_after_a_pause_returned_however_many_claim() {
    let fixture = Arc::new(Fixture::new().await);
    append_all(&fixture, (0..400).map(|n| event(&n.to_string()))).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut claimers = Vec::new();
    for n in 0..4 {
        let queue = connect(fixture.database.url()).await;
        let who = queue.register(&format!("w{n}"), "1", 64).await.unwrap();
        let stop = Arc::clone(&stop);
        claimers.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                for claim in queue.claim(who, 2).await.unwrap() {
                    let done = event::Outcome::Done(None);
                    queue.settle(&claim, done, &event::Policy::ANSWER).await.unwrap();
                }
            }
        }));
    }
    let started = "SELECT coalesce(max(started_at), 'epoch') > (SELECT at FROM moments) FROM (
                       SELECT started_at FROM outcomes
                       UNION ALL SELECT claimed_at FROM jobs WHERE state = 'x') AS s";
    fixture.sql.batch_execute("CREATE TABLE moments (at timestamptz)").await.unwrap();
    for scope in [Scope::Fleet, Scope::Kind("app_mention".to_owned())] {
        fixture.queue.pause(&scope, "U1", "now").await.unwrap();
        let moment = "DELETE FROM moments; INSERT INTO moments VALUES (clock_timestamp())";
        fixture.sql.batch_execute(moment).await.unwrap();
        let looks = "SELECT count(*) FROM pg_stat_user_tables";
        for _ in 0..50 {
            fixture.number(looks).await;
        }
        let late: bool = fixture.sql.query_one(started, &[]).await.unwrap().get(0);
        assert!(!late, "{scope} started something after its pause");
        fixture.queue.resume(&scope, "U1", None).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for claimer in claimers {
        claimer.await.unwrap();
    }
    fixture.assert_sound().await;
}
