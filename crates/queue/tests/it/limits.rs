//! Shared limits.

use std::time::Duration;

use queue::{Limit, LimitError, Reserved, Taken};

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

#[tokio::test]
async fn turns_are_reserved_in_order_and_no_further_ahead_than_anyone_waits() {
    let fixture = Fixture::new().await;
    let limit = Limit { per_second: 0.1, ..slow(1.0) };
    let patience = Duration::from_secs(25);
    let mut waits = Vec::new();
    for _ in 0..3 {
        let Reserved::In(wait) = fixture.queue.reserve(&limit, 1.0, patience).await.unwrap() else {
            panic!("within 25 s there are three turns, at 0, 10 and 20 s")
        };
        waits.push(wait.as_secs_f64().round());
    }
    assert_eq!(waits, [0.0, 10.0, 20.0]);
    let late = fixture.queue.reserve(&limit, 1.0, patience).await.unwrap();
    assert!(matches!(late, Reserved::RetryAfter(wait) if wait > patience), "{late:?}");
    let chore = fixture.queue.take(&limit, 1.0).await.unwrap();
    assert!(matches!(chore, Taken::RetryAfter(_)), "who does not wait comes after all who do");
}

#[tokio::test]
async fn a_part_of_a_bucket_is_kept_for_those_who_may_use_all_of_it() {
    let fixture = Fixture::new().await;
    let (all, part) = (slow(4.0), slow(2.0));
    for _ in 0..2 {
        assert_eq!(fixture.queue.take(&part, 1.0).await.unwrap(), Taken::Granted);
    }
    assert!(matches!(fixture.queue.take(&part, 1.0).await.unwrap(), Taken::RetryAfter(_)));
    for _ in 0..2 {
        assert_eq!(fixture.queue.take(&all, 1.0).await.unwrap(), Taken::Granted);
    }
    assert!(matches!(fixture.queue.take(&all, 1.0).await.unwrap(), Taken::RetryAfter(_)));
}

#[tokio::test]
async fn a_refusal_told_to_one_process_closes_the_bucket_for_all_and_leaves_one_unit_behind() {
    let fixture = Fixture::new().await;
    let other = connect(fixture.database.url()).await;
    let limit = Limit { per_second: 1.0, ..slow(5.0) };
    let patience = Duration::from_secs(60);
    assert_eq!(other.refused(&limit).await.unwrap(), None);
    fixture.queue.refuse(&limit, Duration::from_secs(30)).await.unwrap();
    fixture.queue.refuse(&limit, Duration::from_secs(5)).await.unwrap();
    let left = other.refused(&limit).await.unwrap().expect("the longer refusal stands");
    assert!((25..=30).contains(&left.as_secs()), "{left:?}");
    let impatient = other.take(&limit, 1.0).await.unwrap();
    let soon = Duration::from_secs(20);
    assert!(matches!(impatient, Taken::RetryAfter(wait) if wait > soon), "{impatient:?}");
    let mut waits = Vec::new();
    for _ in 0..2 {
        let Reserved::In(wait) = other.reserve(&limit, 1.0, patience).await.unwrap() else {
            panic!("within a minute there is room")
        };
        waits.push(wait);
    }
    assert!(waits[0] >= left - Duration::from_secs(1), "not before: {waits:?}");
    assert!(waits[1] > waits[0], "and then one by one, for the burst is spent: {waits:?}");
}

#[tokio::test]
async fn only_the_take_itself_commits_without_waiting_for_the_disk() {
    let fixture = Fixture::new().await;
    fixture.sql.execute("SET synchronous_commit = 'local'", &[]).await.unwrap();
    let take = include_str!("../../src/sql/take.sql");
    let row = fixture.sql.query_one(take, &[&"a", &1_i64, &10_i64, &0_i64]).await.unwrap();
    assert_eq!(row.get::<_, &str>(2), "off", "in its own transaction");
    assert_eq!(fixture.texts("SHOW synchronous_commit").await, ["local"], "and in no other");
}
