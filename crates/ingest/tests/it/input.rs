//! What comes in is stored once, whatever it is, and acknowledged.

use event::limits::{RAW_BYTES_MAX, RAW_HEAD_BYTES};
use serde_json::{Value, json};
use sqlx::Row;

use crate::rig::Rig;

const EVENTS: &str = "SELECT count(*) FROM events";
const JOBS: &str = "SELECT count(*) FROM jobs";
const QUARANTINED: &str = "SELECT count(*) FROM events WHERE quarantine_reason IS NOT NULL";

#[tokio::test]
async fn in8_twins_make_one_event_and_one_job_in_either_order() {
    for order in ["message_first", "mention_first"] {
        let rig = Rig::start().await;
        rig.control("settings", &json!({"mention_order": order})).await;
        rig.mention("how are failed events replayed?").await;
        rig.until_acks(2).await;
        assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1), "{order}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn a_redelivery_is_stored_once() {
    let rig = Rig::start().await;
    rig.control("sockets", &json!({"action": "lose_acks", "count": 2})).await;
    rig.mention("hello").await;
    rig.until("two acknowledgements into the void", async || {
        rig.journal("ack").await.iter().filter(|ack| ack["result"] == "lost").count() == 2
    })
    .await;
    rig.control("clock", &json!({"advance_s": 4})).await;
    rig.until_acks(2).await;
    assert_eq!(rig.journal("envelope").await.len(), 4);
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1));
    rig.stop().await;
}

#[tokio::test]
async fn a_direct_message_is_owed_an_answer_and_the_bots_own_words_are_not() {
    let rig = Rig::start().await;
    rig.say("D0ADA", "hello").await;
    rig.until_acks(1).await;
    assert_eq!(rig.count(JOBS).await, 1);
    let api = slack::Api::new(slack::ApiOptions::new(&rig.slack.api_url(), "xoxb-local".into()));
    let post = slack::Post {
        channel: "D0ADA".to_owned(),
        thread_ts: None,
        content: slack::Content::markdown("hello <@U0ATHENA>", None),
    };
    api.unwrap().post_message(&post).await.unwrap();
    rig.until_acks(2).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (2, 1));
    rig.stop().await;
}

#[tokio::test]
async fn what_nobody_here_knows_is_stored_acknowledged_and_not_answered() {
    let rig = Rig::start().await;
    let unknown_event = json!({"envelope_id": "e1", "type": "events_api", "payload": {
        "type": "event_callback", "team_id": "T0LOCAL", "event_id": "Ev1",
        "event": {"type": "novelty", "user": "U0ADA", "event_ts": "1700000000.000001"}}});
    let unknown_envelope = json!({"envelope_id": "e2", "type": "novelty", "payload": {"a": 1}});
    let press = json!({"envelope_id": "e3", "type": "interactive", "payload": {
        "type": "block_actions", "trigger_id": "1.2", "user": {"id": "U0ADA"}}});
    let submission = json!({"envelope_id": "e4", "type": "interactive", "payload": {
        "type": "view_submission", "trigger_id": "1.3", "user": {"id": "U0ADA"}}});
    for frame in [unknown_event, unknown_envelope, press, submission] {
        send(&rig, &frame.to_string()).await;
    }
    rig.until("four acknowledgements", async || acked(&rig).await == ["e1", "e2", "e3", "e4"])
        .await;
    let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM events ORDER BY kind")
        .fetch_all(&rig.pool)
        .await
        .unwrap();
    assert_eq!(kinds, ["block_actions", "novelty", "novelty", "view_submission"]);
    assert_eq!((rig.count(JOBS).await, rig.count(QUARANTINED).await), (0, 0));
    rig.stop().await;
}

#[tokio::test]
async fn what_people_do_beside_talking_is_owed_work_in_no_lane_once_it_is_committed() {
    let rig = Rig::start().await;
    let command =
        json!({"channel": "C0GENERAL", "user": "U0ADA", "command": "/athenaeum", "text": "status"});
    rig.control("command", &command).await;
    rig.until_acks(1).await;
    let press = json!({"envelope_id": "e1", "type": "interactive", "payload": {
        "type": "block_actions", "trigger_id": "1.2", "user": {"id": "U0ADA"},
        "actions": [{"type": "feedback_buttons", "action_id": "rate", "value": "up"}]}});
    let reaction = json!({"envelope_id": "e2", "type": "events_api", "payload": {
        "type": "event_callback", "team_id": "T0LOCAL", "event_id": "Ev1", "event": {
            "type": "reaction_added", "user": "U0ADA", "reaction": "-1", "item_user": "U0ATHENA",
            "item": {"type": "message", "channel": "C0GENERAL", "ts": "1700000000.000001"},
            "event_ts": "1700000000.000002"}}});
    for frame in [press, reaction] {
        send(&rig, &frame.to_string()).await;
    }
    let urgent = "SELECT count(*) FROM jobs WHERE lane IS NULL AND priority = -1";
    rig.until_count(urgent, 3).await;
    let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM jobs ORDER BY kind")
        .fetch_all(&rig.pool)
        .await
        .unwrap();
    assert_eq!(kinds, ["feedback", "reaction_added", "slash_command"]);
    rig.stop().await;
}

#[tokio::test]
async fn in11_malformed_frames_are_quarantined_and_disturb_nobody() {
    let rig = Rig::start().await;
    let cut = r#"{"envelope_id":"cut","type":"events_api","payload":{"event":{"text":"abc"#;
    let frames = [
        cut,
        "not json",
        "[]",
        r#"{"type":"events_api","payload":{}}"#,
        r#"{"envelope_id":"empty","type":"events_api","payload":null}"#,
        "",
    ];
    for frame in frames {
        send(&rig, frame).await;
    }
    rig.mention("still there?").await;
    rig.until_acks(2).await;
    rig.until_count(QUARANTINED, 6).await;
    assert_eq!(rig.count(JOBS).await, 1);
    rig.until("their acknowledgements", async || {
        let acked = acked(&rig).await;
        acked.contains(&"cut".to_owned()) && acked.contains(&"empty".to_owned())
    })
    .await;
    let raw: Vec<u8> = sqlx::query_scalar("SELECT raw FROM events WHERE raw_bytes = $1")
        .bind(i64::try_from(cut.len()).unwrap())
        .fetch_one(&rig.pool)
        .await
        .unwrap();
    assert_eq!(raw, cut.as_bytes(), "the bytes are kept as they came");
    let reasons: Vec<String> =
        sqlx::query_scalar("SELECT quarantine_reason FROM events WHERE kind = 'unreadable'")
            .fetch_all(&rig.pool)
            .await
            .unwrap();
    assert!(reasons.iter().all(|reason| reason.contains("expected")), "{reasons:?}");
    rig.stop().await;
}

#[tokio::test]
async fn in12_text_that_postgres_cannot_hold_is_stored_raw_and_owed_an_answer() {
    let rig = Rig::start().await;
    let frame = mention_frame("Ev1", r"<@U0ATHENA> a\u0000b\ud800c");
    send(&rig, &frame).await;
    rig.until_count(JOBS, 1).await;
    let raw: Vec<u8> =
        sqlx::query_scalar("SELECT raw FROM events").fetch_one(&rig.pool).await.unwrap();
    assert_eq!(raw, frame.as_bytes());
    rig.stop().await;
}

#[tokio::test]
async fn in14_a_megabyte_works_and_above_the_limit_head_and_hash_are_kept() {
    let rig = Rig::start().await;
    send(&rig, &mention_frame("Ev1", &"x".repeat(1_000_000))).await;
    rig.until_count(JOBS, 1).await;
    let large = mention_frame("Ev2", &"x".repeat(RAW_BYTES_MAX));
    send(&rig, &large).await;
    rig.until_count(QUARANTINED, 1).await;
    rig.until("its acknowledgement", async || acked(&rig).await.contains(&"env-Ev2".to_owned()))
        .await;
    let row =
        sqlx::query("SELECT raw, raw_bytes, raw_sha256 FROM events WHERE raw_sha256 IS NOT NULL")
            .fetch_one(&rig.pool)
            .await
            .unwrap();
    let (head, full): (Vec<u8>, i64) = (row.get("raw"), row.get("raw_bytes"));
    assert_eq!(head, &large.as_bytes()[..RAW_HEAD_BYTES]);
    assert_eq!(usize::try_from(full).unwrap(), large.len());
    assert_eq!(row.get::<Vec<u8>, _>("raw_sha256").len(), 32);
    assert_eq!(rig.count(JOBS).await, 1);
    rig.stop().await;
}

/// Sends a frame as it is.
async fn send(rig: &Rig, frame: &str) {
    rig.control("raw", &json!({"frame": frame})).await;
}

/// The envelope ids of all acknowledgements, sorted.
async fn acked(rig: &Rig) -> Vec<String> {
    let acks = rig.journal("ack").await;
    let id = |ack: &Value| ack["envelope_id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = acks.iter().map(id).collect();
    ids.sort();
    ids
}

/// A mention whose text is already JSON-escaped.
fn mention_frame(event_id: &str, text: &str) -> String {
    format!(
        r#"{{"envelope_id":"env-{event_id}","type":"events_api","payload":{{"type":"event_callback","team_id":"T0LOCAL","event_id":"{event_id}","event":{{"type":"app_mention","channel":"C0GENERAL","user":"U0ADA","ts":"1700000000.0000{:02}","event_ts":"1700000000.000001","text":"{text}"}}}}}}"#,
        event_id.len() + usize::from(event_id.ends_with('2')),
    )
}
