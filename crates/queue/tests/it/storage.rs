//! The log by days, in both modes.

use chrono::{Duration, Utc};
use event::{NewEvent, Timestamp};
use tokio::time::Instant;

use crate::aids::{Fixture, event, stored};

const SKIPPED_NATIVE: &str =
    "SKIPPED: this server has TimescaleDB, so there are no native partitions";
const SKIPPED_TIMESCALE: &str = "SKIPPED: this server has no TimescaleDB";

/// How long another maintainer may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

impl Fixture {
    async fn is_native(&self) -> bool {
        self.texts("SELECT mode FROM storage").await == ["native"]
    }

    /// Maintains until `events` are left. One call may do nothing, because TimescaleDB's own
    /// scheduler may be at it with a snapshot of before.
    async fn maintain_until_events(&self, events: i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.queue.maintain().await.unwrap();
            match self.count("events").await {
                left if left == events => return,
                left => assert!(Instant::now() < deadline, "{left} events are left"),
            }
        }
    }
}

/// Some days from now.
fn in_days(days: i64, event: NewEvent) -> NewEvent {
    let at = Utc::now() + Duration::days(days);
    NewEvent { occurred_at: Timestamp(at.timestamp_micros()), ..event }
}

#[tokio::test]
async fn two_weeks_are_made_ahead_and_the_default_catches_the_rest() {
    let fixture = Fixture::new().await;
    if !fixture.is_native().await {
        println!("{SKIPPED_NATIVE}");
        return;
    }
    let days = "SELECT count(*) FROM storage_days('native', 'events')";
    assert_eq!(fixture.number(days).await, 16, "yesterday to a fortnight ahead");
    for (key, day) in [("old", -400), ("past", -3), ("now", 0), ("soon", 13), ("far", 400)] {
        fixture.append(in_days(day, event(key))).await;
    }
    assert_eq!(fixture.count("events_default").await, 3);
    assert_eq!(fixture.count("events").await, 5);
}

#[tokio::test]
async fn rotation_gives_a_home_to_what_the_default_caught() {
    let fixture = Fixture::new().await;
    if !fixture.is_native().await {
        println!("{SKIPPED_NATIVE}");
        return;
    }
    let past = fixture.append(in_days(-3, event("past"))).await;
    fixture.append(in_days(400, event("far"))).await;
    let (one, two) = futures::join!(fixture.queue.maintain(), fixture.queue.maintain());
    one.unwrap();
    two.unwrap();
    assert_eq!(fixture.count("events_default").await, 1, "what is far ahead stays");
    let body = fixture.queue.load(past.event).await.unwrap();
    assert_eq!(body.map(|body| body.head.event), Some(past.event));
    fixture.queue.maintain().await.unwrap();
    fixture.assert_sound().await;
}

#[tokio::test]
async fn retention_drops_old_days_but_none_with_a_live_job() {
    let (fixture, who) = Fixture::with_worker().await;
    for key in ["ended a", "ended b"] {
        fixture.append(in_days(-100, stored(key))).await;
    }
    let live = fixture.append(in_days(-120, event("live"))).await;
    fixture.append(in_days(-120, stored("beside the live one"))).await;
    let kept = fixture.append(in_days(-10, stored("kept"))).await;
    // In native mode the DEFAULT holds them; a day of its own is dropped as a whole.
    if fixture.is_native().await {
        let day = "SELECT storage_add_partition('events', (CURRENT_DATE - 120))::int::bigint
                        + storage_add_partition('events', (CURRENT_DATE - 100))::int::bigint";
        assert_eq!(fixture.number(day).await, 2);
    }
    fixture.maintain_until_events(3).await;
    for event in [live.event, kept.event] {
        assert!(fixture.queue.load(event).await.unwrap().is_some());
    }
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    fixture.maintain_until_events(1).await;
}

#[tokio::test]
async fn old_delivery_keys_are_forgotten() {
    let fixture = Fixture::new().await;
    fixture.append(stored("old")).await;
    fixture.append(stored("new")).await;
    let age = "UPDATE deliveries SET received_at = received_at - INTERVAL '40 days'
                WHERE key = 'delivery:old'";
    fixture.sql.execute(age, &[]).await.unwrap();
    fixture.queue.maintain().await.unwrap();
    assert_eq!(fixture.texts("SELECT key FROM deliveries").await, ["delivery:new"]);
}

#[tokio::test]
async fn hypertables_are_compressed_and_retained_by_policy() {
    let (fixture, who) = Fixture::with_worker().await;
    if fixture.is_native().await {
        println!("{SKIPPED_TIMESCALE}");
        return;
    }
    let tables = "SELECT hypertable_name::text FROM timescaledb_information.hypertables ORDER BY 1";
    let expected = [
        "attempts", "children", "effects", "events", "feedback", "outcomes", "payloads", "signals",
        "steps",
    ];
    assert_eq!(fixture.texts(tables).await, expected);
    let jobs = "SELECT DISTINCT proc_name::text FROM timescaledb_information.jobs
                 WHERE proc_name IN ('policy_compression', 'storage_retention') ORDER BY 1";
    assert_eq!(fixture.texts(jobs).await, ["policy_compression", "storage_retention"]);

    // A compressed day is still read, replayed, settled.
    let old = fixture.append(in_days(-20, event("old"))).await;
    let first = fixture.claim_one(who).await;
    fixture.queue.settle(&first, crate::aids::failed(), &event::Policy::ANSWER).await.unwrap();
    fixture.end_waits().await;
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    let compress = "SELECT count(compress_chunk(c)) FROM
                    (SELECT show_chunks(t) FROM unnest('{events,attempts,outcomes}'::regclass[]) t) s (c)";
    assert!(fixture.number(compress).await >= 3);
    let detail = fixture.queue.event(old.event.id).await.unwrap().unwrap();
    assert_eq!(detail.outcomes.len(), 1);
    let options =
        queue::ReplayOptions { actor: "U1".to_owned(), ..queue::ReplayOptions::default() };
    let selection = queue::Selection::Ids(vec![old.event.id]);
    let report = fixture.queue.replay(&selection, &options).await.unwrap();
    assert_eq!(report.replayed, [(old.event.id, 1)]);
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    fixture.assert_sound().await;
}
