//! Incidents, and the look at recent acts that finds them.

use std::time::Duration;

use queue::{EffectIntent, RecentEffect};
use serde_json::json;

use crate::aids::{Fixture, event};

#[tokio::test]
async fn an_incident_is_filed_once_listed_and_put_right() {
    let fixture = Fixture::new().await;
    let file = async |name| {
        fixture.queue.file_incident("duplicate_reply", name, json!({"removed": name})).await
    };
    assert!(file("C1:2.0").await.unwrap());
    assert!(!file("C1:2.0").await.unwrap(), "whoever finds it again files nothing");
    assert!(file("C1:3.0").await.unwrap());
    fixture.queue.resolve_incident("duplicate_reply", "C1:2.0").await.unwrap();
    let listed = fixture.queue.incidents(10).await.unwrap();
    let listed: Vec<_> =
        listed.iter().map(|it| (it.name.as_str(), it.resolved_at.is_some())).collect();
    assert_eq!(listed, [("C1:3.0", false), ("C1:2.0", true)]);
}

#[tokio::test]
async fn recent_acts_are_those_that_were_intended_lately_whenever_their_event_happened() {
    let (fixture, who) = Fixture::with_worker().await;
    for key in ["a", "b", "c"] {
        fixture.append(event(key)).await;
    }
    let claims = fixture.queue.claim(who, 3).await.unwrap();
    for claim in &claims {
        let intent = EffectIntent {
            subject: claim.event,
            generation: 0,
            slot: "reply".to_owned(),
            key: claim.event.id.to_string(),
            target: json!({"channel": "C1"}),
            deadline: Duration::from_secs(30),
        };
        fixture.queue.intend(claim, &intent).await.unwrap();
    }
    fixture.queue.record_effect(&claims[0], claims[0].event, 0, "reply", "1.0").await.unwrap();
    fixture.queue.withdraw_effect(&claims[1], claims[1].event, 0, "reply").await.unwrap();
    let long_ago = "UPDATE effects SET intended_at = clock_timestamp() - INTERVAL '2 hours'
                     WHERE event_id = $1";
    fixture.sql.execute(long_ago, &[&claims[2].event.id.0]).await.unwrap();
    let recent = fixture.queue.recent_effects(Duration::from_secs(3600), 10).await.unwrap();
    let [RecentEffect { key, result, .. }] = &recent[..] else {
        panic!("neither what was taken back nor what is long ago: {recent:?}")
    };
    assert_eq!((key, result.as_deref()), (&claims[0].event.id.to_string(), Some("1.0")));
}
