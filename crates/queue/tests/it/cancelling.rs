//! Calling jobs off, in every state.

use event::{EventId, NewEvent, Outcome, Policy, TerminalState, Verdict, Wait};
use queue::{EventState, Scope};

use crate::aids::{Fixture, event, failed, in_lane};

#[tokio::test]
async fn what_waits_or_is_ready_ends_at_once_and_its_lane_moves_on() {
    let (fixture, who) = Fixture::with_worker().await;
    let mut ids = Vec::new();
    for order in 1..=4 {
        ids.push(fixture.append(in_lane(&order.to_string(), "L", order)).await.event.id);
    }
    // The head is ready, the third waits behind it.
    let called_off = [ids[0], ids[2]];
    let report = fixture.queue.cancel(&called_off, "U1", "enough").await.unwrap();
    assert_eq!(report.cancelled, called_off);
    for id in [ids[1], ids[3]] {
        let claim = fixture.claim_one(who).await;
        assert_eq!(claim.event.id, id);
        fixture.done(&claim).await;
    }
    fixture.claim_none(who).await;
    let audit = fixture.texts("SELECT actor || ' ' || action || ' ' || reason FROM audit").await;
    assert_eq!(audit, ["U1 cancel enough", "U1 cancel enough"]);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn what_waits_for_its_retry_ends_at_once() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(in_lane("a", "L", 1)).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.settle(&claim, failed(), &Policy::ANSWER).await.unwrap();
    fixture.append(in_lane("b", "L", 2)).await;
    let report = fixture.queue.cancel(&[committed.event.id], "U1", "enough").await.unwrap();
    assert_eq!(report.cancelled, [committed.event.id]);
    fixture.claim_one(who).await;
    fixture.assert_sound().await;
}

#[tokio::test]
async fn what_runs_is_asked_to_stop_and_never_runs_again() {
    for outcome in [Outcome::Cancelled, failed(), Outcome::Released] {
        let (fixture, who) = Fixture::with_worker().await;
        let committed = fixture.append(event("a")).await;
        let claim = fixture.claim_one(who).await;
        let report = fixture.queue.cancel(&[committed.event.id], "U1", "enough").await.unwrap();
        assert_eq!(report.requested, [committed.event.id]);
        assert_eq!(fixture.queue.cancel_requests(who).await.unwrap(), [committed.event.id]);
        assert_eq!(fixture.queue.renew(who).await.unwrap(), [committed.event.id]);
        let verdict = fixture.queue.settle(&claim, outcome, &Policy::ANSWER).await.unwrap();
        assert!(matches!(verdict, Verdict::End { state: TerminalState::Cancelled, .. }));
        fixture.claim_none(who).await;
    }
}

#[tokio::test]
async fn what_has_ended_or_never_was_cannot_be_called_off() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    let ids = [committed.event.id, EventId(999_999)];
    let report = fixture.queue.cancel(&ids, "U1", "enough").await.unwrap();
    assert_eq!(report.not_live, ids);
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["done"]);
    assert_eq!(fixture.count("audit").await, 0);
}

#[tokio::test]
async fn a_cancellation_and_a_claim_at_once_have_one_winner() {
    let (fixture, who) = Fixture::with_worker().await;
    for n in 0..40 {
        let committed = fixture.append(in_lane(&n.to_string(), &n.to_string(), 1)).await;
        let ids = [committed.event.id];
        let (claims, report) =
            futures::join!(fixture.queue.claim(who, 1), fixture.queue.cancel(&ids, "U1", "race"));
        let (claims, report) = (claims.unwrap(), report.unwrap());
        match claims.first() {
            Some(claim) => {
                assert_eq!(report.requested, ids);
                fixture.done(claim).await;
            }
            None => assert_eq!(report.cancelled, ids),
        }
    }
    fixture.assert_sound().await;
}

/// Q14: one cancellation of a job in each state, and what each comes to.
#[tokio::test]
async fn q14_a_cancellation_has_a_defined_result_in_every_state() {
    let (fixture, who) = Fixture::with_worker().await;
    let done = fixture.append(event("done")).await.event.id;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    let suspended = fixture.append(event("suspended")).await.event.id;
    let claim = fixture.claim_one(who).await;
    let asleep = Outcome::Suspended(Wait::signal("approval"));
    fixture.queue.settle(&claim, asleep, &Policy::ANSWER).await.unwrap();
    let running = fixture.append(in_lane("running", "L", 1)).await.event.id;
    let claim = fixture.claim_one(who).await;
    let waiting = fixture.append(in_lane("waiting", "L", 2)).await.event.id;
    let ready = fixture.append(event("ready")).await.event.id;

    let ids = [done, suspended, running, waiting, ready];
    let report = fixture.queue.cancel(&ids, "U1", "enough").await.unwrap();
    assert_eq!(report.cancelled, [suspended, waiting, ready]);
    assert_eq!(report.requested, [running]);
    assert_eq!(report.not_live, [done]);
    assert_eq!(fixture.count("audit").await, 4);
    // Nothing is woken, and what runs may finish but not run again.
    fixture.claim_none(who).await;
    fixture.queue.settle(&claim, Outcome::Released, &Policy::ANSWER).await.unwrap();
    fixture.claim_none(who).await;
    for id in [suspended, running, waiting, ready] {
        let detail = fixture.queue.event(id).await.unwrap().unwrap();
        assert_eq!(detail.state, EventState::Cancelled, "{id}");
        assert!(detail.outcomes[0].reply.is_none());
    }
    assert_eq!(fixture.queue.event(done).await.unwrap().unwrap().state, EventState::Done);
    assert_eq!(fixture.count("waits").await, 0);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_whole_lane_is_called_off_and_its_neighbours_are_not() {
    let (fixture, who) = Fixture::with_worker().await;
    let mut ids = Vec::new();
    for order in 1..=9 {
        ids.push(fixture.append(in_lane(&format!("l{order}"), "L", order)).await.event.id);
    }
    let claim = fixture.claim_one(who).await;
    let other = fixture.append(in_lane("m", "M", 1)).await.event.id;
    let (lane, mut told) = (Scope::Lane("L".to_owned()), 0);
    let report = fixture.queue.cancel_all(&lane, "U1", "enough", |_| told += 1).await.unwrap();
    assert_eq!((report.requested, report.cancelled.len(), told), (vec![ids[0]], 8, 1));
    assert_eq!(report.not_live, []);
    fixture.queue.settle(&claim, Outcome::Cancelled, &Policy::ANSWER).await.unwrap();
    assert_eq!(fixture.claim_one(who).await.event.id, other);
    assert_eq!(fixture.count("audit").await, 9);
    let again = fixture.queue.cancel_all(&lane, "U1", "enough", |_| ()).await.unwrap();
    assert_eq!(again, queue::CancelReport::default());
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_whole_kind_is_called_off_wherever_it_stands() {
    let (fixture, who) = Fixture::with_worker().await;
    let of =
        |key: &str, kind: &str, lane| NewEvent { kind: kind.to_owned(), ..in_lane(key, lane, 1) };
    let running = fixture.append(of("a", "slow", "A")).await.event.id;
    fixture.claim_one(who).await;
    let behind = fixture.append(of("b", "slow", "A")).await.event.id;
    let kept = fixture.append(of("c", "fast", "A")).await.event.id;
    let ready = fixture.append(of("d", "slow", "D")).await.event.id;
    let kind = Scope::Kind("slow".to_owned());
    let report = fixture.queue.cancel_all(&kind, "U1", "enough", |_| ()).await.unwrap();
    assert_eq!((report.requested, report.cancelled), (vec![running], vec![behind, ready]));
    assert_eq!(fixture.queue.event(kept).await.unwrap().unwrap().state, EventState::Waiting);
    fixture.assert_sound().await;
}
