//! Running ended jobs again.

use event::{ErrorChain, EventId, Outcome, Policy};
use queue::{EventFilter, EventState, Refusal, ReplayOptions, Selection};

use crate::aids::{Fixture, event, in_lane, stored};

fn by(actor: &str) -> ReplayOptions {
    ReplayOptions {
        actor: actor.to_owned(),
        reason: Some("fixed".to_owned()),
        dry_run: false,
        limit: 100,
    }
}

/// An event whose job died, with its notice done.
async fn dead(fixture: &Fixture, who: queue::Incarnation, key: &str) -> EventId {
    let committed = fixture.append(in_lane(key, "L", 1)).await;
    let claim = fixture.claim_one(who).await;
    let refused = Outcome::Refused(ErrorChain::message(&format!("no channel {key}")));
    fixture.queue.settle(&claim, refused, &Policy::ANSWER).await.unwrap();
    let notice = fixture.claim_one(who).await;
    fixture.done(&notice).await;
    committed.event.id
}

#[tokio::test]
async fn a_dead_event_runs_again_as_a_new_generation() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = dead(&fixture, who, "a").await;
    let report = fixture.queue.replay(&Selection::Ids(vec![id]), &by("U1")).await.unwrap();
    assert_eq!(report.replayed, [(id, 1)]);
    let claim = fixture.claim_one(who).await;
    assert_eq!((claim.event.id, claim.generation, claim.attempt), (id, 1, 1));
    assert_eq!(fixture.queue.latest_generation(claim.event).await.unwrap(), 1);
    fixture.done(&claim).await;
    let detail = fixture.queue.event(id).await.unwrap().unwrap();
    assert_eq!(detail.state, EventState::Done);
    assert_eq!(detail.outcomes.len(), 2);
    assert_eq!(fixture.count("dead_letters").await, 0);
    let audit = fixture.texts("SELECT actor || ' ' || action || ' ' || reason FROM audit").await;
    assert_eq!(audit, ["U1 replay fixed"]);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn finished_and_cancelled_events_run_again_too() {
    let (fixture, who) = Fixture::with_worker().await;
    let finished = fixture.append(event("a")).await.event.id;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    let cancelled = fixture.append(event("b")).await.event.id;
    fixture.queue.cancel(&[cancelled], "U1", "enough").await.unwrap();
    let selection = Selection::Ids(vec![finished, cancelled]);
    let report = fixture.queue.replay(&selection, &by("U1")).await.unwrap();
    assert_eq!(report.replayed, [(finished, 1), (cancelled, 1)]);
    assert_eq!(fixture.queue.claim(who, 5).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_lives_or_had_no_work_is_refused_with_its_reason() {
    let (fixture, who) = Fixture::with_worker().await;
    let running = fixture.append(event("running")).await.event.id;
    fixture.claim_one(who).await;
    let ready = fixture.append(event("ready")).await.event.id;
    let kept = fixture.append(stored("kept")).await.event.id;
    let unknown = EventId(999_999);
    let selection = Selection::Ids(vec![running, ready, kept, unknown]);
    let report = fixture.queue.replay(&selection, &by("U1")).await.unwrap();
    assert_eq!(
        report.refused,
        [
            (running, Refusal::Running),
            (ready, Refusal::Live),
            (kept, Refusal::NoWork),
            (unknown, Refusal::Unknown)
        ]
    );
    assert!(report.replayed.is_empty());
    assert_eq!(fixture.count("audit").await, 0);
}

#[tokio::test]
async fn two_replays_at_once_make_one_generation() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = dead(&fixture, who, "a").await;
    let selection = Selection::Ids(vec![id]);
    let (one, two) = (by("U1"), by("U2"));
    let (a, b) = futures::join!(
        fixture.queue.replay(&selection, &one),
        fixture.queue.replay(&selection, &two)
    );
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_eq!(a.replayed.len() + b.replayed.len(), 1, "{a:?} {b:?}");
    assert_eq!(fixture.count("jobs").await, 1);
    assert_eq!(fixture.count("audit").await, 1);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = dead(&fixture, who, "a").await;
    let options = ReplayOptions { dry_run: true, ..by("U1") };
    let report = fixture.queue.replay(&Selection::Ids(vec![id]), &options).await.unwrap();
    assert_eq!(report.replayed, [(id, 1)]);
    assert_eq!(fixture.count("jobs").await, 0);
    assert_eq!(fixture.count("audit").await, 0);
}

#[tokio::test]
async fn a_filter_selects_by_state_and_error_and_says_when_there_is_more() {
    let (fixture, who) = Fixture::with_worker().await;
    let mut ids = Vec::new();
    for key in ["a", "b", "c"] {
        ids.push(dead(&fixture, who, key).await);
    }
    let filter = EventFilter {
        state: Some(EventState::Dead),
        error: Some("NO CHANNEL B".to_owned()),
        ..EventFilter::default()
    };
    let options = ReplayOptions { dry_run: true, ..by("U1") };
    let report = fixture.queue.replay(&Selection::Filter(filter), &options).await.unwrap();
    assert_eq!(report.replayed, [(ids[1], 1)]);
    assert!(!report.more);
    let all = EventFilter { state: Some(EventState::Dead), ..EventFilter::default() };
    let options = ReplayOptions { limit: 2, ..by("U1") };
    let report = fixture.queue.replay(&Selection::Filter(all), &options).await.unwrap();
    assert_eq!(report.replayed, [(ids[1], 1), (ids[2], 1)], "the newest two, oldest first");
    assert!(report.more);
    fixture.assert_sound().await;
}
