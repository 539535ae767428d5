//! The HTTP Events API: only what Slack signed comes in, and it is answered once it is durable.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::rig::{Rig, SIGNING_SECRET};

const EVENTS: &str = "SELECT count(*) FROM events";
const JOBS: &str = "SELECT count(*) FROM jobs";

#[tokio::test]
async fn mentions_presses_and_commands_come_as_requests_without_any_socket() {
    let rig = Rig::start_with_requests().await;
    let ts = rig.mention("how are failed events replayed?").await;
    rig.until_acks(2).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1), "twins make one job");
    let command =
        json!({"channel": "C0GENERAL", "user": "U0ADA", "command": "/athenaeum", "text": "a b"});
    rig.control("command", &command).await;
    rig.until_acks(3).await;
    let kinds: Vec<String> = sqlx::query_scalar("SELECT kind FROM events ORDER BY kind")
        .fetch_all(&rig.pool)
        .await
        .unwrap();
    assert!(kinds.contains(&"slash_command".to_owned()), "{kinds:?}");
    let raw: Vec<u8> = sqlx::query_scalar("SELECT raw FROM events WHERE kind <> 'slash_command'")
        .fetch_one(&rig.pool)
        .await
        .unwrap();
    let bot = slack::Identity { user_id: "U0ATHENA".to_owned(), ..slack::Identity::default() };
    assert_eq!(
        slack::Mention::read(&raw, &bot).unwrap().ts,
        ts,
        "a worker can read what is stored"
    );
    assert_eq!(rig.ready().await.0, 200, "no socket is missed");
    rig.stop().await;
}

#[tokio::test]
async fn in21_a_request_that_slack_sends_again_is_stored_once() {
    let rig = Rig::start_with_requests().await;
    rig.control("sockets", &json!({"action": "lose_acks", "count": 2})).await;
    rig.mention("hello").await;
    rig.until("two answers into the void", async || {
        rig.journal("ack").await.iter().filter(|ack| ack["result"] == "lost").count() == 2
    })
    .await;
    rig.control("clock", &json!({"advance_s": 4})).await;
    rig.until_acks(2).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1));
    rig.stop().await;
}

#[tokio::test]
async fn in21_only_what_slack_signed_within_five_minutes_comes_in() {
    let rig = Rig::start_with_requests().await;
    let (body, now) = (event("Ev1"), now());
    let right = signature(SIGNING_SECRET, now, &body);
    let cases = [
        (None, now, 401),
        (Some(signature("another secret", now, &body)), now, 401),
        (Some(signature(SIGNING_SECRET, now, "another body")), now, 401),
        (Some(right.clone()), now - 1, 401),
        (Some(signature(SIGNING_SECRET, now - 301, &body)), now - 301, 401),
        (Some(signature(SIGNING_SECRET, now + 400, &body)), now + 400, 401),
    ];
    for (signature, timestamp, status) in cases {
        let answer = post(&rig, &body, signature.as_deref(), timestamp).await;
        assert_eq!(answer.0, status, "{}", answer.1);
        assert!(answer.1.starts_with("expected "), "{}", answer.1);
    }
    assert_eq!(rig.count(EVENTS).await, 0);
    assert_eq!(post(&rig, &body, Some(&right), now).await.0, 200);
    assert_eq!(rig.count(EVENTS).await, 1);
    rig.stop().await;
}

#[tokio::test]
async fn a_captured_request_does_nothing_more_even_when_its_event_is_forgotten() {
    let rig = Rig::start_with_requests().await;
    let (body, now) = (event("Ev1"), now());
    let signature = signature(SIGNING_SECRET, now, &body);
    assert_eq!(post(&rig, &body, Some(&signature), now).await.0, 200);
    sqlx::query("TRUNCATE events, deliveries, jobs").execute(&rig.pool).await.unwrap();
    assert_eq!(post(&rig, &body, Some(&signature), now).await.0, 200);
    assert_eq!(rig.count(EVENTS).await, 0);
    rig.stop().await;
}

#[tokio::test]
async fn a_request_that_cannot_be_stored_is_refused_and_taken_when_it_comes_again() {
    let rig = Rig::start_with_requests().await;
    let mut holding = rig.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE deliveries IN SHARE MODE").execute(&mut *holding).await.unwrap();
    let (body, now) = (event("Ev1"), now());
    let signature = signature(SIGNING_SECRET, now, &body);
    assert_eq!(post(&rig, &body, Some(&signature), now).await.0, 503);
    holding.rollback().await.unwrap();
    assert_eq!(post(&rig, &body, Some(&signature), now).await.0, 200);
    assert_eq!(rig.count(EVENTS).await, 1);
    rig.stop().await;
}

#[tokio::test]
async fn the_first_call_of_a_request_url_is_answered_with_its_challenge() {
    let rig = Rig::start_with_requests().await;
    let (body, now) = (r#"{"type":"url_verification","challenge":"3eZbrw1a"}"#, now());
    let signature = signature(SIGNING_SECRET, now, body);
    let answer = post(&rig, body, Some(&signature), now).await;
    assert_eq!(answer, (200, "3eZbrw1a".to_owned()));
    assert_eq!(rig.count(EVENTS).await, 0);
    rig.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_event_disturbs_nobody() {
    let rig = Rig::start_with_requests().await;
    let now = now();
    let large = " ".repeat(5 * 1024 * 1024);
    let signed = |body: &str| signature(SIGNING_SECRET, now, body);
    assert_eq!(post(&rig, &large, Some(&signed(&large)), now).await.0, 413);
    for nonsense in ["", "hello", "{", "payload=%5B"] {
        let answer = post(&rig, nonsense, Some(&signed(nonsense)), now).await;
        assert_eq!(answer.0, 200, "kept with its bytes: {nonsense}");
    }
    let quarantined = "SELECT count(*) FROM events WHERE quarantine_reason IS NOT NULL";
    assert_eq!(rig.count(quarantined).await, 4);
    rig.mention("still there?").await;
    rig.until_count(JOBS, 1).await;
    rig.stop().await;
}

fn event(id: &str) -> String {
    json!({"type": "event_callback", "team_id": "T0LOCAL", "event_id": id, "event": {
        "type": "app_mention", "user": "U0ADA", "channel": "C0GENERAL", "text": "<@U0ATHENA> hello",
        "ts": "1700000000.000001", "event_ts": "1700000000.000001"}})
    .to_string()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn signature(secret: &str, timestamp: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    format!("v0={:x}", mac.finalize().into_bytes())
}

/// The status and the text of the answer.
async fn post(rig: &Rig, body: &str, signature: Option<&str>, timestamp: u64) -> (u16, String) {
    let request = reqwest::Client::new()
        .post(format!("http://{}/slack/events", rig.requests.unwrap()))
        .header("x-slack-request-timestamp", timestamp)
        .timeout(Duration::from_secs(20))
        .body(body.to_owned());
    let request = match signature {
        Some(signature) => request.header("x-slack-signature", signature),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
