//! Posting, updating, deleting, reading back.

use serde_json::{Value, json};
use sim::slack::Options;

use crate::desk::{ADA, BOT, Desk, GENERAL};

#[tokio::test]
async fn a_reply_is_found_again_by_its_metadata_and_only_by_those_who_ask() {
    let desk = Desk::start().await;
    let root = desk.say("question");
    let metadata = json!({"event_type": "athenaeum_reply", "event_payload": {"key": "k1"}});
    let post = json!({"channel": GENERAL, "thread_ts": root, "markdown_text": "**yes**",
        "metadata": metadata});
    let posted = desk.done("chat.postMessage", post).await;
    let read = async |all: bool| {
        let args = json!({"channel": GENERAL, "ts": root, "include_all_metadata": all});
        desk.done("conversations.replies", args).await["messages"][1].clone()
    };
    let reply = read(true).await;
    assert_eq!((&reply["ts"], &reply["metadata"]), (&posted["ts"], &metadata));
    assert_eq!((&reply["bot_id"], &reply["app_id"]), (&json!("B0ATHENA"), &json!("A0ATHENA")));
    assert_eq!(reply["parent_user_id"], ADA);
    assert!(read(false).await.get("metadata").is_none());
}

#[tokio::test]
async fn every_page_of_a_thread_begins_with_its_root() {
    let desk = Desk::start().await;
    let root = desk.say("root");
    let said: Vec<String> =
        (0..5).map(|n| desk.control.reply(GENERAL, ADA, &root, &n.to_string()).unwrap()).collect();
    let mut read: Vec<Value> = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let args = json!({"channel": GENERAL, "ts": root, "limit": 3, "cursor": cursor});
        let page = desk.done("conversations.replies", args).await;
        let messages = page["messages"].as_array().unwrap();
        assert_eq!(messages[0]["ts"], json!(root));
        assert!(messages.len() <= 3);
        read.extend(messages[1..].iter().map(|message| message["ts"].clone()));
        cursor = page["response_metadata"]["next_cursor"].clone();
        assert_eq!(page["has_more"], json!(!cursor.is_null()));
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(json!(read), json!(said));
}

#[tokio::test]
async fn history_is_paged_from_the_newest_and_leaves_replies_out() {
    let desk = Desk::start().await;
    let said: Vec<String> = (0..5).map(|n| desk.say(&n.to_string())).collect();
    desk.control.reply(GENERAL, ADA, &said[0], "a reply").unwrap();
    let page = async |args: Value| desk.done("conversations.history", args).await;
    let texts = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap();
        messages.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    };
    let first = page(json!({"channel": GENERAL, "limit": 3})).await;
    assert_eq!(texts(&first), ["4", "3", "2"]);
    let cursor = &first["response_metadata"]["next_cursor"];
    let second = page(json!({"channel": GENERAL, "limit": 3, "cursor": cursor})).await;
    assert_eq!(texts(&second), ["1", "0"]);
    assert_eq!((&first["has_more"], &second["has_more"]), (&json!(true), &json!(false)));
    let between = json!({"channel": GENERAL, "oldest": said[1], "latest": said[3]});
    assert_eq!(texts(&page(between).await), ["2"]);
}

#[tokio::test]
async fn history_may_lag_behind() {
    let desk = Desk::start().await;
    desk.control.configure(|settings| settings.history_lag_s = 5);
    let root = desk.say("old");
    desk.advance(10);
    desk.control.reply(GENERAL, ADA, &root, "young").unwrap();
    let read = async || {
        let args = json!({"channel": GENERAL, "ts": root});
        desk.done("conversations.replies", args).await["messages"].as_array().unwrap().len()
    };
    assert_eq!(read().await, 1);
    desk.advance(6);
    assert_eq!(read().await, 2);
}

#[tokio::test]
async fn only_the_bots_own_messages_can_be_changed() {
    let desk = Desk::start().await;
    let theirs = json!({"channel": GENERAL, "ts": desk.say("mine"), "text": "x"});
    desk.refused("cant_update_message", "chat.update", theirs.clone()).await;
    desk.refused("cant_delete_message", "chat.delete", theirs).await;
    let posted = desk.done("chat.postMessage", json!({"channel": GENERAL, "text": "a"})).await;
    let ours = json!({"channel": GENERAL, "ts": posted["ts"], "text": "b"});
    let updated = desk.done("chat.update", ours.clone()).await;
    assert_eq!(updated["message"]["edited"]["user"], BOT);
    desk.done("chat.delete", ours.clone()).await;
    desk.refused("message_not_found", "chat.delete", ours).await;
}

#[tokio::test]
async fn the_root_of_a_thread_leaves_a_tombstone() {
    let desk = Desk::start().await;
    let root = desk.say("root");
    let reply = desk.control.reply(GENERAL, ADA, &root, "reply").unwrap();
    desk.control.delete(GENERAL, &root).unwrap();
    let left = desk.control.messages(GENERAL, Some(&root)).unwrap();
    assert_eq!(left[0]["subtype"], "tombstone");
    assert_eq!(left[1]["ts"], json!(reply));
}

#[tokio::test]
async fn a_message_needs_a_channel_a_thread_and_something_to_say() {
    let desk = Desk::start().await;
    let post = async |code: &str, args: Value| {
        desk.refused(code, "chat.postMessage", args).await;
    };
    post("channel_not_found", json!({"channel": "C0NOWHERE", "text": "x"})).await;
    post("not_in_channel", json!({"channel": "C0LOUNGE", "text": "x"})).await;
    post("no_text", json!({"channel": GENERAL})).await;
    post("invalid_thread_ts", json!({"channel": GENERAL, "text": "x", "thread_ts": "soon"})).await;
    post("thread_not_found", json!({"channel": GENERAL, "text": "x", "thread_ts": "1.5"})).await;
    let both = json!({"channel": GENERAL, "text": "x", "markdown_text": "x"});
    post("markdown_text_conflict", both).await;
    let metadata = json!({"channel": GENERAL, "text": "x", "metadata": {"event_type": "t"}});
    post("invalid_metadata_schema", metadata).await;
}

#[tokio::test]
async fn a_channel_forgets_its_oldest_messages_beyond_the_bound() {
    let desk = Desk::with(Options { channel_messages_max: 3, ..Options::default() }).await;
    let said: Vec<String> = (0..5).map(|n| desk.say(&n.to_string())).collect();
    let kept = desk.control.messages(GENERAL, None).unwrap();
    let kept: Vec<&Value> = kept.iter().map(|message| &message["ts"]).collect();
    assert_eq!(json!(kept), json!(said[2..]));
}
