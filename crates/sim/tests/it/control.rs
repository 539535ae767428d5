//! Faults, the control API over HTTP, the feed, the data file.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use sim::slack::{Fault, FaultKind, Options};

use crate::desk::{ADA, DEADLINE, Desk, GENERAL};

fn hello() -> Value {
    json!({"channel": GENERAL, "text": "hello"})
}

fn said(desk: &Desk) -> usize {
    desk.control.messages(GENERAL, None).unwrap().len()
}

#[tokio::test]
async fn each_fault_hits_as_often_as_it_was_told_and_only_its_method() {
    let desk = Desk::start().await;
    desk.control.fault(Fault::rate_limit("chat.postMessage", 7).times(2));
    for _ in 0..2 {
        desk.done("auth.test", json!({})).await;
        let request = desk.request("chat.postMessage", "xoxb-local").json(&hello());
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["retry-after"]),
            (429, &"7".parse().unwrap())
        );
    }
    assert_eq!(said(&desk), 0);
    desk.done("chat.postMessage", hello()).await;
    desk.control.fault(Fault::error("*", "fatal_error"));
    desk.refused("fatal_error", "chat.postMessage", hello()).await;
    assert_eq!(said(&desk), 1);
}

#[tokio::test]
async fn a_call_may_be_applied_although_it_fails() {
    let desk = Desk::start().await;
    desk.control.fault(Fault::error_after_applying("chat.postMessage"));
    let post = async || desk.request("chat.postMessage", "xoxb-local").json(&hello()).send().await;
    assert_eq!(post().await.unwrap().status(), 500);
    assert_eq!(said(&desk), 1);
    desk.control.fault(Fault::cut_after_applying("chat.postMessage"));
    let cut = match post().await {
        Ok(answer) => answer.bytes().await.is_err(),
        Err(_) => true,
    };
    assert!(cut, "the answer broke off");
    assert_eq!(said(&desk), 2);
    assert_eq!(desk.control.applied("chat.postMessage").len(), 2);
}

#[tokio::test]
async fn a_delay_comes_before_or_after_the_call_is_applied() {
    let desk = Desk::start().await;
    let delay = Duration::from_millis(50);
    desk.control.fault(Fault::delay("chat.postMessage", delay));
    let begun = Instant::now();
    desk.done("chat.postMessage", hello()).await;
    assert!(begun.elapsed() >= delay);
    let after = FaultKind::DelayAfterApplying { delay_ms: 60_000 };
    desk.control.fault(Fault { method: "chat.postMessage".into(), what: after, count: 1 });
    let call = tokio::spawn(desk.request("chat.postMessage", "xoxb-local").json(&hello()).send());
    let applied = tokio::time::timeout(DEADLINE, async {
        while said(&desk) < 2 {
            tokio::task::yield_now().await;
        }
    });
    applied.await.unwrap();
    assert!(!call.is_finished());
    call.abort();
}

#[tokio::test]
async fn everything_can_be_done_over_http() {
    let desk = Desk::start().await;
    let at = |path: &str| format!("{}sim/{path}", desk.slack.page_url());
    let post = async |path: &str, body: Value| -> (u16, Value) {
        let answer = desk.http.post(at(path)).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    };
    let (_, sent) = post("messages", json!({"channel": GENERAL, "user": ADA, "text": "hi"})).await;
    let ts = sent["ts"].as_str().unwrap();
    let found = desk.http.get(at(&format!("messages?channel={GENERAL}&thread_ts={ts}")));
    let found: Value = found.send().await.unwrap().json().await.unwrap();
    assert_eq!(found["messages"][0]["text"], "hi");
    let session = json!({"channel_id": GENERAL, "thread_ts": ts, "status": "processing"});
    desk.done("agents.sessions.setStatus", session).await;
    for (path, body) in [
        ("edit", json!({"channel": GENERAL, "ts": ts, "text": "ho"})),
        ("react", json!({"channel": GENERAL, "ts": ts, "user": ADA, "name": "tada"})),
        ("faults", json!({"method": "auth.test", "fault": "rate_limit", "count": 1})),
        ("faults", json!({"method": "auth.test", "fault": "error_after_applying"})),
        (
            "faults",
            json!({"method": "auth.test", "fault": "leave_afterwards", "channel": GENERAL,
                "user": ADA}),
        ),
        ("title", json!({"channel": GENERAL, "thread_ts": ts, "user": ADA, "title": "Mine"})),
        ("sockets", json!({"action": "disconnect", "reason": "refresh_requested"})),
        ("sockets", json!({"action": "half_open"})),
        ("raw", json!({"frame": {"type": "unheard-of"}})),
        ("clock", json!({"advance_s": 60})),
        ("settings", json!({"history_lag_s": 2})),
        ("command", json!({"channel": GENERAL, "user": ADA, "command": "/x"})),
        ("home", json!({"user": ADA})),
        ("stop", json!({"channel": GENERAL, "thread_ts": ts, "user": ADA})),
        ("unfurl", json!({"channel": GENERAL, "ts": ts, "link": "https://example.org"})),
        ("users", json!({"name": "visitor", "guest": "single_channel", "tz": ["UTC", 0]})),
        ("channels", json!({"name": "both", "members": [ADA], "shared_with": ["T0PARTNER"]})),
        ("channels", json!({"group": true, "members": [ADA, "U0GRACE"]})),
        ("members", json!({"channel": "C0LOUNGE", "user": "U0ATHENA", "inviter": ADA})),
        ("members", json!({"channel": "C0LOUNGE", "user": ADA, "leave": true})),
        ("usergroups", json!({"handle": "librarians", "users": [ADA]})),
        ("events", json!({"event": {"type": "app_context_changed"}})),
        ("delete", json!({"channel": GENERAL, "ts": ts})),
    ] {
        let (status, answer) = post(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let (status, answer) = post("edit", json!({"channel": GENERAL, "ts": "1.0", "text": ""})).await;
    assert_eq!((status, answer["error"].is_string()), (400, true));
    let state: Value = desk.http.get(at("state")).send().await.unwrap().json().await.unwrap();
    assert_eq!(state["settings"]["history_lag_s"], 2);
    assert_eq!(state["faults"].as_array().unwrap().len(), 3);
    let journal: Value = desk.http.get(at("journal")).send().await.unwrap().json().await.unwrap();
    assert!(journal["entries"].as_array().unwrap().iter().any(|e| e["kind"] == "waits"));
}

#[tokio::test]
async fn the_feed_tells_every_change() {
    let desk = Desk::start().await;
    let url = format!("{}sim/feed", desk.slack.page_url());
    let mut feed = desk.http.get(url).send().await.unwrap().bytes_stream();
    let root = desk.say("question");
    let status = json!({"channel_id": GENERAL, "thread_ts": root, "status": "is thinking…"});
    desk.done("assistant.threads.setStatus", status).await;
    let reply = json!({"channel": GENERAL, "thread_ts": root, "text": "answer"});
    desk.done("chat.postMessage", reply).await;
    let mut heard = String::new();
    let reading = tokio::time::timeout(DEADLINE, async {
        while heard.matches("\"type\":\"status\"").count() < 2 {
            heard.push_str(&String::from_utf8_lossy(&feed.next().await.unwrap().unwrap()));
        }
    });
    reading.await.unwrap();
    for part in ["question", "is thinking…", "answer", "message_changed"] {
        assert!(heard.contains(part), "{part} is not in {heard}");
    }
}

#[tokio::test]
async fn the_data_file_brings_messages_back_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("sim-it-{}", std::process::id()));
    let file = folder.join("slack.json");
    let options = || Options { data_file: Some(file.clone()), ..Options::default() };
    let desk = Desk::with(options()).await;
    let root = desk.say("still here");
    let reply = json!({"channel": GENERAL, "thread_ts": root, "text": "yes"});
    desk.done("chat.postMessage", reply).await;
    let before = desk.control.messages(GENERAL, Some(&root)).unwrap();
    desk.slack.stop().await;
    let desk = Desk::with(options()).await;
    assert_eq!(desk.control.messages(GENERAL, Some(&root)).unwrap(), before);
    assert!(desk.say("later") > root);
    desk.slack.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
