//! Streams: their needs, their life, their end.

use serde_json::{Value, json};
use sim::slack::Options;

use crate::desk::{ADA, BOT, Desk, GENERAL, event};

async fn start(desk: &Desk, root: &str) -> Value {
    let args = json!({"channel": GENERAL, "thread_ts": root, "recipient_user_id": ADA,
        "recipient_team_id": "T0LOCAL", "markdown_text": "Once "});
    desk.done("chat.startStream", args).await["ts"].clone()
}

fn piece(ts: &Value, text: &str) -> Value {
    json!({"channel": GENERAL, "ts": ts, "markdown_text": text})
}

#[tokio::test]
async fn a_stream_grows_and_ends_with_its_metadata() {
    let desk = Desk::start().await;
    let root = desk.say("tell me");
    let ts = start(&desk, &root).await;
    desk.done("chat.appendStream", piece(&ts, "upon ")).await;
    desk.refused("streaming_state_conflict", "chat.update", piece(&ts, "no")).await;
    let mut last = piece(&ts, "a time");
    last["metadata"] = json!({"event_type": "t", "event_payload": {"key": "k"}});
    desk.done("chat.stopStream", last).await;
    let said = desk.control.messages(GENERAL, Some(&root)).unwrap();
    assert_eq!(said[1]["text"], "Once upon a time");
    assert_eq!(said[1]["streaming_state"], "completed");
    assert_eq!(said[1]["metadata"]["event_payload"]["key"], "k");
    let late = piece(&ts, "more");
    desk.refused("message_not_in_streaming_state", "chat.appendStream", late).await;
}

#[tokio::test]
async fn a_stream_dies_after_five_minutes_however_often_it_is_fed() {
    let desk = Desk::start().await;
    let ts = start(&desk, &desk.say("tell me")).await;
    for _ in 0..4 {
        desk.advance(70);
        desk.done("chat.appendStream", piece(&ts, "more")).await;
    }
    desk.advance(20);
    let late = piece(&ts, "late");
    desk.refused("message_not_in_streaming_state", "chat.appendStream", late.clone()).await;
    desk.refused("message_not_in_streaming_state", "chat.stopStream", late).await;
    desk.done("chat.update", json!({"channel": GENERAL, "ts": ts, "text": "so be it"})).await;
}

#[tokio::test]
async fn a_stream_in_a_channel_needs_a_thread_and_a_recipient() {
    let desk = Desk::start().await;
    let root = desk.say("tell me");
    let whole = json!({"channel": GENERAL, "thread_ts": root, "recipient_user_id": ADA,
        "recipient_team_id": "T0LOCAL"});
    for (missing, code) in [
        ("thread_ts", "invalid_thread_ts"),
        ("recipient_user_id", "missing_recipient_user_id"),
        ("recipient_team_id", "missing_recipient_team_id"),
    ] {
        let mut args = whole.clone();
        args.as_object_mut().unwrap().remove(missing);
        desk.refused(code, "chat.startStream", args).await;
    }
    let dm = desk.control.say("D0ADA", ADA, "tell me").unwrap();
    desk.done("chat.startStream", json!({"channel": "D0ADA", "thread_ts": dm})).await;
}

#[tokio::test]
async fn the_stop_button_ends_the_stream_and_tells_the_app() {
    let mut options = Options::default();
    options.settings.subscriptions = ["agent_session_stopped".to_owned()].into();
    let desk = Desk::with(options).await;
    let mut socket = desk.socket().await;
    let root = desk.say("tell me");
    let ts = start(&desk, &root).await;
    desk.control.stop_session(GENERAL, &root, ADA).unwrap();
    let stopped = socket.frame().await;
    let stopped = event(&stopped);
    assert_eq!((&stopped["user"], &stopped["thread_ts"]), (&json!(ADA), &json!(root)));
    assert_eq!(stopped["streaming_message_ts"], json!([ts]));
    desk.refused("stopped_by_user", "chat.appendStream", piece(&ts, "more")).await;
}

#[tokio::test]
async fn tasks_become_cards_and_wrong_ones_are_refused() {
    let desk = Desk::start().await;
    let root = desk.say("show your work");
    let ts = start(&desk, &root).await;
    let chunk = |status: &str, details: &str| {
        let task = json!({"type": "task_update", "id": "t1", "title": "Search", "status": status,
            "details": details});
        json!({"channel": GENERAL, "ts": ts, "chunks": [task]})
    };
    desk.done("chat.appendStream", chunk("in_progress", "one ")).await;
    desk.done("chat.appendStream", chunk("complete", "two")).await;
    desk.refused("invalid_chunks", "chat.appendStream", chunk("completed", "")).await;
    let said = desk.control.messages(GENERAL, Some(&root)).unwrap();
    assert_eq!(said[1]["user"], BOT);
    let card = &said[1]["blocks"][0];
    assert_eq!((&card["type"], &card["task_id"]), (&json!("task_card"), &json!("t1")));
    assert_eq!((&card["status"], &card["details"]), (&json!("complete"), &json!("one two")));
}
