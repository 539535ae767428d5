//! Calling jobs off, in every state.

use event::{EventId, Outcome, Policy, TerminalState, Verdict};

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
