//! Lists and details.

use event::{Outcome, Work};
use serde_json::Value;

use crate::fixture::{Fixture, reply};

fn ids(listed: &Value) -> Vec<i64> {
    let events = listed["events"].as_array().unwrap();
    events.iter().map(|event| event["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_list_is_filtered_and_shows_the_newest_first() {
    let fixture = Fixture::new().await;
    let dead = fixture.dead(0).await;
    let done = fixture.ended(1, Outcome::Done(Some(reply()))).await;
    let stored = fixture.event(2, None).await;
    let ready = fixture.event(3, Some(Work::default())).await;

    for (filter, expected) in [
        (&["--kind", "app_mention"][..], vec![ready, stored, done, dead]),
        (&["--state", "dead"], vec![dead]),
        (&["--state", "stored"], vec![stored]),
        (&["--state", "ready"], vec![ready]),
        (&["--user", "U0GRACE"], vec![ready, done]),
        (&["--error", "MODEL DID NOT"], vec![dead]),
        (&["--kind", "app_mention", "--until", "2026-11-20T08:01:30Z"], vec![done, dead]),
        (&["--since", "2026-11-20T08:01:30Z", "--kind", "app_mention"], vec![ready, stored]),
        (&["--kind", "app_mention", "--limit", "2"], vec![ready, stored]),
    ] {
        let ran = fixture.athenaeum(&[&["events", "list", "--json"], filter].concat()).await;
        assert_eq!(ran.code, 0, "{filter:?}: {}", ran.stderr);
        let expected: Vec<i64> = expected.into_iter().map(|id| id.0).collect();
        assert_eq!(ids(&ran.json()), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_listed_event_has_its_documented_shape() {
    let fixture = Fixture::new().await;
    fixture.dead(0).await;
    let ran = fixture.athenaeum(&["events", "list", "--state", "dead", "--json"]).await;
    insta::assert_json_snapshot!("events_list", ran.json(), {
        ".events[].id" => "[id]",
        ".events[].received_at" => "[time]",
        ".events[].ended_at" => "[time]",
    });
    let table = fixture.athenaeum(&["events", "list", "--state", "dead"]).await.stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("ID "), "{table}");
    assert!(lines[1].contains("app_mention") && lines[1].contains("the model did not answer"));
}

#[tokio::test]
async fn nothing_that_matches_ends_with_three() {
    let fixture = Fixture::new().await;
    let ran = fixture.athenaeum(&["events", "list"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    let ran = fixture.athenaeum(&["events", "list", "--json"]).await;
    assert_eq!((ran.code, ids(&ran.json())), (3, Vec::new()));
    let ran = fixture.athenaeum(&["events", "show", "4711", "--json"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    assert!(ran.stderr.contains("4711"));
}

#[tokio::test]
async fn a_shown_event_tells_its_whole_life() {
    let fixture = Fixture::new().await;
    let id = fixture.ended(0, Outcome::Done(Some(reply()))).await.to_string();
    let ran = fixture.athenaeum(&["events", "show", &id, "--raw", "--json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_json_snapshot!("events_show", ran.json(), {
        ".id" => "[id]",
        ".received_at" => "[time]",
        ".correlation_id" => "[id]",
        ".deliveries[]" => "[key]",
        ".attempts[].worker" => "[worker]",
        ".attempts[].started_at" => "[time]",
        ".attempts[].ended_at" => "[time]",
        ".outcomes[].ended_at" => "[time]",
    });
    let page = fixture.athenaeum(&["events", "show", &id]).await.stdout;
    assert!(page.contains("Generation 0 ended as done"), "{page}");
    assert!(page.contains("From the command line [1]"), "{page}");
    assert!(!page.contains("minute"), "the raw bytes are shown only on request: {page}");
}
