//! Agent sessions: their names, their statuses, and who has none.

use serde_json::{Value, json};
use sim::slack::{ControlError, Guest, Person};

use crate::desk::{ADA, Desk, GENERAL, event};

fn stream(root: &str, user: &str) -> Value {
    json!({"channel": GENERAL, "thread_ts": root, "recipient_user_id": user,
        "recipient_team_id": "T0LOCAL"})
}

fn session(root: &str) -> Value {
    json!({"channel_id": GENERAL, "thread_ts": root, "status": "processing"})
}

fn guest(desk: &Desk, guest: Guest) -> String {
    let person = Person { name: Some("visitor".into()), guest: Some(guest), ..Person::default() };
    let id = desk.control.person(person).unwrap();
    desk.control.join(GENERAL, &id, None).unwrap();
    id
}

#[tokio::test]
async fn guests_have_no_streams_and_no_sessions_but_are_answered() {
    let desk = Desk::start().await;
    for (kind, code) in [
        (Guest::MultiChannel, "user_is_restricted"),
        (Guest::SingleChannel, "user_is_ultra_restricted"),
    ] {
        let visitor = guest(&desk, kind);
        let info = desk.done("users.info", json!({"user": visitor})).await;
        assert_eq!(info["user"]["is_restricted"], true);
        assert_eq!(info["user"]["is_ultra_restricted"], kind == Guest::SingleChannel);
        let root = desk.control.say(GENERAL, &visitor, "May I ask?").unwrap();
        desk.refused(code, "chat.startStream", stream(&root, &visitor)).await;
        desk.refused(code, "agents.sessions.setStatus", session(&root)).await;
        let status = json!({"channel_id": GENERAL, "thread_ts": root, "status": "is thinking…"});
        desk.refused(code, "assistant.threads.setStatus", status).await;
        // A member's thread does not help a guest who is streamed to.
        let members = desk.say("question");
        desk.refused(code, "chat.startStream", stream(&members, &visitor)).await;
        let reply = json!({"channel": GENERAL, "thread_ts": root, "text": "You may."});
        desk.done("chat.postMessage", reply).await;
    }
}

#[tokio::test]
async fn the_free_plan_has_no_agents_but_messages() {
    let desk = Desk::start().await;
    desk.control.configure(|settings| settings.free_plan = true);
    let root = desk.say("question");
    desk.refused("paid_teams_only", "chat.startStream", stream(&root, ADA)).await;
    desk.refused("paid_teams_only", "agents.sessions.setStatus", session(&root)).await;
    let prompts = json!({"channel_id": "D0ADA", "prompts": [{"title": "t", "message": "m"}]});
    desk.refused("paid_teams_only", "assistant.threads.setSuggestedPrompts", prompts).await;
    let reply = json!({"channel": GENERAL, "thread_ts": root, "text": "answer"});
    desk.done("chat.postMessage", reply).await;
}

#[tokio::test]
async fn who_begins_a_session_must_be_in_its_channel() {
    let desk = Desk::start().await;
    let outsider = Person { name: Some("outsider".into()), ..Person::default() };
    let outsider = desk.control.person(outsider).unwrap();
    let mut set = session(&desk.say("question"));
    set["initiator_user_id"] = json!(outsider);
    desk.refused("user_not_in_channel", "agents.sessions.setStatus", set.clone()).await;
    set["initiator_user_id"] = json!(ADA);
    desk.done("agents.sessions.setStatus", set.clone()).await;
    // Of a session that exists it is not asked any more.
    set["initiator_user_id"] = json!(outsider);
    desk.done("agents.sessions.setStatus", set).await;
}

#[tokio::test]
async fn a_session_is_renamed_by_the_app_silently_and_by_people_audibly() {
    let desk = Desk::start().await;
    let root = desk.say("question");
    let rename = json!({"channel_id": GENERAL, "thread_ts": root, "title": "From the app"});
    desk.refused("session_not_found", "agents.sessions.rename", rename.clone()).await;
    let missing = desk.control.rename_session(GENERAL, &root, ADA, "Mine");
    assert!(matches!(missing, Err(ControlError::Session(_))));
    desk.done("agents.sessions.setStatus", session(&root)).await;
    let mut socket = desk.socket().await;
    assert_eq!(event(&socket.frame().await)["text"], "question");
    desk.done("agents.sessions.rename", rename).await;
    desk.control.rename_session(GENERAL, &root, ADA, "Mine").unwrap();
    let changed = socket.frame().await;
    let changed = event(&changed);
    assert_eq!(changed["type"], "agent_session_title_changed");
    assert_eq!(
        (&changed["previous_title"], &changed["title"], &changed["user"]),
        (&json!("From the app"), &json!("Mine"), &json!(ADA))
    );
}

#[tokio::test]
async fn stopping_leaves_the_status_to_the_app_and_processing_ends_after_an_hour() {
    let desk = Desk::start().await;
    let root = desk.say("question");
    let status = || desk.control.state()["sessions"][0]["status"].clone();
    let warning = "missing_agent_session_stopped_event_subscription";
    let set = desk.done("agents.sessions.setStatus", session(&root)).await;
    assert_ne!(set["response_metadata"]["warnings"][0], warning);
    desk.control.stop_session(GENERAL, &root, ADA).unwrap();
    assert_eq!(status(), "processing");
    desk.advance(3_600);
    assert_eq!(status(), "active");
    desk.control.configure(|settings| {
        settings.subscriptions.remove("agent_session_stopped");
    });
    let warned = desk.done("agents.sessions.setStatus", session(&root)).await;
    // Beside the one for JSON without a character set.
    assert_eq!(warned["warning"], format!("{warning},missing_charset"));
    let mut wrong = session(&root);
    wrong["status"] = json!("completed");
    desk.refused("invalid_status", "agents.sessions.setStatus", wrong).await;
}
