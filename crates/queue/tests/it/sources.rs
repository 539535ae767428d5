//! Whether somebody listened to a source, and who reads up what was missed.

use std::time::Duration;

use futures::future::join_all;
use queue::{Gap, QueueError};

use crate::aids::{Fixture, connect};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const AGO: &str = "UPDATE sources SET heard_at = heard_at - INTERVAL '10 minutes'";
const OPEN: &str = "SELECT count(*) FROM gaps WHERE closed_at IS NULL";

/// A source that nobody listened to for ten minutes.
async fn silent() -> Fixture {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.queue.listen("s", MINUTE).await.unwrap(), None, "nobody did before");
    fixture.sql.batch_execute(AGO).await.unwrap();
    fixture
}

async fn take(fixture: &Fixture) -> Option<Gap> {
    fixture.queue.take_gap("s", HOUR).await.unwrap()
}

#[tokio::test]
async fn a_long_silence_is_a_gap_once_however_many_notice_it() {
    let fixture = silent().await;
    let mut processes = Vec::new();
    for _ in 0..8 {
        processes.push(connect(fixture.database.url()).await);
    }
    let told = join_all(processes.iter().map(|queue| queue.listen("s", MINUTE))).await;
    let told: Vec<Duration> = told.into_iter().filter_map(|told| told.unwrap()).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0] > 9 * MINUTE && told[0] < 12 * MINUTE, "{told:?}");
    assert_eq!(fixture.number(OPEN).await, 1);
    let gap = take(&fixture).await.unwrap();
    assert_eq!(gap.done_until, "");
    let now = fixture.queue.now().await.unwrap();
    assert!(now.0 - gap.since.0 > 9 * 60 * 1_000_000);
}

#[tokio::test]
async fn a_short_silence_and_another_source_are_none() {
    let fixture = silent().await;
    assert_eq!(fixture.queue.listen("s", HOUR).await.unwrap(), None);
    assert_eq!(fixture.queue.listen("other", MINUTE).await.unwrap(), None);
    assert_eq!(fixture.number(OPEN).await, 0);
    assert_eq!(take(&fixture).await, None);
}

#[tokio::test]
async fn one_reader_holds_a_gap_and_whoever_takes_it_over_goes_on() {
    let fixture = silent().await;
    fixture.queue.listen("s", MINUTE).await.unwrap();
    let first = take(&fixture).await.unwrap();
    assert_eq!(take(&fixture).await, None, "it is held");
    fixture.queue.advance_gap(&first, "C1", 2, HOUR).await.unwrap();
    assert_eq!(take(&fixture).await, None, "it is held again");
    fixture.queue.advance_gap(&first, "C2", 0, Duration::ZERO).await.unwrap();
    let second = take(&fixture).await.unwrap();
    assert_eq!(second.done_until, "C2");
    for late in [
        fixture.queue.advance_gap(&first, "C3", 1, HOUR).await,
        fixture.queue.close_gap(&first).await,
    ] {
        assert!(matches!(late, Err(QueueError::Fenced)), "{late:?}");
    }
    fixture.queue.close_gap(&second).await.unwrap();
    assert_eq!(fixture.number(OPEN).await, 0);
    assert_eq!(fixture.number("SELECT found FROM gaps").await, 2);
}

#[tokio::test]
async fn what_is_missed_while_a_gap_is_read_is_read_next() {
    let fixture = silent().await;
    fixture.queue.listen("s", MINUTE).await.unwrap();
    let gap = take(&fixture).await.unwrap();
    fixture.queue.advance_gap(&gap, "C9", 0, HOUR).await.unwrap();
    fixture.queue.miss("s", 2 * MINUTE, Duration::ZERO).await.unwrap();
    fixture.queue.miss("s", MINUTE, Duration::ZERO).await.unwrap();
    fixture.queue.close_gap(&gap).await.unwrap();
    assert_eq!(fixture.number(OPEN).await, 1);
    assert_eq!(take(&fixture).await, None, "not at once");
    fixture.sql.batch_execute("UPDATE gaps SET ready_at = clock_timestamp()").await.unwrap();
    let next = take(&fixture).await.unwrap();
    assert_eq!(next.done_until, "", "from the start");
    let age = fixture.queue.now().await.unwrap().0 - next.since.0;
    assert!((120_000_000..180_000_000).contains(&age), "the older of the two: {age}");
    fixture.queue.close_gap(&next).await.unwrap();
    assert_eq!(fixture.number(OPEN).await, 0);
}

#[tokio::test]
async fn a_gap_is_not_read_before_its_time() {
    let fixture = Fixture::new().await;
    fixture.queue.miss("s", MINUTE, HOUR).await.unwrap();
    assert_eq!(take(&fixture).await, None);
    fixture.sql.batch_execute("UPDATE gaps SET ready_at = clock_timestamp()").await.unwrap();
    assert!(take(&fixture).await.is_some());
}
