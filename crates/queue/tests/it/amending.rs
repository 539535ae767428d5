//! What a job works on can change until somebody works on it.

use std::time::Duration;

use event::limits::RAW_BYTES_MAX;
use event::{ErrorChain, Outcome, Policy};
use queue::{QueueError, ReplayOptions, Selection};

use crate::aids::{Fixture, event};

/// No time but the test's ends its waits.
const POLICY: Policy = Policy { backoff_base: Duration::from_secs(3_600), ..Policy::ANSWER };

#[tokio::test]
async fn what_waits_works_on_what_was_given_last_and_the_log_keeps_its_own() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await.event;
    assert!(fixture.queue.amend(committed, b"b").await.unwrap());
    assert!(fixture.queue.amend(committed, b"c").await.unwrap());
    let claim = fixture.claim_one(who).await;
    assert_eq!(claim.raw, b"c");
    let logged = fixture.queue.load(committed).await.unwrap().unwrap().raw;
    assert_eq!(logged, event("a").raw.bytes);
    fixture.done(&claim).await;
}

#[tokio::test]
async fn what_runs_is_left_alone_and_its_next_attempt_can_be_changed() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await.event;
    let claim = fixture.claim_one(who).await;
    assert!(!fixture.queue.amend(committed, b"b").await.unwrap());
    let failed = Outcome::Failed(ErrorChain::message("no"));
    fixture.queue.settle(&claim, failed, &POLICY).await.unwrap();
    assert!(fixture.queue.amend(committed, b"c").await.unwrap());
    fixture.end_waits().await;
    let again = fixture.claim_one(who).await;
    assert_eq!((again.attempt, again.raw.as_slice()), (2, &b"c"[..]));
    fixture.done(&again).await;
    assert!(!fixture.queue.amend(committed, b"d").await.unwrap(), "it has ended");
}

#[tokio::test]
async fn a_replay_works_on_what_the_life_before_worked_on() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await.event;
    fixture.queue.amend(committed, b"b").await.unwrap();
    fixture.done(&fixture.claim_one(who).await).await;
    let again = ReplayOptions { actor: "U1".to_owned(), limit: 1, ..ReplayOptions::default() };
    fixture.queue.replay(&Selection::Ids(vec![committed.id]), &again).await.unwrap();
    assert_eq!(fixture.claim_one(who).await.raw, b"b");
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let fixture = Fixture::new().await;
    let committed = fixture.append(event("a")).await.event;
    let refused = fixture.queue.amend(committed, &vec![b' '; RAW_BYTES_MAX + 1]).await;
    assert!(matches!(refused, Err(QueueError::Refused(_))), "{refused:?}");
}

#[tokio::test]
async fn an_event_is_found_by_its_keys() {
    let fixture = Fixture::new().await;
    let committed = fixture.append(crate::aids::about("what happened", event("a"))).await.event;
    for key in ["delivery:a", "what happened"] {
        assert_eq!(fixture.queue.find_key(key).await.unwrap(), Some(committed), "{key}");
    }
    assert_eq!(fixture.queue.find_key("nothing").await.unwrap(), None);
}

#[tokio::test]
async fn a_key_can_be_led_to_an_event_for_good_or_to_the_latest() {
    let fixture = Fixture::new().await;
    let one = fixture.append(event("a")).await.event;
    let other = fixture.append(event("b")).await.event;
    fixture.queue.lead("answer", one).await.unwrap();
    fixture.queue.lead("answer", other).await.unwrap();
    assert_eq!(fixture.queue.find_key("answer").await.unwrap(), Some(one));
    fixture.queue.lead_anew("answer", other).await.unwrap();
    assert_eq!(fixture.queue.find_key("answer").await.unwrap(), Some(other));
}
