//! What Slack does seldom: equal timestamps, copies, changes that nobody made, unheard-of reasons.

use serde_json::json;
use sim::slack::{ControlError, Crew, Person, Send, SocketAction};

use crate::desk::{ADA, DEADLINE, Desk, GENERAL, GRACE, event};

#[tokio::test]
async fn messages_of_two_channels_may_have_one_timestamp() {
    let desk = Desk::start().await;
    let ts = desk.say("here");
    let send = |channel: &str, text: &str| Send {
        channel: channel.into(),
        user: ADA.into(),
        text: text.into(),
        ts: Some(ts.clone()),
        ..Send::default()
    };
    assert_eq!(desk.control.send(send("C0RANDOM", "there")).unwrap(), ts);
    let taken = desk.control.send(send(GENERAL, "again"));
    assert!(matches!(taken, Err(ControlError::Taken { .. })));
    for (channel, text) in [(GENERAL, "here"), ("C0RANDOM", "there")] {
        let read = desk.done("conversations.replies", json!({"channel": channel, "ts": ts})).await;
        assert_eq!(read["messages"][0]["text"], text);
    }
}

#[tokio::test]
async fn one_happening_may_be_told_several_times_without_a_sign_of_it() {
    let desk = Desk::start().await;
    desk.control.configure(|settings| settings.event_copies = 1);
    let mut socket = desk.socket().await;
    let ts = desk.say("once");
    let (one, other) = (socket.frame().await, socket.frame().await);
    assert_ne!(one["payload"]["event_id"], other["payload"]["event_id"]);
    for envelope in [&one, &other] {
        assert_eq!((&event(envelope)["ts"], &envelope["retry_attempt"]), (&json!(ts), &json!(0)));
    }
}

#[tokio::test]
async fn an_unfurled_link_changes_a_message_that_nobody_edited() {
    let desk = Desk::start().await;
    let ts = desk.say("see https://example.org");
    let mut socket = desk.socket().await;
    socket.frame().await;
    desk.control.unfurl(GENERAL, &ts, "https://example.org").unwrap();
    let changed = socket.frame().await;
    let changed = event(&changed);
    assert_eq!(changed["subtype"], "message_changed");
    assert_eq!(changed["message"]["text"], changed["previous_message"]["text"]);
    assert!(changed["message"].get("edited").is_none());
    assert_eq!(changed["message"]["attachments"][0]["from_url"], "https://example.org");
}

#[tokio::test]
async fn a_socket_may_be_told_to_go_for_any_reason() {
    let desk = Desk::start().await;
    for reason in
        ["warning", "refresh_requested", "link_disabled", "too_many_websockets", "unheard_of"]
    {
        let mut socket = desk.socket().await;
        let action = SocketAction::Disconnect { reason: reason.to_owned() };
        assert_eq!(desk.control.sockets(&action, None), 1);
        let told = socket.frame().await;
        assert_eq!((&told["type"], &told["reason"]), (&json!("disconnect"), &json!(reason)));
        drop(socket);
        let gone = |control: &sim::slack::Control| (control.sockets_open() == 0).then_some(());
        desk.control.wait(DEADLINE, gone).await.unwrap();
    }
}

#[tokio::test]
async fn a_deaf_socket_writes_but_hears_no_acknowledgement() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.sockets(&SocketAction::Deaf, None);
    desk.say("hello");
    let envelope = socket.frame().await;
    socket.ack(&envelope).await;
    desk.advance(3);
    assert_eq!(socket.frame().await["retry_attempt"], 1);
}

#[tokio::test]
async fn any_event_can_be_told() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.event(&json!({"type": "app_context_changed", "user": ADA, "context": {}}));
    let envelope = socket.frame().await;
    assert_eq!(event(&envelope)["type"], "app_context_changed");
    assert_eq!(envelope["payload"]["authorizations"][0]["team_id"], "T0LOCAL");
}

#[tokio::test]
async fn a_changed_profile_is_told_and_read() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let moved = Person {
        id: Some(ADA.into()),
        tz: Some(("Asia/Tokyo".into(), 32_400)),
        ..Person::default()
    };
    desk.control.person(moved).unwrap();
    let changed = socket.frame().await;
    assert_eq!(event(&changed)["type"], "user_change");
    assert_eq!(event(&changed)["user"]["tz_offset"], 32_400);
    let gone = Person { id: Some(ADA.into()), deleted: Some(true), ..Person::default() };
    desk.control.person(gone).unwrap();
    let read = desk.done("users.info", json!({"user": ADA})).await;
    assert_eq!(
        (&read["user"]["tz"], &read["user"]["deleted"]),
        (&json!("Asia/Tokyo"), &json!(true))
    );
    assert_eq!(read["user"]["real_name"], "Ada Lovelace");
}

#[tokio::test]
async fn a_usergroup_is_mentioned_by_its_handle_and_lists_its_people() {
    let desk = Desk::start().await;
    let crew = Crew { handle: "librarians".into(), users: [ADA.to_owned()].into() };
    let id = desk.control.usergroup(crew).unwrap();
    let mut socket = desk.socket().await;
    desk.say("@librarians, a question");
    let text = format!("<!subteam^{id}|@librarians>, a question");
    assert_eq!(event(&socket.frame().await)["text"], text);
    let people = desk.done("usergroups.users.list", json!({"usergroup": id})).await;
    assert_eq!(people["users"], json!([ADA]));
    let crew = Crew { handle: "librarians".into(), users: [GRACE.to_owned()].into() };
    assert_eq!(desk.control.usergroup(crew).unwrap(), id);
    let listed = desk.done("usergroups.list", json!({"include_users": true})).await;
    let found = listed["usergroups"].as_array().unwrap().iter().find(|group| group["id"] == id);
    assert_eq!(found.unwrap()["users"], json!([GRACE]));
    desk.refused("no_such_subteam", "usergroups.users.list", json!({"usergroup": "S0X"})).await;
}
