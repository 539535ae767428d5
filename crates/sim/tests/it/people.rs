//! What people do, as the app hears it.

use serde_json::{Value, json};
use sim::slack::{ControlError, Press};

use crate::desk::{ADA, DEADLINE, Desk, GENERAL, GRACE, Socket, event};

async fn buttons(desk: &Desk, socket: &mut Socket) -> String {
    let button = json!({"type": "button", "action_id": "go", "value": "v1",
        "text": {"type": "plain_text", "text": "Go"}});
    let blocks = json!([{"type": "actions", "block_id": "b1", "elements": [button]}]);
    let post = json!({"channel": GENERAL, "text": "Go?", "blocks": blocks});
    let posted = desk.done("chat.postMessage", post).await;
    socket.frame().await;
    posted["ts"].as_str().unwrap().to_owned()
}

fn press(ts: &str) -> Press {
    Press {
        channel: GENERAL.into(),
        ts: ts.into(),
        user: GRACE.into(),
        action_id: "go".into(),
        ..Press::default()
    }
}

#[tokio::test]
async fn edits_deletions_and_reactions_are_told() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let ts = desk.say("frist");
    socket.frame().await;
    desk.control.edit(GENERAL, &ts, "first").unwrap();
    let edit = socket.frame().await;
    assert_eq!(event(&edit)["subtype"], "message_changed");
    assert_eq!(event(&edit)["message"]["text"], "first");
    assert_eq!(event(&edit)["previous_message"]["text"], "frist");
    for (added, kind) in [(true, "reaction_added"), (false, "reaction_removed")] {
        assert!(desk.control.react(GENERAL, &ts, GRACE, "tada", added).unwrap());
        let reaction = socket.frame().await;
        assert_eq!(event(&reaction)["type"], kind);
        assert_eq!(event(&reaction)["item"]["ts"], json!(ts));
        assert_eq!(event(&reaction)["item_user"], ADA);
    }
    desk.control.delete(GENERAL, &ts).unwrap();
    let deletion = socket.frame().await;
    assert_eq!(event(&deletion)["subtype"], "message_deleted");
    assert_eq!(event(&deletion)["deleted_ts"], json!(ts));
}

#[tokio::test]
async fn a_pressed_button_arrives_with_its_value_and_may_open_a_view() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let ts = buttons(&desk, &mut socket).await;
    desk.control.press(&press(&ts)).unwrap();
    let envelope = socket.frame().await;
    assert_eq!(envelope["type"], "interactive");
    assert_eq!(envelope["accepts_response_payload"], true);
    let payload = &envelope["payload"];
    assert_eq!(payload["type"], "block_actions");
    assert_eq!(payload["user"]["id"], GRACE);
    let action = &payload["actions"][0];
    assert_eq!((&action["block_id"], &action["value"]), (&json!("b1"), &json!("v1")));
    let view = json!({"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": []});
    let open = json!({"trigger_id": payload["trigger_id"], "view": view});
    let opened = desk.done("views.open", open.clone()).await;
    desk.refused("exchanged_trigger_id", "views.open", open.clone()).await;
    let id = opened["view"]["id"].as_str().unwrap();
    desk.control.submit(id, &json!({"b": {"a": {"value": "x"}}})).unwrap();
    let submitted = socket.frame().await;
    assert_eq!(submitted["payload"]["view"]["state"]["values"]["b"]["a"]["value"], "x");
    // An acknowledgement without an answer closes the view.
    socket.ack(&submitted).await;
    let closed = desk
        .control
        .wait(DEADLINE, |control| (control.state()["views"] == json!([])).then_some(()));
    closed.await.unwrap();
    desk.control.press(&press(&ts)).unwrap();
    let late = socket.frame().await;
    desk.advance(4);
    let late = json!({"trigger_id": late["payload"]["trigger_id"], "view": open["view"]});
    desk.refused("expired_trigger_id", "views.open", late).await;
}

#[tokio::test]
async fn an_interaction_is_sent_once_and_not_kept_for_later() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let ts = buttons(&desk, &mut socket).await;
    desk.control.press(&press(&ts)).unwrap();
    socket.frame().await;
    desk.advance(600);
    desk.say("next");
    let mut seen = socket.frame().await;
    // The unacknowledged message event of the buttons comes again; the interaction does not.
    while event(&seen)["text"] != "next" {
        assert_eq!(seen["type"], "events_api");
        seen = socket.frame().await;
    }
}

#[tokio::test]
async fn a_response_url_replaces_the_message_and_wears_out() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let ts = buttons(&desk, &mut socket).await;
    desk.control.press(&press(&ts)).unwrap();
    let envelope = socket.frame().await;
    let url = envelope["payload"]["response_url"].as_str().unwrap();
    for attempt in 0..6 {
        let answer = json!({"replace_original": true, "text": format!("v{attempt}")});
        let status = desk.http.post(url).json(&answer).send().await.unwrap().status();
        assert_eq!(status.is_success(), attempt < 5);
    }
    assert_eq!(desk.control.messages(GENERAL, Some(&ts)).unwrap()[0]["text"], "v4");
}

#[tokio::test]
async fn a_button_that_only_one_person_sees_works_for_them_alone() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    let button = json!({"type": "button", "text": {"type": "plain_text", "text": "Go"}});
    let post = json!({"channel": GENERAL, "user": GRACE, "text": "Only you",
        "blocks": [{"type": "actions", "elements": [button]}]});
    let mut feed = desk.control.feed();
    let posted = desk.done("chat.postEphemeral", post).await;
    let shown: Value = serde_json::from_str(&feed.recv().await.unwrap()).unwrap();
    let block = &shown["message"]["blocks"][0];
    assert!(block["block_id"].is_string(), "{block}");
    let mut press = press(posted["message_ts"].as_str().unwrap());
    press.action_id = block["elements"][0]["action_id"].as_str().unwrap().to_owned();
    let anothers = Press { user: ADA.into(), ..press.clone() };
    assert!(matches!(desk.control.press(&anothers), Err(ControlError::Message { .. })));
    desk.control.press(&press).unwrap();
    let pressed = socket.frame().await;
    assert_eq!(pressed["payload"]["container"]["is_ephemeral"], true);
    let url = pressed["payload"]["response_url"].as_str().unwrap();
    let answer = json!({"delete_original": true});
    assert!(desk.http.post(url).json(&answer).send().await.unwrap().status().is_success());
    let gone: Value = serde_json::from_str(&feed.recv().await.unwrap()).unwrap();
    assert_eq!(gone["type"], "message_deleted");
    assert!(matches!(desk.control.press(&press), Err(ControlError::Message { .. })));
}

#[tokio::test]
async fn a_response_url_ends_after_half_an_hour() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.command(GENERAL, ADA, "/ask", "why?").unwrap();
    let envelope = socket.frame().await;
    let url = envelope["payload"]["response_url"].as_str().unwrap().to_owned();
    let answer = async |text: &str| {
        let answer = json!({"response_type": "in_channel", "text": text});
        desk.http.post(&url).json(&answer).send().await.unwrap().status()
    };
    assert_eq!(answer("in time").await, 200);
    assert_eq!(event(&socket.frame().await)["text"], "in time");
    desk.advance(30 * 60 + 1);
    assert_eq!(answer("too late").await, 404);
}

#[tokio::test]
async fn a_command_is_answered_in_its_acknowledgement() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.command(GENERAL, ADA, "/ask", "why?").unwrap();
    let envelope = socket.frame().await;
    assert_eq!(envelope["type"], "slash_commands");
    assert_eq!(envelope["payload"]["text"], "why?");
    let answer = json!({"response_type": "in_channel", "text": "because"});
    let ack = json!({"envelope_id": envelope["envelope_id"], "payload": answer});
    socket.answer(ack).await;
    assert_eq!(event(&socket.frame().await)["text"], "because");
}

#[tokio::test]
async fn opening_the_home_tab_is_told() {
    let desk = Desk::start().await;
    let mut socket = desk.socket().await;
    desk.control.open_home(ADA, "messages").unwrap();
    let envelope = socket.frame().await;
    let event = event(&envelope);
    assert_eq!((&event["type"], &event["tab"]), (&json!("app_home_opened"), &json!("messages")));
    assert_eq!(event["channel"], "D0ADA");
}

#[tokio::test]
async fn a_status_line_goes_with_the_reply_and_after_two_minutes() {
    let desk = Desk::start().await;
    let root = desk.say("question");
    let set = json!({"channel_id": GENERAL, "thread_ts": root, "status": "is thinking…"});
    let shown = || desk.control.state()["statuses"].as_array().unwrap().len();
    desk.done("assistant.threads.setStatus", set.clone()).await;
    assert_eq!(shown(), 1);
    let reply = json!({"channel": GENERAL, "thread_ts": root, "text": "answer"});
    desk.done("chat.postMessage", reply).await;
    assert_eq!(shown(), 0);
    desk.done("assistant.threads.setStatus", set).await;
    desk.advance(121);
    assert_eq!(shown(), 0);
}

#[tokio::test]
async fn people_cannot_act_where_they_are_not() {
    let desk = Desk::start().await;
    let said = desk.control.say("D0ADA", GRACE, "hi");
    assert!(matches!(said, Err(ControlError::NotMember { .. })));
    assert!(matches!(desk.control.say("C0X", ADA, "hi"), Err(ControlError::Channel(_))));
    let mut wrong: Press = press(&desk.say("no buttons"));
    wrong.user = ADA.into();
    assert!(matches!(desk.control.press(&wrong), Err(ControlError::Element { .. })));
    let state: Value = desk.control.state();
    assert!(state["users"].as_array().unwrap().iter().any(|user| user["id"] == ADA));
}
