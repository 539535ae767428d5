//! Socket Mode: hello, who gets what, how connections end.

use serde_json::{Value, json};
use sim::slack::{MentionOrder, Options, SocketAction};
use tokio_tungstenite::tungstenite::Message;

use crate::desk::{ADA, BOT, DEADLINE, Desk, GENERAL, event};

#[tokio::test]
async fn hello_counts_the_connections_and_names_the_app() {
    let desk = Desk::start().await;
    let _first = desk.socket().await;
    let hello = desk.connect("").await.frame().await;
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["num_connections"], 2);
    assert_eq!(hello["connection_info"]["app_id"], "A0ATHENA");
    assert_eq!(hello["debug_info"]["approximate_connection_time"], 18_060);
    let hello = desk.connect("&debug_reconnects=true").await.frame().await;
    assert_eq!(hello["debug_info"]["approximate_connection_time"], 360);
}

#[tokio::test]
async fn a_ticket_opens_one_connection() {
    let desk = Desk::start().await;
    let answer = desk.request("apps.connections.open", "xapp-local").send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let url = answer["url"].as_str().unwrap();
    let _first = tokio_tungstenite::connect_async(url).await.unwrap();
    assert!(tokio_tungstenite::connect_async(url).await.is_err());
}

#[tokio::test]
async fn a_mention_comes_as_a_message_and_as_a_mention_of_the_same_ts() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let ts = desk.say("@athenaeum hello");
    let (message, mention) = (socket.frame().await, socket.frame().await);
    assert_eq!(event(&message)["type"], "message");
    assert_eq!(event(&message)["channel_type"], "channel");
    assert_eq!(event(&mention)["type"], "app_mention");
    assert_ne!(message["payload"]["event_id"], mention["payload"]["event_id"]);
    for envelope in [&message, &mention] {
        assert_eq!(envelope["type"], "events_api");
        assert_eq!(envelope["retry_attempt"], 0);
        assert_eq!(envelope["payload"]["authorizations"][0]["user_id"], BOT);
        assert_eq!(event(envelope)["ts"], json!(ts));
        assert_eq!(event(envelope)["text"], format!("<@{BOT}> hello"));
    }
    desk.control.configure(|settings| settings.mention_order = MentionOrder::MentionFirst);
    desk.say("@athenaeum again");
    assert_eq!(event(&socket.frame().await)["type"], "app_mention");
}

#[tokio::test]
async fn only_subscribed_events_come() {
    let mut options = Options::default();
    options.settings.subscriptions = ["app_mention".to_owned()].into();
    let desk = Desk::with(options).await;
    let mut socket = desk.socket().await;
    desk.say("not for the bot");
    desk.say("@athenaeum for the bot");
    assert_eq!(event(&socket.frame().await)["type"], "app_mention");
}

#[tokio::test]
async fn the_bots_own_message_comes_back_with_its_bot_id() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.done("chat.postMessage", json!({"channel": GENERAL, "text": "hi"})).await;
    let envelope = socket.frame().await;
    let event = event(&envelope);
    assert_eq!((&event["type"], &event["user"]), (&json!("message"), &json!(BOT)));
    assert_eq!((&event["bot_id"], &event["app_id"]), (&json!("B0ATHENA"), &json!("A0ATHENA")));
}

#[tokio::test]
async fn each_envelope_goes_to_one_of_the_sockets_in_turn() {
    let desk = Desk::start().await;
    let (mut first, mut second) = (desk.socket().await, desk.socket().await);
    for text in ["a", "b", "c", "d"] {
        desk.say(text);
    }
    let mut heard = Vec::new();
    for socket in [&mut first, &mut second] {
        for _ in 0..2 {
            let envelope = socket.frame().await;
            socket.ack(&envelope).await;
            heard.push(event(&envelope)["text"].as_str().unwrap().to_owned());
        }
    }
    heard.sort();
    assert_eq!(heard, ["a", "b", "c", "d"]);
}

#[tokio::test]
async fn the_eleventh_connection_is_told_that_there_are_too_many() {
    let desk = Desk::start().await;
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(desk.socket().await);
    }
    let mut last = desk.connect("").await;
    let told = last.frame().await;
    assert_eq!(
        (&told["type"], &told["reason"]),
        (&json!("disconnect"), &json!("too_many_websockets"))
    );
    last.ended().await;
    assert_eq!(desk.control.sockets_open(), 10);
}

#[tokio::test]
async fn a_connection_is_warned_refreshed_and_closed_when_its_time_is_over() {
    let desk = Desk::start().await;
    let mut old = desk.socket().await;
    desk.advance(18_050);
    assert_eq!(old.frame().await["reason"], "warning");
    desk.advance(10);
    assert_eq!(old.frame().await["reason"], "refresh_requested");
    let mut new = desk.socket().await;
    // Who was told to go gets nothing more while another is open.
    for text in ["a", "b"] {
        desk.say(text);
        assert_eq!(event(&new.frame().await)["text"], text);
    }
    desk.advance(10);
    assert!(matches!(old.next().await, Some(Ok(Message::Close(_)))));
    old.ended().await;
}

#[tokio::test]
async fn a_test_can_disconnect_or_cut_a_socket() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let reason = "link_disabled".to_owned();
    assert_eq!(desk.control.sockets(&SocketAction::Disconnect { reason }, None), 1);
    assert_eq!(socket.frame().await["reason"], "link_disabled");
    let mut other = desk.socket().await;
    assert_eq!(desk.control.sockets(&SocketAction::Drop, None), 2);
    let cut = other.next().await;
    assert!(matches!(cut, None | Some(Err(_))), "no closing handshake: {cut:?}");
}

#[tokio::test]
async fn a_half_open_socket_says_nothing_and_stays() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.sockets(&SocketAction::HalfOpen, None);
    desk.say("lost");
    let mut other = desk.socket().await;
    assert_eq!(desk.control.sockets_open(), 2);
    desk.advance(3);
    // The redelivery is the other's turn.
    let envelope = other.frame().await;
    assert_eq!(event(&envelope)["text"], "lost");
    assert_eq!(envelope["retry_attempt"], 1);
    let silent = tokio::time::timeout(std::time::Duration::from_millis(50), socket.next()).await;
    assert!(silent.is_err(), "{silent:?}");
    drop(socket);
    let gone = desk.control.wait(DEADLINE, |control| (control.sockets_open() == 1).then_some(()));
    gone.await.unwrap();
}

#[tokio::test]
async fn a_raw_frame_goes_out_as_it_is_even_if_it_is_no_utf8() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    assert!(desk.control.raw(r#"{"envelope_id":"e1","text":"\ud800\u0000"}"#));
    match socket.next().await {
        Some(Ok(Message::Text(text))) => assert!(text.as_str().contains(r"\ud800\u0000")),
        other => panic!("{other:?}"),
    }
    assert!(desk.control.raw("x".repeat(1024 * 1024)));
    assert!(
        matches!(socket.next().await, Some(Ok(Message::Text(text))) if text.len() == 1024 * 1024)
    );
    assert!(desk.control.raw(vec![b'{', 0xFF, 0xFE]));
    let broken = socket.next().await;
    assert!(matches!(broken, Some(Err(_))), "{broken:?}");
}

#[tokio::test]
async fn a_direct_message_has_no_mention_twin() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.say("D0ADA", ADA, "@athenaeum hello").unwrap();
    desk.say("the next one");
    let envelope = socket.frame().await;
    assert_eq!(event(&envelope)["channel_type"], "im");
    assert_eq!(event(&socket.frame().await)["text"], "the next one");
}
