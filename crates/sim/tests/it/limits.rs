//! Limits of size and of rate.

use serde_json::{Value, json};
use sim::slack::Fault;

use crate::desk::{Desk, GENERAL};

#[tokio::test]
async fn each_text_has_its_limit() {
    let desk = Desk::start().await;
    let posted = desk.done("chat.postMessage", json!({"channel": GENERAL, "text": "x"})).await;
    let update = |text: String| json!({"channel": GENERAL, "ts": posted["ts"], "text": text});
    desk.done("chat.update", update("x".repeat(4_000))).await;
    desk.refused("msg_too_long", "chat.update", update("x".repeat(4_001))).await;
    let markdown = |text: String| json!({"channel": GENERAL, "markdown_text": text});
    desk.done("chat.postMessage", markdown("x".repeat(12_000))).await;
    desk.refused("msg_too_long", "chat.postMessage", markdown("x".repeat(12_001))).await;
    let payload = json!({"event_type": "t", "event_payload": {"k": "x".repeat(8_000)}});
    let large = json!({"channel": GENERAL, "text": "x", "metadata": payload});
    desk.refused("metadata_too_large", "chat.postMessage", large).await;
}

#[tokio::test]
async fn a_long_plain_text_is_split_into_several_messages() {
    let desk = Desk::start().await;
    let root = desk.say("tell me everything");
    let text = "x".repeat(9_000);
    let post = json!({"channel": GENERAL, "thread_ts": root, "text": text});
    desk.done("chat.postMessage", post).await;
    let said = desk.control.messages(GENERAL, Some(&root)).unwrap();
    let parts: Vec<&str> = said[1..].iter().map(|m| m["text"].as_str().unwrap()).collect();
    assert_eq!(parts.len(), 3);
    assert_eq!(parts.concat(), text);
}

#[tokio::test]
async fn blocks_that_are_too_long_together_are_refused() {
    let desk = Desk::start().await;
    let post = |texts: &[usize]| {
        let blocks: Vec<Value> = texts
            .iter()
            .map(|count| {
                let text = json!({"type": "mrkdwn", "text": "x".repeat(*count)});
                json!({"type": "section", "text": text})
            })
            .collect();
        json!({"channel": GENERAL, "text": "x", "blocks": blocks})
    };
    desk.done("chat.postMessage", post(&[3_000; 4])).await;
    desk.refused("msg_blocks_too_long", "chat.postMessage", post(&[3_000; 5])).await;
    let markdown = json!(vec![json!({"type": "markdown", "text": "x".repeat(6_001)}); 2]);
    let markdown = json!({"channel": GENERAL, "text": "x", "blocks": markdown});
    desk.refused("msg_blocks_too_long", "chat.postMessage", markdown).await;
}

#[tokio::test]
async fn any_method_may_be_limited() {
    let desk = Desk::start().await;
    for method in ["reactions.add", "conversations.members", "views.publish", "auth.test"] {
        desk.control.fault(Fault::rate_limit("*", 30));
        let answer = desk.request(method, "xoxb-local").json(&json!({})).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"30".parse().unwrap())
        );
    }
}

#[tokio::test]
async fn wrong_blocks_are_refused_with_the_place() {
    let desk = Desk::start().await;
    let post = async |blocks: Value| {
        let args = json!({"channel": GENERAL, "text": "x", "blocks": blocks});
        desk.refused("invalid_blocks", "chat.postMessage", args).await
    };
    let answer = post(json!(vec![json!({"type": "divider"}); 51])).await;
    let message = answer["response_metadata"]["messages"][0].as_str().unwrap().to_owned();
    assert!(message.contains("[json-pointer:/blocks]"), "{message}");
    post(json!([{"type": "section"}])).await;
}

#[tokio::test]
async fn a_channel_takes_a_burst_and_then_a_post_a_second() {
    let desk = Desk::start().await;
    desk.control.configure(|settings| settings.enforce_limits = true);
    let post = async || {
        let request = desk.request("chat.postMessage", "xoxb-local");
        request.json(&json!({"channel": GENERAL, "text": "x"})).send().await.unwrap()
    };
    let mut passed = 0;
    let limited = loop {
        let answer = post().await;
        if answer.status() != 200 {
            break answer;
        }
        passed += 1;
    };
    assert!((1..=10).contains(&passed), "{passed}");
    assert_eq!(limited.status(), 429);
    assert_eq!(limited.headers()["retry-after"], "1");
    let body: Value = limited.json().await.unwrap();
    assert_eq!(body, json!({"ok": false, "error": "ratelimited"}));
    desk.advance(1);
    assert_eq!(post().await.status(), 200);
}
