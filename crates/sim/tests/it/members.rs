//! Who is in a channel, at that moment, and what the app hears when it changes.

use serde_json::{Value, json};
use sim::slack::{ControlError, Fault, Place};

use crate::desk::{ADA, BOT, Desk, GENERAL, GRACE, event};

async fn members(desk: &Desk, channel: &str) -> Vec<Value> {
    let answer = desk.done("conversations.members", json!({"channel": channel})).await;
    answer["members"].as_array().unwrap().clone()
}

#[tokio::test]
async fn who_leaves_and_comes_back_is_told_and_no_member_in_between() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    assert!(desk.control.leave(GENERAL, GRACE).unwrap());
    assert!(!desk.control.leave(GENERAL, GRACE).unwrap());
    let note = socket.frame().await;
    assert_eq!(event(&note)["subtype"], "channel_leave");
    let left = socket.frame().await;
    assert_eq!(event(&left)["type"], "member_left_channel");
    assert_eq!((&event(&left)["user"], &event(&left)["channel"]), (&json!(GRACE), &json!(GENERAL)));
    assert!(!members(&desk, GENERAL).await.contains(&json!(GRACE)));
    assert!(matches!(desk.control.say(GENERAL, GRACE, "hi"), Err(ControlError::NotMember { .. })));
    desk.control.join(GENERAL, GRACE, Some(ADA)).unwrap();
    let note = socket.frame().await;
    assert_eq!(event(&note)["subtype"], "channel_join");
    assert_eq!(event(&note)["text"], format!("<@{GRACE}> has joined the channel"));
    let joined = socket.frame().await;
    assert_eq!(event(&joined)["type"], "member_joined_channel");
    assert_eq!((&event(&joined)["user"], &event(&joined)["inviter"]), (&json!(GRACE), &json!(ADA)));
    assert!(members(&desk, GENERAL).await.contains(&json!(GRACE)));
}

#[tokio::test]
async fn somebody_may_leave_between_the_answer_and_what_follows_from_it() {
    let desk = Desk::start().await;
    desk.control.fault(Fault::leave_afterwards("conversations.members", GENERAL, GRACE));
    assert!(members(&desk, GENERAL).await.contains(&json!(GRACE)));
    let shown = json!({"channel": GENERAL, "user": GRACE, "text": "for you alone"});
    desk.refused("user_not_in_channel", "chat.postEphemeral", shown).await;
    assert!(!members(&desk, GENERAL).await.contains(&json!(GRACE)));
}

#[tokio::test]
async fn the_bot_may_be_taken_out_between_read_and_post() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let root = desk.say("question");
    socket.frame().await;
    desk.control.fault(Fault::leave_afterwards("conversations.replies", GENERAL, BOT));
    desk.done("conversations.replies", json!({"channel": GENERAL, "ts": root})).await;
    let reply = json!({"channel": GENERAL, "thread_ts": root, "text": "answer"});
    desk.refused("not_in_channel", "chat.postMessage", reply).await;
    let left = socket.frame().await;
    assert_eq!(event(&left)["type"], "channel_left");
    assert_eq!(event(&left)["channel"], GENERAL);
}

#[tokio::test]
async fn the_bot_hears_that_it_was_brought_in_and_nothing_of_what_came_before() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.say("C0LOUNGE", ADA, "not for the bot").unwrap();
    desk.done("conversations.join", json!({"channel": "C0LOUNGE"})).await;
    assert_eq!(event(&socket.frame().await)["subtype"], "channel_join");
    let joined = socket.frame().await;
    assert_eq!(
        (&event(&joined)["type"], &event(&joined)["user"]),
        (&json!("member_joined_channel"), &json!(BOT))
    );
    desk.done("chat.postMessage", json!({"channel": "C0LOUNGE", "text": "hello"})).await;
    desk.done("conversations.leave", json!({"channel": "C0LOUNGE"})).await;
    let left = desk.done("conversations.leave", json!({"channel": "C0LOUNGE"})).await;
    assert_eq!(left["not_in_channel"], true);
}

#[tokio::test]
async fn a_private_channel_is_unknown_to_a_bot_that_is_not_in_it() {
    let desk = Desk::start().await;
    let place = Place {
        name: Some("board".into()),
        private: true,
        members: vec![ADA.into()],
        ..Place::default()
    };
    let board = desk.control.place(place).unwrap();
    desk.refused("channel_not_found", "conversations.info", json!({"channel": board})).await;
    let mut socket = desk.socket().await;
    desk.control.join(&board, BOT, Some(ADA)).unwrap();
    let note = socket.frame().await;
    assert_eq!(event(&note)["subtype"], "group_join");
    assert_eq!(event(&note)["channel_type"], "group");
    let info = desk.done("conversations.info", json!({"channel": board})).await;
    assert_eq!(info["channel"]["is_private"], true);
    let mut archived = Place { id: Some(board.clone()), ..Place::default() };
    archived.archived = Some(true);
    desk.control.place(archived).unwrap();
    let post = json!({"channel": board, "text": "too late"});
    desk.refused("is_archived", "chat.postMessage", post).await;
}
