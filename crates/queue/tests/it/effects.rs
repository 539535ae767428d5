//! Outward acts.

use std::time::Duration;

use event::Policy;
use queue::{Claim, EffectIntent, Intent, QueueError};
use serde_json::json;

use crate::aids::{Fixture, event, failed};

fn reply_of(claim: &Claim) -> EffectIntent {
    EffectIntent {
        subject: claim.event,
        generation: claim.generation,
        slot: "reply".to_owned(),
        key: "0123".to_owned(),
        target: json!({"channel": "C1"}),
        deadline: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn an_act_is_fresh_once_then_unknown_then_done() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let first = fixture.claim_one(who).await;
    let intent = reply_of(&first);
    assert_eq!(fixture.queue.intend(&first, &intent).await.unwrap(), Intent::Fresh);
    fixture.queue.settle(&first, failed(), &Policy::ANSWER).await.unwrap();
    fixture.end_waits().await;

    let second = fixture.claim_one(who).await;
    let known = fixture.queue.intend(&second, &intent).await.unwrap();
    let Intent::Unknown { deadline_left, target, age, intended_at } = known else {
        panic!("{known:?}")
    };
    assert!(deadline_left <= Duration::from_secs(30) && deadline_left > Duration::from_secs(1));
    assert!(age < Duration::from_secs(30));
    assert_eq!(target, intent.target);
    fixture.queue.intend_again(&second, &intent).await.unwrap();
    let effects = fixture.queue.effects(second.event).await.unwrap();
    assert_eq!(effects[0].token, second.token);
    assert_eq!(effects[0].intended_at, intended_at, "the first intent's time is kept");

    fixture.queue.record_effect(&second, second.event, 0, "reply", "1700.5").await.unwrap();
    fixture.queue.record_effect(&second, second.event, 0, "reply", "1700.5").await.unwrap();
    let known = fixture.queue.intend(&second, &intent).await.unwrap();
    assert_eq!(known, Intent::Done { result: "1700.5".to_owned() });
}

#[tokio::test]
async fn a_zombie_can_neither_intend_nor_record() {
    let (fixture, zombie) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let old = fixture.claim_one(zombie).await;
    let intent = reply_of(&old);
    fixture.queue.intend(&old, &intent).await.unwrap();
    fixture.end_lease(zombie).await;
    fixture.queue.reap(&|_| Policy::ANSWER).await.unwrap();
    let other = EffectIntent { slot: "notice".to_owned(), ..intent.clone() };
    for intent in [&intent, &other] {
        let refused = fixture.queue.intend(&old, intent).await;
        assert!(matches!(refused, Err(QueueError::Fenced)), "{refused:?}");
    }
    let refused = fixture.queue.intend_again(&old, &intent).await;
    assert!(matches!(refused, Err(QueueError::Fenced)), "{refused:?}");
    let refused = fixture.queue.record_effect(&old, old.event, 0, "reply", "1").await;
    assert!(matches!(refused, Err(QueueError::Fenced)), "{refused:?}");
    assert_eq!(fixture.count("effects").await, 1);
}

#[tokio::test]
async fn a_result_is_never_overwritten() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.intend(&claim, &reply_of(&claim)).await.unwrap();
    fixture.queue.record_effect(&claim, claim.event, 0, "reply", "first").await.unwrap();
    let second = fixture.queue.record_effect(&claim, claim.event, 0, "reply", "second").await;
    assert!(matches!(second, Err(QueueError::Fenced)), "{second:?}");
    let effects = fixture.queue.effects(claim.event).await.unwrap();
    assert_eq!(effects[0].result.as_deref(), Some("first"));
}

#[tokio::test]
async fn what_was_taken_back_is_fresh_again_and_still_says_what_was_meant() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    let intent = reply_of(&claim);
    assert_eq!(fixture.queue.intend(&claim, &intent).await.unwrap(), Intent::Fresh);
    for _ in 0..2 {
        fixture.queue.withdraw_effect(&claim, claim.event, 0, "reply").await.unwrap();
    }
    let effects = fixture.queue.effects(claim.event).await.unwrap();
    assert!(effects[0].is_withdrawn());
    assert_eq!(effects[0].target, intent.target);
    assert_eq!(fixture.queue.intend(&claim, &intent).await.unwrap(), Intent::Fresh);
    assert!(!fixture.queue.effects(claim.event).await.unwrap()[0].is_withdrawn());
    let again = fixture.queue.intend(&claim, &intent).await.unwrap();
    assert!(matches!(again, Intent::Unknown { .. }), "{again:?}");
    fixture.queue.record_effect(&claim, claim.event, 0, "reply", "1.0").await.unwrap();
    let done = fixture.queue.withdraw_effect(&claim, claim.event, 0, "reply").await;
    assert!(matches!(done, Err(QueueError::Fenced)), "what is done stays done: {done:?}");
}
