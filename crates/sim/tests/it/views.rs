//! Modals and the Home tab: opened, pressed in, pushed, submitted, closed.

use serde_json::{Value, json};
use sim::slack::{ControlError, Press};

use crate::desk::{ADA, DEADLINE, Desk, GENERAL, Socket};

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text})
}

/// A modal with a button and a field.
fn modal(title: &str) -> Value {
    let button =
        json!({"type": "button", "action_id": "more", "text": plain("More"), "value": "m"});
    let field = json!({"type": "plain_text_input", "action_id": "why", "multiline": true});
    json!({
        "type": "modal", "title": plain(title), "submit": plain("Send"), "notify_on_close": true,
        "blocks": [
            {"type": "actions", "block_id": "b1", "elements": [button]},
            {"type": "input", "block_id": "b2", "label": plain("Why?"), "element": field},
        ],
    })
}

/// A trigger from a slash command, and the modal that it opened.
async fn opened(desk: &Desk, socket: &mut Socket) -> String {
    desk.control.command(GENERAL, ADA, "/ask", "").unwrap();
    let command = socket.frame().await;
    socket.ack(&command).await;
    let open = json!({"trigger_id": command["payload"]["trigger_id"], "view": modal("First")});
    let answer = desk.done("views.open", open).await;
    answer["view"]["id"].as_str().unwrap().to_owned()
}

fn press(view_id: &str) -> Press {
    Press {
        view_id: Some(view_id.into()),
        user: ADA.into(),
        action_id: "more".into(),
        values: json!({"b2": {"why": {"type": "plain_text_input", "value": "so far"}}}),
        ..Press::default()
    }
}

async fn until_views(desk: &Desk, count: usize) {
    let shown = |control: &sim::slack::Control| {
        (control.state()["views"].as_array().unwrap().len() == count).then_some(())
    };
    desk.control.wait(DEADLINE, shown).await.unwrap();
}

#[tokio::test]
async fn a_button_in_a_modal_arrives_with_the_view_and_what_was_entered() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let view = opened(&desk, &mut socket).await;
    desk.control.press(&press(&view)).unwrap();
    let pressed = socket.frame().await;
    let payload = &pressed["payload"];
    assert_eq!(
        (&payload["type"], &payload["container"]["view_id"]),
        (&json!("block_actions"), &json!(view))
    );
    assert_eq!(
        (&payload["actions"][0]["block_id"], &payload["actions"][0]["value"]),
        (&json!("b1"), &json!("m"))
    );
    assert_eq!(payload["view"]["state"]["values"]["b2"]["why"]["value"], "so far");
    // An acknowledged button leaves the modal open.
    socket.ack(&pressed).await;
    desk.done("auth.test", json!({})).await;
    until_views(&desk, 1).await;
    let missing = Press { action_id: "less".into(), ..press(&view) };
    assert!(matches!(desk.control.press(&missing), Err(ControlError::Element { .. })));
    let anothers = Press { user: "U0GRACE".into(), ..press(&view) };
    assert!(matches!(desk.control.press(&anothers), Err(ControlError::View(_))));
}

#[tokio::test]
async fn views_lie_on_each_other_up_to_three_and_are_cleared_at_once() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let mut top = opened(&desk, &mut socket).await;
    for (depth, title) in [(2, "Second"), (3, "Third"), (4, "Fourth")] {
        desk.control.press(&press(&top)).unwrap();
        let pressed = socket.frame().await;
        let trigger_id = &pressed["payload"]["trigger_id"];
        let push = json!({"trigger_id": trigger_id, "view": modal(title)});
        if depth > 3 {
            desk.refused("push_limit_reached", "views.push", push).await;
            continue;
        }
        let pushed = desk.done("views.push", push).await;
        assert_eq!(pushed["view"]["previous_view_id"], json!(top));
        top = pushed["view"]["id"].as_str().unwrap().to_owned();
    }
    until_views(&desk, 3).await;
    desk.control.submit(&top, &json!({})).unwrap();
    let submitted = socket.frame().await;
    let clear = json!({"response_action": "clear"});
    let ack = json!({"envelope_id": submitted["envelope_id"], "payload": clear});
    socket.answer(ack).await;
    until_views(&desk, 0).await;
}

#[tokio::test]
async fn a_closed_modal_is_told_to_who_asked_for_it() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let view = opened(&desk, &mut socket).await;
    desk.control.close(&view).unwrap();
    let closed = socket.frame().await;
    assert_eq!(closed["payload"]["type"], "view_closed");
    assert_eq!(
        (&closed["payload"]["view"]["id"], &closed["payload"]["is_cleared"]),
        (&json!(view), &json!(false))
    );
    assert!(matches!(desk.control.close(&view), Err(ControlError::View(_))));
}

#[tokio::test]
async fn a_wrong_modal_is_refused_with_the_place() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.command(GENERAL, ADA, "/ask", "").unwrap();
    let trigger_id = socket.frame().await["payload"]["trigger_id"].clone();
    for (field, wrong, place) in [
        ("title", json!(null), "/view/title"),
        ("title", plain(&"x".repeat(25)), "/view/title"),
        ("submit", json!(null), "/view/submit"),
        ("private_metadata", json!("x".repeat(3_001)), "/view/private_metadata"),
        ("type", json!("home"), "/view/type"),
    ] {
        let mut view = modal("Title");
        view[field] = wrong;
        let open = json!({"trigger_id": trigger_id, "view": view});
        let refused = desk.refused("invalid_arguments", "views.open", open).await;
        let told = refused["response_metadata"]["messages"][0].as_str().unwrap();
        assert!(told.contains(place), "{told}");
    }
}

#[tokio::test]
async fn a_button_of_the_home_tab_arrives_with_its_view() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let mut home = modal("x");
    home = json!({"type": "home", "blocks": [home["blocks"][0]]});
    let published = desk.done("views.publish", json!({"user_id": ADA, "view": home})).await;
    let view = published["view"]["id"].as_str().unwrap();
    desk.control.open_home(ADA, "home").unwrap();
    let opened = socket.frame().await;
    assert_eq!(opened["payload"]["event"]["view"]["id"], json!(view));
    desk.control.press(&press(view)).unwrap();
    let pressed = socket.frame().await;
    assert_eq!(pressed["payload"]["view"]["type"], "home");
    assert_eq!(pressed["payload"]["container"], json!({"type": "view", "view_id": view}));
}

#[tokio::test]
async fn blocks_can_be_validated_without_a_message() {
    let desk = Desk::start().await;
    desk.done("blocks.validate", json!({"blocks": [{"type": "divider"}]})).await;
    desk.refused("invalid_blocks", "blocks.validate", json!({"blocks": [{"type": "nope"}]})).await;
}
