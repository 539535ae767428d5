//! Shared limits.

use std::time::Duration;

use queue::{Limit, LimitError, Taken};

use crate::aids::{Fixture, connect};

/// So slow that no test lives to see a unit come back.
fn slow(burst: f64) -> Limit {
    Limit { name: "slack.post:C1".to_owned(), per_second: 0.001, burst }
}

#[tokio::test]
async fn a_bucket_gives_what_it_holds_and_says_how_long_the_rest_takes() {
    let fixture = Fixture::new().await;
    for _ in 0..3 {
        assert_eq!(fixture.queue.take(&slow(3.0), 1.0).await.unwrap(), Taken::Granted);
    }
    let Taken::RetryAfter(wait) = fixture.queue.take(&slow(3.0), 1.0).await.unwrap() else {
        panic!("the bucket is empty")
    };
    let seconds = wait.as_secs();
    assert!((900..=1_000).contains(&seconds), "one unit in 1,000 s: {seconds}");
    let other = Limit { name: "slack.post:C2".to_owned(), ..slow(3.0) };
    assert_eq!(fixture.queue.take(&other, 3.0).await.unwrap(), Taken::Granted);
    assert_eq!(fixture.queue.take(&slow(3.0), 0.0).await.unwrap(), Taken::Granted);
}

#[tokio::test]
async fn time_fills_a_bucket_and_never_beyond_its_burst() {
    let fixture = Fixture::new().await;
    assert_eq!(fixture.queue.take(&slow(2.0), 2.0).await.unwrap(), Taken::Granted);
    let later = "UPDATE limits SET full_at = full_at - INTERVAL '10 years'";
    fixture.sql.execute(later, &[]).await.unwrap();
    assert_eq!(fixture.queue.take(&slow(2.0), 2.0).await.unwrap(), Taken::Granted);
    let empty = fixture.queue.take(&slow(2.0), 1.0).await.unwrap();
    assert!(matches!(empty, Taken::RetryAfter(wait) if wait > Duration::from_secs(900)));
}

#[tokio::test]
async fn many_processes_together_take_no_more_than_one_could() {
    let fixture = Fixture::new().await;
    let mut queues = Vec::new();
    for _ in 0..4 {
        queues.push(connect(fixture.database.url()).await);
    }
    let limit = slow(10.0);
    let takes = (0..40).map(|n| queues[n % queues.len()].take(&limit, 1.0));
    let taken = futures::future::try_join_all(takes).await.unwrap();
    assert_eq!(taken.iter().filter(|taken| **taken == Taken::Granted).count(), 10);
}

#[tokio::test]
async fn what_could_never_be_granted_is_an_error_and_writes_nothing() {
    let fixture = Fixture::new().await;
    let far = fixture.queue.take(&slow(1.0), 2.0).await;
    assert!(matches!(far, Err(LimitError::OutOfReach { .. })), "{far:?}");
    assert_eq!(fixture.count("limits").await, 0);
}

#[tokio::test]
async fn buckets_that_are_long_full_are_forgotten() {
    let fixture = Fixture::new().await;
    for name in ["old", "new"] {
        let limit = Limit { name: name.to_owned(), ..slow(1.0) };
        fixture.queue.take(&limit, 1.0).await.unwrap();
    }
    let old =
        "UPDATE limits SET full_at = clock_timestamp() - INTERVAL '2 days' WHERE name = 'old'";
    fixture.sql.execute(old, &[]).await.unwrap();
    fixture.queue.maintain().await.unwrap();
    assert_eq!(fixture.texts("SELECT name FROM limits").await, ["new"]);
}
