//! What was used within a minute or a day.

use std::time::Duration;

use event::{EventId, Timestamp};
use queue::{QueueError, Window};

use crate::aids::{Fixture, connect};

/// 2026-11-22 13:04:59.5 UTC.
const LATE: Timestamp = Timestamp(1_795_352_699_500_000);

const MINUTE: (&str, Window) = ("messages:T1:U1", Window::Minute);

#[tokio::test]
async fn a_minute_and_a_day_end_with_the_clocks() {
    let fixture = Fixture::new().await;
    let minute = fixture.queue.count_use(MINUTE, Some(LATE), 1, EventId(7)).await.unwrap();
    assert_eq!(minute.ends_at, Timestamp(1_795_352_700_000_000));
    let day = ("tokens:T1:U1", Window::Day);
    let day = fixture.queue.count_use(day, Some(LATE), 500, EventId(7)).await.unwrap();
    assert_eq!((day.used, day.ends_at), (500, Timestamp(1_795_392_000_000_000)));
    let next = Some(Timestamp(LATE.0 + 1_000_000));
    assert_eq!(fixture.queue.used(MINUTE, next).await.unwrap().used, 0);
    assert_eq!(fixture.queue.used(MINUTE, Some(LATE)).await.unwrap().used, 1);
    let now = fixture.queue.used(MINUTE, None).await.unwrap();
    assert!((now.used, now.opened_by) == (0, None) && now.left <= Duration::from_secs(60));
}

#[tokio::test]
async fn processes_count_together_and_the_first_event_is_remembered() {
    let fixture = Fixture::new().await;
    let other = connect(fixture.database.url()).await;
    let counts = (0..20_i64).map(|n| {
        let queue = if n % 2 == 0 { &fixture.queue } else { &other };
        queue.count_use(MINUTE, Some(LATE), 1, EventId(n))
    });
    let counted = futures::future::try_join_all(counts).await.unwrap();
    let mut used: Vec<u64> = counted.iter().map(|counted| counted.used).collect();
    used.sort_unstable();
    assert_eq!(used, (1..=20).collect::<Vec<_>>(), "each use has a number of its own");
    let first = counted.iter().position(|counted| counted.used == 1).unwrap();
    let first = Some(EventId(i64::try_from(first).unwrap()));
    assert!(counted.iter().all(|counted| counted.opened_by == first));
}

#[tokio::test]
async fn a_name_out_of_bounds_is_refused_and_old_counts_are_forgotten() {
    let fixture = Fixture::new().await;
    let long = "n".repeat(201);
    let refused = fixture.queue.count_use((&long, Window::Day), None, 1, EventId(1)).await;
    assert!(matches!(refused, Err(QueueError::Refused(_))), "{refused:?}");
    fixture.queue.count_use(MINUTE, None, 1, EventId(1)).await.unwrap();
    let old = "INSERT INTO quotas VALUES ('old', clock_timestamp() - INTERVAL '3 days', 1, 1)";
    fixture.sql.execute(old, &[]).await.unwrap();
    fixture.queue.maintain().await.unwrap();
    assert_eq!(fixture.texts("SELECT name FROM quotas").await, [MINUTE.0]);
}
