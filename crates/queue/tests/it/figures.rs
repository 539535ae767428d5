//! Lists and figures.

use event::NewEvent;
use queue::{EventFilter, EventState};

use crate::aids::{Fixture, event, in_lane, stored};

#[tokio::test]
async fn the_figures_agree_with_what_is_there() {
    let (fixture, who) = Fixture::with_worker().await;
    for order in 1..=3 {
        fixture.append(in_lane(&order.to_string(), "L", order)).await;
    }
    fixture.append(event("ready")).await;
    fixture.append(event("done")).await;
    fixture.append(stored("kept")).await;
    let claims = fixture.queue.claim(who, 3).await.unwrap();
    fixture.done(&claims[2]).await;
    fixture.append(NewEvent { kind: "ask".to_owned(), ..event("other") }).await;
    let stats = fixture.queue.stats().await.unwrap();
    assert_eq!((stats.jobs.waiting, stats.jobs.ready, stats.jobs.running), (2, 1, 2));
    assert_eq!(stats.ended_last_day.done, 1);
    assert_eq!(stats.dead_letters, 0);
    assert!(stats.oldest_ready.is_some());
    assert_eq!(stats.workers.len(), 1);
    assert_eq!((stats.workers[0].running, stats.workers[0].live), (2, true));
    let kinds: Vec<_> = stats.kinds.iter().map(|count| count.kind.as_str()).collect();
    assert_eq!(kinds, ["app_mention", "ask"]);
    assert_eq!(stats.kinds[1].jobs.ready, 1);
}

#[tokio::test]
async fn every_filter_narrows_the_list() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("running")).await;
    fixture.claim_one(who).await;
    fixture.append(event("ready")).await;
    fixture.append(stored("kept")).await;
    let broken = NewEvent { quarantine: Some("not JSON".to_owned()), ..stored("broken") };
    let broken = fixture.append(broken).await;
    let other =
        NewEvent { actor: Some("U2".to_owned()), tenant: "T2".to_owned(), ..event("other") };
    fixture.append(other).await;
    let all = EventFilter::default();
    let queue = &fixture.queue;
    let with = |filter: EventFilter| async move { queue.events(&filter, 100).await.unwrap().len() };
    assert_eq!(with(all.clone()).await, 5);
    for (state, count) in [
        (EventState::Running, 1),
        (EventState::Ready, 2),
        (EventState::Stored, 1),
        (EventState::Quarantined, 1),
        (EventState::Done, 0),
        (EventState::Dead, 0),
    ] {
        assert_eq!(with(EventFilter { state: Some(state), ..all.clone() }).await, count, "{state}");
    }
    assert_eq!(with(EventFilter { kind: Some("message".into()), ..all.clone() }).await, 2);
    assert_eq!(with(EventFilter { actor: Some("U2".into()), ..all.clone() }).await, 1);
    assert_eq!(with(EventFilter { tenant: Some("T1".into()), ..all.clone() }).await, 4);
    assert_eq!(with(EventFilter { error: Some("json".into()), ..all.clone() }).await, 1);
    let at = broken.event.occurred_at;
    assert_eq!(with(EventFilter { since: Some(at), ..all.clone() }).await, 2);
    assert_eq!(with(EventFilter { until: Some(at), ..all.clone() }).await, 3);
    let first = fixture.queue.events(&all, 2).await.unwrap();
    let rest = EventFilter { before: first.last().map(|summary| summary.head.event), ..all };
    let rest = fixture.queue.events(&rest, 100).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 3), "pages do not overlap");
    assert!(first[1].head.event.occurred_at > rest[0].head.event.occurred_at);
}

#[tokio::test]
async fn the_classic_view_answers_plain_questions() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(event("a")).await;
    fixture.claim_one(who).await;
    let broken = NewEvent { raw: event::Raw::keep(b"\xff".to_vec()), ..stored("b") };
    fixture.append(broken).await;
    let rows = fixture.sql.query("SELECT * FROM classic_events ORDER BY id", &[]).await.unwrap();
    let columns: Vec<_> = rows[0].columns().iter().map(|column| column.name()).collect();
    assert_eq!(
        columns,
        [
            "id",
            "event_type",
            "payload",
            "status",
            "visibility_timeout",
            "claimed_by",
            "retry_count",
            "created_at",
            "processed_at"
        ]
    );
    assert_eq!(rows[0].get::<_, serde_json::Value>("payload")["key"], "a");
    assert_eq!(rows[0].get::<_, &str>("status"), "running");
    assert_eq!(rows[0].get::<_, &str>("claimed_by"), "worker-1");
    assert_eq!(rows[1].get::<_, &str>("status"), "stored");
    assert_eq!(rows[1].get::<_, Option<serde_json::Value>>("payload"), None);
}
