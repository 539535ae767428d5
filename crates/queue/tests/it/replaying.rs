//! Running ended jobs again.

use event::{ErrorChain, EventId, NewEvent, Outcome, Policy, Priority, Work};
use queue::{
    EventFilter, EventState, Finished, NewStep, QueueError, Refusal, ReplayOptions, Selection,
    StepState,
};
use serde_json::json;

use crate::aids::{Fixture, event, in_lane, stored};

fn by(actor: &str) -> ReplayOptions {
    ReplayOptions {
        actor: actor.to_owned(),
        reason: Some("fixed".to_owned()),
        limit: 100,
        ..ReplayOptions::default()
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
async fn a_replay_has_the_priority_of_the_life_before() {
    let (fixture, who) = Fixture::with_worker().await;
    let mut ids = Vec::new();
    for priority in [Priority::Urgent, Priority::Chore, Priority::Chore] {
        let work = Some(Work { priority, ..Work::default() });
        let key = ids.len().to_string();
        ids.push(fixture.append(NewEvent { work, ..event(&key) }).await.event.id);
    }
    // Each ends by another statement.
    let claim = fixture.claim_one(who).await;
    let finished = Finished { claim, outcome: Outcome::Done(None), policy: Policy::ANSWER };
    fixture.queue.exchange(who, &[finished], 0).await.unwrap();
    fixture.done(&fixture.claim_one(who).await).await;
    fixture.queue.cancel(&ids[2..], "U1", "why not").await.unwrap();
    fixture.queue.replay(&Selection::Ids(ids), &by("U1")).await.unwrap();
    let priorities = fixture.texts("SELECT priority::text FROM jobs ORDER BY event_id").await;
    assert_eq!(priorities, ["-1", "1", "1"]);
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

/// What the newest generation of an event works on.
async fn works_on(fixture: &Fixture, who: queue::Incarnation) -> Vec<u8> {
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    claim.raw
}

#[tokio::test]
async fn an_edited_payload_is_worked_on_by_its_generation_and_those_after_it() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = fixture.append(event("a")).await.event.id;
    let original = works_on(&fixture, who).await;
    let again =
        |payload: Option<&[u8]>| ReplayOptions { payload: payload.map(<[u8]>::to_vec), ..by("U1") };
    let named = Selection::Ids(vec![id]);
    fixture.queue.replay(&named, &again(None)).await.unwrap();
    assert_eq!(works_on(&fixture, who).await, original);
    fixture.queue.replay(&named, &again(Some(b"mended"))).await.unwrap();
    let claim = fixture.claim_one(who).await;
    assert_eq!((claim.generation, claim.raw.as_slice()), (2, &b"mended"[..]));
    // Every attempt of the generation sees it.
    fixture.queue.settle(&claim, Outcome::Released, &Policy::ANSWER).await.unwrap();
    assert_eq!(works_on(&fixture, who).await, b"mended");
    fixture.queue.replay(&named, &again(None)).await.unwrap();
    assert_eq!(works_on(&fixture, who).await, b"mended", "a replay repeats what ran last");
    fixture.queue.replay(&named, &again(Some(b"mended again"))).await.unwrap();
    assert_eq!(works_on(&fixture, who).await, b"mended again");
    let body = fixture.queue.event(id).await.unwrap().unwrap().body;
    assert_eq!(body.raw, original, "the log never changes");

    let large = fixture.queue.replay(&named, &again(Some(&vec![7; 10_000_000]))).await;
    assert!(matches!(large, Err(QueueError::Refused(event::Refusal::PayloadTooLarge { .. }))));
}

#[tokio::test]
async fn a_replay_from_a_step_keeps_the_record_below_it() {
    let (fixture, who) = Fixture::with_worker().await;
    let id = fixture.append(event("a")).await.event.id;
    let claim = fixture.claim_one(who).await;
    let step = |number| NewStep {
        number,
        kind: "model".to_owned(),
        name: "gpt".to_owned(),
        input: json!({"turn": number}),
    };
    for number in 0..3 {
        fixture.queue.intend_step(&claim, &step(number)).await.unwrap();
        let result = json!({"answer": number});
        fixture.queue.record_step(&claim, number, &result, None).await.unwrap();
    }
    fixture.done(&claim).await;
    let from = |step| ReplayOptions { from_step: Some(step), ..by("U1") };
    let named = Selection::Ids(vec![id]);
    fixture.queue.replay(&named, &from(2)).await.unwrap();
    let claim = fixture.claim_one(who).await;
    let kept: Vec<i32> =
        fixture.queue.steps(&claim).await.unwrap().iter().map(|step| step.number).collect();
    assert_eq!((claim.generation, kept), (1, vec![0, 1]));
    let known = fixture.queue.intend_step(&claim, &step(1)).await.unwrap();
    assert!(matches!(known, StepState::Done { .. }), "it is not paid again: {known:?}");
    let fresh = fixture.queue.intend_step(&claim, &step(2)).await.unwrap();
    assert!(matches!(fresh, StepState::Fresh), "{fresh:?}");
    fixture.done(&claim).await;

    let bare = fixture.append(event("b")).await.event.id;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    for dry_run in [true, false] {
        let options = ReplayOptions { dry_run, ..from(1) };
        let report = fixture.queue.replay(&Selection::Ids(vec![bare]), &options).await.unwrap();
        assert_eq!(report.refused, [(bare, Refusal::NoStep)]);
    }
}

/// C1 and C3: a bulk replay that died half-way is repeated, and replays nothing twice.
#[tokio::test]
async fn c3_a_bulk_replay_that_was_cut_off_goes_on_where_it_stopped() {
    let (fixture, who) = Fixture::with_worker().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(fixture.append(event(&n.to_string())).await.event.id);
        let claim = fixture.claim_one(who).await;
        fixture.done(&claim).await;
    }
    let begun = fixture.queue.now().await.unwrap();
    let all = || {
        Selection::Filter(EventFilter {
            state: Some(EventState::Done),
            ended_before: Some(begun),
            ..EventFilter::default()
        })
    };
    // The first batch, and then nothing more.
    let first = Selection::Ids(ids[..2].to_vec());
    fixture.queue.replay(&first, &by("U1")).await.unwrap();
    for _ in 0..2 {
        let claim = fixture.claim_one(who).await;
        fixture.done(&claim).await;
    }
    let report = fixture.queue.replay(&all(), &by("U1")).await.unwrap();
    let rest: Vec<_> = ids[2..].iter().map(|id| (*id, 1)).collect();
    assert_eq!(report.replayed, rest, "those that ran again since are left alone");
    let report = fixture.queue.replay(&all(), &by("U1")).await.unwrap();
    assert_eq!((report.replayed, report.refused), (vec![], vec![]), "all of them live or ran");
    assert_eq!(fixture.count("audit").await, 6);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn two_bulk_replays_at_once_make_one_generation_of_each() {
    let (fixture, who) = Fixture::with_worker().await;
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(fixture.append(in_lane(&n.to_string(), &(n % 3).to_string(), n)).await.event.id);
        let claim = fixture.claim_one(who).await;
        fixture.done(&claim).await;
    }
    let forward = Selection::Ids(ids.clone());
    let backward = Selection::Ids(ids.iter().rev().copied().collect());
    let (one, two) = (by("U1"), by("U2"));
    let (a, b) =
        futures::join!(fixture.queue.replay(&forward, &one), fixture.queue.replay(&backward, &two));
    assert_eq!(a.unwrap().replayed.len() + b.unwrap().replayed.len(), ids.len());
    assert_eq!(fixture.number("SELECT count(*) FROM jobs WHERE generation = 1").await, 20);
    fixture.assert_sound().await;
}
