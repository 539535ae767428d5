//! What the socket loop promises, seen from Slack's end of the wire.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use slack::Ack;
use slack::socket::Bounds;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::soon;
use crate::wire::{Loop, Wire, quick};

#[tokio::test]
async fn an_acknowledgement_waits_for_its_commit_and_for_no_other() {
    let mut wire = Wire::start().await;
    let mut app = Loop::with(&wire, 1, quick(), 0, Ack::Now);
    let mut peer = wire.greet().await;
    peer.envelope("first").await;
    assert_eq!(app.arrival().await.0.as_deref(), Some("first"));
    peer.envelope("second").await;
    // The second frame is read while the first commit is pending.
    assert_eq!(app.arrival().await.0.as_deref(), Some("second"));
    assert_eq!(app.status.borrow().acks, 0);
    app.gate.commits.add_permits(2);
    let mut acks = [peer.ack().await, peer.ack().await];
    acks.sort();
    assert_eq!(acks, ["first", "second"]);
    drop(peer);
    app.stop().await;
}

#[tokio::test]
async fn what_is_withheld_is_not_acknowledged() {
    let mut wire = Wire::start().await;
    let mut app = Loop::with(&wire, 1, quick(), 1, Ack::Withheld);
    let mut peer = wire.greet().await;
    peer.envelope("never").await;
    app.arrival().await;
    app.shutdown.cancel();
    assert_eq!(peer.closed().await, [""; 0]);
    app.stop().await;
}

#[tokio::test]
async fn an_answer_travels_with_its_acknowledgement() {
    let mut wire = Wire::start().await;
    let answer = Ack::With(serde_json::json!({"text": "hi"}));
    let app = Loop::with(&wire, 1, quick(), 1, answer);
    let mut peer = wire.greet().await;
    peer.envelope("e").await;
    loop {
        if let Message::Text(text) = soon("the ack", peer.socket.next()).await.unwrap().unwrap() {
            assert_eq!(text.as_str(), r#"{"envelope_id":"e","payload":{"text":"hi"}}"#);
            break;
        }
    }
    drop(peer);
    app.stop().await;
}

#[tokio::test]
async fn a_broken_frame_is_acknowledged_where_its_id_is_readable() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 1, quick());
    let mut peer = wire.greet().await;
    peer.say("not json at all").await;
    peer.say(r#"{"envelope_id":"cut","type":"events_api","payload":{"#).await;
    peer.envelope("whole").await;
    assert_eq!(app.arrival().await.0, None);
    let mut acks = [peer.ack().await, peer.ack().await];
    acks.sort();
    assert_eq!(acks, ["cut", "whole"]);
    drop(peer);
    app.stop().await;
}

#[tokio::test]
async fn the_successor_says_hello_before_the_old_one_drains_and_closes() {
    for reason in ["warning", "refresh_requested", "too_many_websockets", "novelty"] {
        let mut wire = Wire::start().await;
        let mut app = Loop::with(&wire, 1, quick(), 0, Ack::Now);
        let mut old = wire.greet().await;
        old.envelope("pending").await;
        app.arrival().await;
        old.say(&format!(r#"{{"type":"disconnect","reason":"{reason}"}}"#)).await;
        let mut new = wire.accept().await;
        // The old one serves until the new one has said hello.
        old.envelope("late").await;
        assert_eq!(app.arrival().await.0.as_deref(), Some("late"));
        assert_eq!(app.status.borrow().open, 1);
        new.say(r#"{"type":"hello"}"#).await;
        app.until("both hellos", |status| status.hellos == 2).await;
        new.envelope("new").await;
        assert_eq!(app.arrival().await.0.as_deref(), Some("new"));
        app.gate.commits.add_permits(3);
        let mut acks = old.closed().await;
        acks.sort();
        assert_eq!(acks, ["late", "pending"], "{reason}");
        assert_eq!(new.ack().await, "new");
        drop(new);
        app.stop().await;
    }
}

#[tokio::test]
async fn what_was_under_way_when_a_retired_connection_closed_is_handed_over() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 1, quick());
    let mut old = wire.greet().await;
    old.say(r#"{"type":"disconnect","reason":"refresh_requested"}"#).await;
    let new = wire.greet().await;
    app.until("the old one serves no more", |status| status.hellos == 2 && status.open == 1).await;
    old.envelope("late").await;
    assert_eq!(app.arrival().await.0.as_deref(), Some("late"));
    assert_eq!(old.closed().await, [""; 0], "it comes again");
    drop(new);
    app.stop().await;
}

#[tokio::test]
async fn in15_a_connection_is_replaced_before_the_life_that_slack_announced_is_over() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 1, quick());
    let mut old = wire.accept().await;
    // Of a second, half is used.
    old.say(r#"{"type":"hello","debug_info":{"approximate_connection_time":1}}"#).await;
    let mut new = wire.accept().await;
    old.envelope("meanwhile").await;
    assert_eq!(old.ack().await, "meanwhile", "the old one serves until then");
    new.say(r#"{"type":"hello","debug_info":{"approximate_connection_time":3600}}"#).await;
    app.until("both hellos", |status| status.hellos == 2).await;
    assert_eq!(old.closed().await, [""; 0]);
    app.until("one is left", |status| status.open == 1).await;
    new.envelope("e").await;
    assert_eq!(new.ack().await, "e");
    drop(new);
    app.stop().await;
}

#[tokio::test]
async fn a_closed_connection_is_replaced_and_the_others_stay() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 2, quick());
    let first = wire.greet().await;
    let mut second = wire.greet().await;
    app.until("two sockets", |status| status.open == 2).await;
    drop(first);
    let third = wire.greet().await;
    app.until("two sockets again", |status| status.hellos == 3 && status.open == 2).await;
    second.envelope("e").await;
    assert_eq!(second.ack().await, "e");
    drop((second, third));
    app.stop().await;
}

#[tokio::test]
async fn in13_a_frame_that_is_not_utf8_closes_its_own_connection_only() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 2, quick());
    let mut first = wire.greet().await;
    let mut second = wire.greet().await;
    app.until("two sockets", |status| status.open == 2).await;
    // FIN and text, two bytes, unmasked.
    first.socket.get_mut().write_all(&[0x81, 2, 0xff, 0xfe]).await.unwrap();
    let code = loop {
        let message = soon("the close", first.socket.next()).await.unwrap().unwrap();
        if let Message::Close(frame) = message {
            break frame.unwrap().code;
        }
    };
    assert_eq!(code, CloseCode::Invalid);
    first.closed().await;
    let mut third = wire.greet().await;
    for peer in [&mut second, &mut third] {
        peer.envelope("e").await;
        assert_eq!(peer.ack().await, "e");
    }
    drop((second, third));
    app.stop().await;
}

#[tokio::test]
async fn a_frame_above_sixteen_mebibytes_is_handed_over_whole() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 1, quick());
    let mut peer = wire.greet().await;
    let text = "x".repeat(20 * 1024 * 1024);
    let frame = format!(r#"{{"envelope_id":"big","type":"events_api","payload":"{text}"}}"#);
    peer.say(&frame).await;
    assert_eq!(app.arrival().await, (Some("big".to_owned()), frame.len()));
    assert_eq!(peer.ack().await, "big");
    drop(peer);
    app.stop().await;
}

#[tokio::test]
async fn a_connection_without_pongs_is_replaced() {
    let mut wire = Wire::start().await;
    let bounds = Bounds {
        ping_every: Duration::from_millis(20),
        pong: Duration::from_millis(100),
        ..quick()
    };
    let mut app = Loop::start(&wire, 1, bounds);
    // A peer that is never read from answers no ping.
    let _deaf = wire.greet().await;
    let mut successor = wire.greet().await;
    successor.envelope("e").await;
    assert_eq!(successor.ack().await, "e");
    app.until("one socket", |status| status.open == 1).await;
    drop(successor);
    app.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_pinging_is_replaced_though_it_answers_pings() {
    let mut wire = Wire::start().await;
    let bounds = Bounds {
        ping_every: Duration::from_millis(20),
        silence: Duration::from_millis(200),
        ..quick()
    };
    let app = Loop::start(&wire, 1, bounds);
    let mut mute = wire.greet().await;
    mute.socket.send(Message::Ping(vec![].into())).await.unwrap();
    // Reading answers the pings; nothing else is said.
    mute.closed().await;
    drop(wire.greet().await);
    app.stop().await;
}

#[tokio::test]
async fn shutdown_writes_the_pending_acknowledgements_and_reads_nothing_more() {
    let mut wire = Wire::start().await;
    let mut app = Loop::with(&wire, 1, quick(), 0, Ack::Now);
    let mut peer = wire.greet().await;
    peer.envelope("pending").await;
    app.arrival().await;
    app.shutdown.cancel();
    app.until("no socket counts as open", |status| status.open == 0).await;
    peer.envelope("too late").await;
    app.gate.commits.add_permits(2);
    assert_eq!(peer.closed().await, ["pending"]);
    app.stop().await;
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let mut wire = Wire::start().await;
    let bounds = Bounds { drain: Duration::from_millis(50), ..quick() };
    let mut app = Loop::with(&wire, 1, bounds, 0, Ack::Now);
    let mut peer = wire.greet().await;
    peer.envelope("stuck").await;
    app.arrival().await;
    app.stop().await;
    assert_eq!(peer.closed().await, [""; 0]);
}

#[tokio::test]
async fn what_only_an_operator_heals_is_reported_and_not_hot_looped() {
    for code in ["invalid_auth", "not_authed", "account_inactive", "team_disabled"] {
        let mut wire = Wire::start().await;
        wire.answer_next("200 OK", "", &format!(r#"{{"ok":false,"error":"{code}"}}"#));
        let mut app = Loop::start(&wire, 1, quick());
        app.until("the fault", |status| status.fault.as_deref() == Some(code)).await;
        wire.call().await;
        assert_eq!(wire.calls_left(), 0);
        app.stop().await;
    }
}

#[tokio::test]
async fn a_link_that_is_switched_off_is_reported_and_not_hot_looped() {
    let mut wire = Wire::start().await;
    let mut app = Loop::start(&wire, 1, quick());
    let mut peer = wire.greet().await;
    peer.say(r#"{"type":"disconnect","reason":"link_disabled"}"#).await;
    app.until("the fault", |status| status.fault.as_deref() == Some("link_disabled")).await;
    wire.call().await;
    assert_eq!(wire.calls_left(), 0);
    app.stop().await;
}

#[tokio::test]
async fn a_fault_is_forgotten_once_a_connection_stands() {
    let mut wire = Wire::start().await;
    wire.answer_next("200 OK", "", r#"{"ok":false,"error":"invalid_auth"}"#);
    let bounds = Bounds { fault_retry: Duration::from_millis(50), ..quick() };
    let mut app = Loop::start(&wire, 1, bounds);
    app.until("the fault", |status| status.fault.is_some()).await;
    let peer = wire.greet().await;
    app.until("its end", |status| status.fault.is_none() && status.open == 1).await;
    drop(peer);
    app.stop().await;
}

#[tokio::test]
async fn retry_after_is_honoured_and_server_errors_are_retried() {
    let mut wire = Wire::start().await;
    wire.answer_next("500 Internal Server Error", "", "{}");
    let limited = r#"{"ok":false,"error":"ratelimited"}"#;
    wire.answer_next("429 Too Many Requests", "retry-after: 1\r\n", limited);
    let app = Loop::start(&wire, 1, quick());
    wire.call().await;
    let asked_to_wait = wire.call().await;
    let again = wire.call().await;
    assert!(again - asked_to_wait >= Duration::from_secs(1));
    drop(wire.greet().await);
    app.stop().await;
}

#[tokio::test]
async fn a_socket_that_never_says_hello_is_given_up() {
    let mut wire = Wire::start().await;
    let bounds = Bounds { hello: Duration::from_millis(50), ..quick() };
    let mut app = Loop::start(&wire, 1, bounds);
    let _silent = wire.accept().await;
    let peer = wire.greet().await;
    app.until("one socket", |status| status.open == 1).await;
    drop(peer);
    app.stop().await;
}
