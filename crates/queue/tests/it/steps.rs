//! Durable steps: recorded once, read by every later attempt.

use event::limits::{STEP_BYTES_MAX, STEPS_MAX};
use event::{Outcome, Policy, Refusal, Usage};
use queue::{Claim, NewStep, QueueError, StepCost, StepState, parked_unless_known};
use serde_json::{Value, json};

use crate::aids::{Fixture, event, failed, in_lane};

fn step(number: i32, name: &str) -> NewStep {
    NewStep {
        number,
        kind: "model".to_owned(),
        name: name.to_owned(),
        input: json!({"ask": number, "nul": "\0"}),
    }
}

async fn do_step(fixture: &Fixture, claim: &Claim, number: i32, result: Value) {
    let state = fixture.queue.intend_step(claim, &step(number, "gpt")).await.unwrap();
    assert_eq!(state, StepState::Fresh);
    let recorded = fixture.queue.record_step(claim, number, &result, None).await.unwrap();
    assert!(recorded.fresh);
}

/// The claim's attempt fails, and the next one begins.
async fn retried(fixture: &Fixture, who: queue::Incarnation, claim: &Claim) -> Claim {
    fixture.queue.settle(claim, failed(), &Policy::ANSWER).await.unwrap();
    fixture.end_waits().await;
    fixture.claim_one(who).await
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, QueueError>) -> Refusal {
    match answer {
        Err(QueueError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_later_attempt_resumes_behind_the_recorded_steps() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let first = fixture.claim_one(who).await;
    do_step(&fixture, &first, 0, json!({"plan": ["search", "write"], "big": 1e300})).await;
    do_step(&fixture, &first, 1, json!(null)).await;
    fixture.queue.intend_step(&first, &step(2, "gpt")).await.unwrap();

    let second = retried(&fixture, who, &first).await;
    let record = fixture.queue.steps(&second).await.unwrap();
    let numbers: Vec<_> = record.iter().map(|step| (step.number, step.result.is_some())).collect();
    assert_eq!(numbers, [(0, true), (1, true), (2, false)]);
    for number in 0..2_i32 {
        let state = fixture.queue.intend_step(&second, &step(number, "gpt")).await.unwrap();
        let result = record[usize::try_from(number).unwrap()].result.clone().unwrap();
        assert_eq!(state, StepState::Done { result });
    }
    let state = fixture.queue.intend_step(&second, &step(2, "gpt")).await.unwrap();
    let StepState::Interrupted { input, tries: 1 } = state else { panic!("{state:?}") };
    assert_eq!(input, json!({"ask": 2, "nul": "\u{fffd}"}));
    fixture.queue.record_step(&second, 2, &json!("now"), None).await.unwrap();
}

#[tokio::test]
async fn a_result_is_immutable_and_the_first_one_is_returned() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.intend_step(&claim, &step(0, "gpt")).await.unwrap();
    let usage = Usage { input_tokens: 10, output_tokens: 20 };
    let cost = Some(StepCost { usage, cost_micros: Some(7) });
    let first = fixture.queue.record_step(&claim, 0, &json!("one"), cost).await.unwrap();
    let second = fixture.queue.record_step(&claim, 0, &json!("two"), None).await.unwrap();
    assert!(first.fresh && !second.fresh);
    assert_eq!((first.result, second.result), (json!("one"), json!("one")));
    let record = &fixture.queue.steps(&claim).await.unwrap()[0];
    assert_eq!((record.input_tokens, record.output_tokens), (Some(10), Some(20)));
    assert_eq!((record.cost_micros, record.tries), (Some(7), 1));
}

#[tokio::test]
async fn a_zombie_neither_intends_nor_records() {
    let (fixture, zombie) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let old = fixture.claim_one(zombie).await;
    fixture.queue.intend_step(&old, &step(0, "gpt")).await.unwrap();
    fixture.end_lease(zombie).await;
    fixture.queue.reap(&|_| Policy::ANSWER).await.unwrap();
    let recorded = fixture.queue.record_step(&old, 0, &json!("late"), None).await;
    assert!(matches!(recorded, Err(QueueError::Fenced)), "{recorded:?}");
    let intended = fixture.queue.intend_step(&old, &step(1, "gpt")).await;
    assert!(matches!(intended, Err(QueueError::Fenced)), "{intended:?}");
    assert_eq!(fixture.count("steps WHERE result IS NULL").await, 1);
    assert_eq!(fixture.count("steps").await, 1);
}

#[tokio::test]
async fn w11_a_step_kind_of_newer_code_parks_the_job_and_charges_nothing() {
    let (fixture, who) = Fixture::with_worker().await;
    let committed = fixture.append(in_lane("a", "L", 1)).await;
    let next = fixture.append(in_lane("next", "L", 2)).await;
    let claim = fixture.claim_one(who).await;
    let dream = NewStep { kind: "dream".to_owned(), ..step(0, "deep") };
    fixture.queue.intend_step(&claim, &dream).await.unwrap();
    fixture.queue.record_step(&claim, 0, &json!("sheep"), None).await.unwrap();
    let claim = retried(&fixture, who, &claim).await;
    assert_eq!(claim.attempt, 2);

    let record = fixture.queue.steps(&claim).await.unwrap();
    assert_eq!(parked_unless_known(&record, &["model", "dream"]), None);
    let parked = parked_unless_known(&record, &["model", "tool"]).unwrap();
    assert!(matches!(parked, Outcome::Parked(_)));
    fixture.queue.settle(&claim, parked, &Policy::ANSWER).await.unwrap();
    let detail = fixture.queue.event(committed.event.id).await.unwrap().unwrap();
    let job = detail.job.unwrap();
    assert_eq!((job.state, job.attempts), (queue::JobState::Suspended, 1));
    let attempt = detail.attempts.last().unwrap();
    assert_eq!(attempt.outcome, "parked");
    assert!(attempt.error.as_ref().unwrap()[0].contains("dream"));
    // Its lane goes on without it.
    let claim = fixture.claim_one(who).await;
    assert_eq!(claim.event, next.event);
    fixture.done(&claim).await;
    fixture.end_sleeps().await;
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.claim_one(who).await.attempt, 2, "offered again, uncharged");
    fixture.assert_sound().await;
}

#[tokio::test]
async fn another_step_under_a_recorded_number_is_refused() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    fixture.queue.intend_step(&claim, &step(0, "gpt")).await.unwrap();
    let other = fixture.queue.intend_step(&claim, &step(0, "other")).await;
    assert!(matches!(refusal(other), Refusal::OtherStep { number: 0, .. }));
    let unknown = fixture.queue.record_step(&claim, 5, &json!(1), None).await;
    assert_eq!(refusal(unknown), Refusal::NotIntended { number: 5 });
}

#[tokio::test]
async fn steps_out_of_bounds_are_refused() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    let claim = fixture.claim_one(who).await;
    let large = json!("x".repeat(STEP_BYTES_MAX));
    let inputs = [
        NewStep { input: large.clone(), ..step(0, "gpt") },
        NewStep { kind: String::new(), ..step(0, "gpt") },
        step(0, "a\0b"),
        step(i32::try_from(STEPS_MAX).unwrap(), "gpt"),
        step(-1, "gpt"),
    ];
    for input in inputs {
        refusal(fixture.queue.intend_step(&claim, &input).await);
    }
    fixture.queue.intend_step(&claim, &step(0, "gpt")).await.unwrap();
    refusal(fixture.queue.record_step(&claim, 0, &large, None).await);
    assert_eq!(fixture.count("steps").await, 1);
}
