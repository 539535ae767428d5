//! Acknowledgements, deadlines and redeliveries, by a clock that the test moves.

use serde_json::{Value, json};
use sim::slack::{SocketAction, What};

use crate::desk::{DEADLINE, Desk, Socket, event};

/// Waits until the journal has an acknowledgement with this result.
async fn acked(desk: &Desk, wanted: &'static str) {
    let found = desk.control.wait(DEADLINE, |control| {
        let is_wanted = |what: &What| matches!(what, What::Ack { result, .. } if *result == wanted);
        control.journal().iter().any(|entry| is_wanted(&entry.what)).then_some(())
    });
    found.await.unwrap_or_else(|| panic!("no acknowledgement was {wanted}"));
}

async fn attempt(socket: &mut Socket) -> (Value, Value) {
    let envelope = socket.frame().await;
    (envelope["retry_attempt"].clone(), envelope["retry_reason"].clone())
}

#[tokio::test]
async fn an_event_comes_again_at_once_after_a_minute_and_after_five_and_then_no_more() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.say("hello");
    assert_eq!(attempt(&mut socket).await, (json!(0), json!("")));
    desk.advance(3);
    assert_eq!(attempt(&mut socket).await, (json!(1), json!("timeout")));
    desk.advance(3 + 60);
    assert_eq!(attempt(&mut socket).await, (json!(2), json!("timeout")));
    desk.advance(3 + 300);
    assert_eq!(attempt(&mut socket).await, (json!(3), json!("timeout")));
    desk.advance(3);
    let gave_up = desk.control.wait(DEADLINE, |control| {
        let journal = control.journal();
        journal.iter().any(|e| matches!(e.what, What::GaveUp { .. })).then_some(())
    });
    gave_up.await.unwrap();
    assert_eq!(desk.control.backlog(), (0, 0));
}

#[tokio::test]
async fn what_is_acknowledged_in_time_does_not_come_again() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.say("once");
    let envelope = socket.frame().await;
    socket.ack(&envelope).await;
    acked(&desk, "done").await;
    desk.advance(1_000);
    desk.say("twice");
    assert_eq!(event(&socket.frame().await)["text"], "twice");
}

#[tokio::test]
async fn an_acknowledgement_after_the_deadline_is_too_late() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.say("hello");
    let first = socket.frame().await;
    desk.advance(3);
    let second = socket.frame().await;
    assert_eq!(first["payload"]["event_id"], second["payload"]["event_id"]);
    socket.ack(&first).await;
    acked(&desk, "unknown").await;
    assert_eq!(desk.control.backlog(), (0, 1));
}

#[tokio::test]
async fn a_lost_acknowledgement_brings_the_event_again() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.sockets(&SocketAction::LoseAcks { count: 1 }, None);
    desk.say("hello");
    let envelope = socket.frame().await;
    socket.ack(&envelope).await;
    acked(&desk, "lost").await;
    desk.advance(3);
    assert_eq!(socket.frame().await["retry_attempt"], 1);
}

#[tokio::test]
async fn events_without_a_socket_wait_for_one() {
    let desk = Desk::start().await;
    desk.say("first");
    desk.say("second");
    assert_eq!(desk.control.backlog(), (2, 0));
    desk.advance(3_600);
    let mut socket = desk.socket().await;
    for text in ["first", "second"] {
        let envelope = socket.frame().await;
        assert_eq!(event(&envelope)["text"], text);
        assert_eq!(envelope["retry_attempt"], 1);
    }
}

#[tokio::test]
async fn what_a_cut_socket_left_behind_goes_to_the_next() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.say("hello");
    socket.frame().await;
    drop(socket);
    let gone = desk.control.wait(DEADLINE, |control| (control.sockets_open() == 0).then_some(()));
    gone.await.unwrap();
    let mut next = desk.socket().await;
    desk.advance(3);
    assert_eq!(event(&next.frame().await)["text"], "hello");
}

#[tokio::test]
async fn nonsense_from_the_app_is_noted_and_disturbs_nothing() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    socket.answer(json!("nonsense")).await;
    let noted = desk.control.wait(DEADLINE, |control| {
        let journal = control.journal();
        journal.iter().any(|e| matches!(e.what, What::Nonsense { .. })).then_some(())
    });
    noted.await.unwrap();
    desk.say("hello");
    assert_eq!(event(&socket.frame().await)["text"], "hello");
}
