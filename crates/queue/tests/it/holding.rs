//! Holding everything after a restore or a promotion.

use std::time::Duration;

use queue::{EffectIntent, Intent, Lineage, QueueError};
use serde_json::json;

use crate::aids::{Fixture, event};

fn intent(claim: &queue::Claim) -> EffectIntent {
    EffectIntent {
        subject: claim.event,
        generation: 0,
        slot: "reply".to_owned(),
        key: "k".to_owned(),
        target: json!({}),
        deadline: Duration::from_secs(30),
    }
}

#[tokio::test]
async fn while_a_hold_stands_nothing_starts_and_nothing_is_intended() {
    let (fixture, who) = Fixture::with_worker().await;
    for key in ["a", "b"] {
        fixture.append(event(key)).await;
    }
    let claim = fixture.claim_one(who).await;
    assert!(fixture.queue.hold("ada", "moving").await.unwrap());
    assert!(!fixture.queue.hold("bob", "again").await.unwrap());
    fixture.claim_none(who).await;
    let held = fixture.queue.intend(&claim, &intent(&claim)).await;
    assert!(matches!(held, Err(QueueError::Held)), "{held:?}");
    assert_eq!(fixture.count("effects").await, 0);
    let hold = fixture.queue.standing_hold().await.unwrap().expect("it stands");
    assert_eq!((hold.actor.as_str(), hold.reason.as_str()), ("ada", "moving"));

    assert!(fixture.queue.release("ada", "moved").await.unwrap());
    assert!(!fixture.queue.release("ada", "moved").await.unwrap());
    assert_eq!(fixture.queue.standing_hold().await.unwrap(), None);
    let audit = fixture.texts("SELECT action FROM audit ORDER BY id").await;
    assert_eq!(audit, ["hold", "release"]);
    let incidents = fixture.queue.incidents(10).await.unwrap();
    assert!(incidents.len() == 1 && incidents[0].resolved_at.is_some(), "{incidents:?}");
    let other = fixture.claim_one(who).await;
    assert_ne!(other.event, claim.event);
}

#[tokio::test]
async fn what_happened_before_a_release_is_looked_up_and_what_happens_after_it_is_not() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("before")).await;
    fixture.queue.hold("ada", "restored").await.unwrap();
    fixture.queue.release("ada", "checked").await.unwrap();
    fixture.append(event("after")).await;
    let [before, after] = &fixture.queue.claim(who, 2).await.unwrap()[..] else {
        panic!("both are ready")
    };
    let known = fixture.queue.intend(before, &intent(before)).await.unwrap();
    let Intent::Unknown { intended_at, deadline_left, .. } = known else { panic!("{known:?}") };
    assert_eq!((intended_at, deadline_left), (before.event.occurred_at, Duration::ZERO));
    fixture.queue.intend_again(before, &intent(before)).await.unwrap();
    assert_eq!(fixture.queue.intend(after, &intent(after)).await.unwrap(), Intent::Fresh);
}

#[tokio::test]
async fn another_timeline_is_held_by_the_first_intent_and_by_the_first_look() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    let mut seen = Lineage::default();
    assert!(!fixture.queue.look_for_restore(&mut seen).await.unwrap());
    let moved = "UPDATE lineage SET cluster = '1/00000001'";
    fixture.sql.execute(moved, &[]).await.unwrap();
    let held = fixture.queue.intend(&claim, &intent(&claim)).await;
    assert!(matches!(held, Err(QueueError::Held)), "before anybody looked: {held:?}");
    assert!(fixture.queue.look_for_restore(&mut seen).await.unwrap());
    let hold = fixture.queue.standing_hold().await.unwrap().expect("it was placed");
    assert_eq!(hold.actor, "athenaeum");
    assert!(hold.reason.contains("1/00000001"), "{}", hold.reason);

    fixture.queue.release("ada", "promoted on purpose").await.unwrap();
    assert!(!fixture.queue.look_for_restore(&mut seen).await.unwrap(), "it is taken for whole");
    assert!(fixture.queue.intend(&claim, &intent(&claim)).await.is_ok());
}

#[tokio::test]
async fn a_database_that_does_not_know_the_last_act_is_held_before_anything_is_done_again() {
    let (fixture, who) = Fixture::with_worker().await;
    for key in ["a", "b"] {
        fixture.append(event(key)).await;
    }
    let [first, second] = &fixture.queue.claim(who, 2).await.unwrap()[..] else {
        panic!("both are ready")
    };
    let mut seen = Lineage::default();
    fixture.queue.intend(first, &intent(first)).await.unwrap();
    assert!(!fixture.queue.look_for_restore(&mut seen).await.unwrap());
    fixture.sql.execute("DELETE FROM effects", &[]).await.unwrap();
    let held = fixture.queue.intend(second, &intent(second)).await;
    assert!(matches!(held, Err(QueueError::Held)), "before anybody looked: {held:?}");
    assert!(fixture.queue.look_for_restore(&mut seen).await.unwrap());
    let hold = fixture.queue.standing_hold().await.unwrap().expect("it was placed");
    assert!(hold.reason.contains("earlier moment"), "{}", hold.reason);

    fixture.queue.release("ada", "checked").await.unwrap();
    assert!(!fixture.queue.look_for_restore(&mut seen).await.unwrap(), "it is taken for whole");
    assert!(fixture.queue.intend(second, &intent(second)).await.is_ok());
}

#[tokio::test]
async fn a_server_that_does_not_tell_which_it_is_is_not_held() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.sql.execute("UPDATE lineage SET cluster = NULL", &[]).await.unwrap();
    assert_eq!(fixture.queue.intend(&claim, &intent(&claim)).await.unwrap(), Intent::Fresh);
    assert!(!fixture.queue.look_for_restore(&mut Lineage::default()).await.unwrap());
}
