//! How attempts end.

use std::time::Duration;

use event::{
    DeadLetter, ErrorChain, NewEvent, Outcome, Policy, Reply, TerminalState, Usage, Verdict,
};
use queue::{DEAD_LETTER_KIND, QueueError};

use crate::aids::{Fixture, event, failed, in_lane};

#[tokio::test]
async fn finished_work_leaves_its_reply_in_the_history() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    let reply = Reply {
        text: "with a NUL \0".to_owned(),
        usage: Usage { input_tokens: 10, output_tokens: 20 },
        ..Reply::default()
    };
    fixture.queue.settle(&claim, Outcome::Done(Some(reply)), &Policy::ANSWER).await.unwrap();
    let detail = fixture.queue.event(committed.event.id).await.unwrap().unwrap();
    assert!(detail.job.is_none());
    assert_eq!(detail.outcomes[0].state, TerminalState::Done);
    assert_eq!(detail.outcomes[0].reply.as_ref().unwrap()["text"], "with a NUL \u{fffd}");
    let attempt = &detail.attempts[0];
    assert_eq!((attempt.number, attempt.outcome.as_str()), (1, "done"));
    assert_eq!((attempt.input_tokens, attempt.output_tokens), (Some(10), Some(20)));
    assert_eq!(attempt.worker.as_deref(), Some("worker-1"));
}

#[tokio::test]
async fn a_zombies_settlement_is_refused() {
    let (fixture, zombie) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let old = fixture.claim_one(zombie).await;
    fixture.end_lease(zombie).await;
    assert_eq!(fixture.queue.reap(&|_| Policy::ANSWER).await.unwrap(), 1);
    let heir = fixture.queue.register("heir", "1", 1).await.unwrap();
    let new = fixture.claim_one(heir).await;
    assert!(new.token > old.token);
    for outcome in [Outcome::Done(None), failed(), Outcome::Released, Outcome::Lost] {
        let refused = fixture.queue.settle(&old, outcome, &Policy::ANSWER).await;
        assert!(matches!(refused, Err(QueueError::Fenced)), "{refused:?}");
    }
    fixture.done(&new).await;
    assert_eq!(fixture.count("outcomes").await, 1);
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_with_its_error_kept() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    let verdict = fixture.queue.settle(&claim, failed(), &Policy::ANSWER).await.unwrap();
    let Verdict::Again { after, charged: true, .. } = verdict else { panic!("{verdict:?}") };
    assert!(after >= Policy::ANSWER.backoff_base / 2);
    let summary = &fixture.queue.events(&queue::EventFilter::default(), 10).await.unwrap()[0];
    assert_eq!(summary.state, queue::EventState::Waiting);
    assert_eq!(summary.error.as_deref(), Some("no answer"));
    fixture.end_waits().await;
    assert_eq!(fixture.claim_one(who).await.attempt, 2);
    let detail = fixture.queue.event(committed.event.id).await.unwrap().unwrap();
    let error = detail.attempts[0].error.as_deref().unwrap();
    assert_eq!(error, ["no answer", "connection refused"]);
}

#[tokio::test]
async fn drains_and_rate_limits_charge_no_attempt() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let patience =
        Outcome::RateLimited { after: Duration::from_secs(5), error: ErrorChain::message("429") };
    for outcome in [Outcome::Released, patience.clone(), Outcome::Released, patience] {
        fixture.end_waits().await;
        let claim = fixture.claim_one(who).await;
        assert_eq!(claim.attempt, 1, "{outcome:?}");
        fixture.queue.settle(&claim, outcome, &Policy::ANSWER).await.unwrap();
    }
    assert_eq!(fixture.number("SELECT attempts::bigint FROM jobs").await, 0);
    assert_eq!(fixture.count("attempt_history").await, 4);
}

#[tokio::test]
async fn work_that_fails_for_good_is_dead_and_tells_so() {
    let (fixture, who) = Fixture::with_worker().await;
    let given = in_lane("a", "L", 5);
    let committed = fixture.append(given.clone()).await;
    fixture.append(in_lane("next", "L", 6)).await;
    let claim = fixture.claim_one(who).await;
    let refused = Outcome::Refused(ErrorChain::message("no such channel"));
    fixture.queue.settle(&claim, refused, &Policy::ANSWER).await.unwrap();

    let notice = fixture.claim_one(who).await;
    assert_eq!(notice.kind, DEAD_LETTER_KIND);
    assert_eq!((notice.lane_name, notice.tenant), (given.lane, given.tenant));
    assert_eq!((notice.actor, notice.correlation_id), (given.actor, given.correlation_id));
    assert_eq!(notice.source, "queue");
    let letter: DeadLetter = serde_json::from_slice(&notice.raw).unwrap();
    assert_eq!((letter.event, letter.generation), (committed.event, 0));
    assert_eq!((letter.kind.as_str(), letter.attempts), ("app_mention", 1));
    fixture.claim_none(who).await;
    assert_eq!(fixture.texts("SELECT id::text FROM dead_letters").await.len(), 1);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn a_dead_notice_makes_no_further_notice_and_frees_the_lane() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(in_lane("a", "L", 1)).await;
    let next = fixture.append(in_lane("next", "L", 2)).await;
    for _ in ["the work", "its notice"] {
        let claim = fixture.claim_one(who).await;
        let refused = Outcome::Refused(ErrorChain::message("gone"));
        fixture.queue.settle(&claim, refused, &Policy::ANSWER).await.unwrap();
    }
    assert_eq!(fixture.claim_one(who).await.event, next.event);
    assert_eq!(fixture.count("events").await, 3);
    fixture.assert_sound().await;
}

#[tokio::test]
async fn an_attempt_beyond_the_policy_is_dead() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(NewEvent { kind: "ask".to_owned(), ..event("a") }).await;
    for number in 1..=Policy::ANSWER.attempts_max {
        fixture.end_waits().await;
        let claim = fixture.claim_one(who).await;
        assert_eq!((claim.kind.as_str(), claim.attempt), ("ask", number));
        fixture.queue.settle(&claim, failed(), &Policy::ANSWER).await.unwrap();
    }
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["dead"]);
    let attempts = "SELECT count(*) FROM attempt_history WHERE outcome = 'failed'";
    assert_eq!(fixture.number(attempts).await, i64::from(Policy::ANSWER.attempts_max));
}
