//! Streams: their needs, their life, their end.

use serde_json::{Value, json};
use sim::slack::Options;

use crate::desk::{ADA, BOT, Desk, GENERAL, event};

/// A stream that takes chunks of every kind.
async fn start_with_chunks(desk: &Desk, root: &str) -> Value {
    let args = json!({"channel": GENERAL, "thread_ts": root, "recipient_user_id": ADA,
        "recipient_team_id": "T0LOCAL", "chunks": [{"type": "markdown_text", "text": "Once "}]});
    desk.done("chat.startStream", args).await["ts"].clone()
}

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
    let ts = start_with_chunks(&desk, &root).await;
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

#[tokio::test]
async fn a_stream_that_began_with_text_takes_no_chunks() {
    let desk = Desk::start().await;
    let ts = start(&desk, &desk.say("tell me")).await;
    let chunks = json!([{"type": "markdown_text", "text": "upon"}]);
    let append = json!({"channel": GENERAL, "ts": ts, "chunks": chunks});
    desk.refused("streaming_mode_mismatch", "chat.appendStream", append.clone()).await;
    desk.refused("streaming_mode_mismatch", "chat.stopStream", append).await;
    desk.done("chat.stopStream", piece(&ts, "upon")).await;
    let other = start_with_chunks(&desk, &desk.say("tell me")).await;
    desk.done("chat.appendStream", piece(&other, "upon")).await;
}

#[tokio::test]
async fn the_life_of_a_stream_can_be_shortened_for_a_test() {
    let desk = Desk::start().await;
    let long = start(&desk, &desk.say("tell me")).await;
    desk.control.configure(|settings| settings.stream_lifetime_s = 4);
    let short = start(&desk, &desk.say("tell me")).await;
    desk.advance(4);
    desk.refused("message_not_in_streaming_state", "chat.appendStream", piece(&short, "x")).await;
    desk.done("chat.appendStream", piece(&long, "x")).await;
}

#[tokio::test]
async fn each_chunk_has_its_bounds() {
    let desk = Desk::start().await;
    let ts = start_with_chunks(&desk, &desk.say("show your work")).await;
    let append = |chunk: Value| json!({"channel": GENERAL, "ts": ts, "chunks": [chunk]});
    let task = |field: &str, value: Value| {
        let mut task = json!({"type": "task_update", "id": "t", "title": "T", "status": "pending"});
        task[field] = value;
        task
    };
    let source = json!({"type": "url", "url": "https://example.org", "text": "Example"});
    desk.done("chat.appendStream", append(task("sources", json!([source])))).await;
    desk.done("chat.appendStream", append(task("details", json!("x".repeat(256))))).await;
    for wrong in [
        task("title", Value::Null),
        task("status", json!("completed")),
        task("details", json!("x".repeat(257))),
        task("output", json!("x".repeat(257))),
        task("sources", json!([{"url": "https://example.org"}])),
        json!({"type": "plan_update", "title": "x".repeat(257)}),
        json!({"type": "plan_update"}),
        json!({"type": "blocks", "blocks": vec![json!({"type": "divider"}); 51]}),
        json!({"type": "unheard_of"}),
    ] {
        desk.refused("invalid_chunks", "chat.appendStream", append(wrong)).await;
    }
    let text = |count: usize| json!({"type": "markdown_text", "text": "x".repeat(count)});
    desk.done("chat.appendStream", append(text(12_000))).await;
    desk.refused("msg_too_long", "chat.appendStream", append(text(12_001))).await;
    let file = json!({"type": "blocks", "blocks": [{"type": "file"}]});
    desk.refused("internal_error", "chat.appendStream", append(file)).await;
}

#[tokio::test]
async fn a_plan_gathers_its_tasks_under_its_title() {
    let desk = Desk::start().await;
    let root = desk.say("show your work");
    let start = json!({"channel": GENERAL, "thread_ts": root, "recipient_user_id": ADA,
    "recipient_team_id": "T0LOCAL", "task_display_mode": "plan", "chunks": [
        {"type": "plan_update", "title": "First thoughts"},
        {"type": "task_update", "id": "1", "title": "Read", "status": "in_progress"},
        {"type": "task_update", "id": "2", "title": "Write", "status": "pending"},
        {"type": "plan_update", "title": "The plan"},
    ]});
    desk.done("chat.startStream", start).await;
    let said = desk.control.messages(GENERAL, Some(&root)).unwrap();
    let plan = &said[1]["blocks"][0];
    assert_eq!((&plan["type"], &plan["title"]), (&json!("plan"), &json!("The plan")));
    assert_eq!(plan["tasks"][1]["task_id"], "2");
}
