//! Work that is worth nothing any more, and what cannot be taken at all.

use std::time::Duration;

use event::limits::RAW_BYTES_MAX;
use event::{NewEvent, Policy, Raw, Refusal, TerminalState, Timestamp, Work};
use queue::{EventState, QueueError};

use crate::aids::{Fixture, event, failed, in_lane};

const DAY: Duration = Duration::from_secs(86_400);

fn expiring(event: NewEvent) -> NewEvent {
    NewEvent { work: Some(Work { expires_after: Some(DAY), ..Work::default() }), ..event }
}

/// Brings every expiry.
async fn end_worth(fixture: &Fixture) {
    let past = "UPDATE jobs SET expires_at = clock_timestamp() - INTERVAL '1 ms'
                 WHERE expires_at IS NOT NULL";
    fixture.sql.execute(past, &[]).await.unwrap();
}

#[tokio::test]
async fn work_that_nobody_began_in_time_is_expired_and_says_why() {
    let (fixture, who) = Fixture::with_worker().await;
    let late = fixture.append(expiring(in_lane("a", "L", 1))).await;
    let next = fixture.append(in_lane("b", "L", 2)).await;
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.count("jobs").await, 2, "not before its time");
    end_worth(&fixture).await;
    assert!(fixture.queue.sweep().await.unwrap() >= 1);
    let detail = fixture.queue.event(late.event.id).await.unwrap().unwrap();
    assert_eq!(detail.state, EventState::Expired);
    assert_eq!(detail.outcomes[0].state, TerminalState::Expired);
    assert!(detail.outcomes[0].error.as_ref().unwrap()[0].contains("expired"));
    assert_eq!(fixture.claim_one(who).await.event, next.event, "its lane goes on");
    fixture.assert_sound().await;
}

#[tokio::test]
async fn what_was_begun_in_time_finishes_and_what_waits_for_a_retry_expires() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(expiring(event("a"))).await;
    let claim = fixture.claim_one(who).await;
    end_worth(&fixture).await;
    fixture.queue.sweep().await.unwrap();
    fixture.queue.settle(&claim, failed(), &Policy::ANSWER).await.unwrap();
    fixture.queue.sweep().await.unwrap();
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["expired"]);
    fixture.append(expiring(event("b"))).await;
    let claim = fixture.claim_one(who).await;
    end_worth(&fixture).await;
    fixture.queue.sweep().await.unwrap();
    fixture.done(&claim).await;
    assert_eq!(fixture.count("outcomes WHERE state = 'done'").await, 1);
}

#[tokio::test]
async fn a_claim_takes_nothing_that_has_expired() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(expiring(event("a"))).await;
    end_worth(&fixture).await;
    fixture.claim_none(who).await;
}

#[tokio::test]
async fn bad_input_is_a_typed_refusal_and_leaves_nothing() {
    let fixture = Fixture::new().await;
    let endless = Work { delay: Duration::MAX, ..Work::default() };
    let too_late = Work { expires_after: Some(Duration::ZERO), ..Work::default() };
    let inputs = [
        NewEvent { raw: Raw::keep(vec![b'x'; 10_000_000]), ..event("10 MB") },
        NewEvent { lane: Some("x".repeat(10_000)), ..event("a lane of 10 kB") },
        NewEvent { work: Some(endless), ..event("never") },
        NewEvent { work: Some(too_late), ..event("too late") },
        // The year 294247, the last that 64 bits of microseconds reach.
        NewEvent { occurred_at: Timestamp(i64::MAX), ..event("the end of time") },
        NewEvent { occurred_at: Timestamp(-1), ..event("before 1970") },
        NewEvent { kind: String::new(), ..event("nameless") },
    ];
    for input in inputs {
        let key = input.delivery_key.clone();
        let refused = fixture.queue.append(input).await;
        assert!(matches!(refused, Err(QueueError::Refused(_))), "{key}: {refused:?}");
    }
    assert_eq!(fixture.count("events").await + fixture.count("deliveries").await, 0);
    let large = NewEvent { raw: Raw::keep(vec![b'x'; 10_000_000]), ..event("10 MB") };
    let refused = fixture.queue.append(large.clone()).await;
    let Err(QueueError::Refused(Refusal::PayloadTooLarge { bytes, bytes_max })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((bytes, bytes_max), (10_000_000, RAW_BYTES_MAX));
    let kept = fixture.append(NewEvent { work: None, ..large }).await;
    let body = fixture.queue.load(kept.event).await.unwrap().unwrap();
    assert!(body.raw_sha256.is_some() && body.raw_bytes == 10_000_000, "its head and its hash");
}

#[tokio::test]
async fn q9_the_schema_refuses_times_that_are_none() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.append(event("b")).await;
    fixture.claim_one(who).await;
    let refused = [
        "UPDATE jobs SET position = NULL",
        "UPDATE jobs SET position = -1",
        "UPDATE jobs SET position = micros('infinity')",
        "UPDATE jobs SET position = micros('-infinity')",
        "UPDATE jobs SET position = micros('294276-12-31 23:59:59.999999+00')",
        "UPDATE jobs SET expires_at = 'infinity'",
        "UPDATE jobs SET expires_at = '294277-01-01'",
        "UPDATE jobs SET claimed_at = NULL WHERE state = 'x'",
        "INSERT INTO events (occurred_at, correlation_id, raw_bytes, source, kind, tenant, raw)
         VALUES ('infinity', gen_random_uuid(), 0, 's', 'k', 't', '')",
        "INSERT INTO fan_ins (occurred_at, event_id, generation, child_group, total, cancel_rest,
                              deadline_at, first_at, last_at)
         VALUES (now(), 1, 0, 'g', 1, false, 'infinity', now(), now())",
    ];
    for statement in refused {
        assert!(fixture.sql.execute(statement, &[]).await.is_err(), "{statement}");
    }
    // The highest number is a place that no time reaches: parked, not lost.
    let parked = "UPDATE jobs SET position = 9223372036854775807, state = 'w' WHERE state = 'r'";
    fixture.sql.execute(parked, &[]).await.unwrap();
    fixture.queue.sweep().await.unwrap();
    fixture.claim_none(who).await;
    assert_eq!(fixture.count("jobs WHERE from_micros(position) IS NULL AND state = 'w'").await, 1);
    let waiting = queue::EventFilter { state: Some(EventState::Waiting), ..Default::default() };
    assert_eq!(fixture.queue.events(&waiting, 10).await.unwrap().len(), 1, "visible");
}
