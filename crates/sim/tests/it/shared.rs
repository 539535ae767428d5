//! Slack Connect: people of another workspace in a channel of both.

use serde_json::{Value, json};
use sim::slack::{Attachment, Options, Person, Place, SECOND_BOT_USER, Send};

use crate::desk::{ADA, BOT, Desk, Socket, event};

const PARTNER: &str = "T0PARTNER";

struct Shared {
    desk: Desk,
    channel: String,
    stranger: String,
}

/// A channel of both workspaces, with one of theirs in it; only `subscriptions` are heard.
async fn shared(subscriptions: &[&str]) -> (Shared, Socket) {
    let mut options = Options::default();
    options.settings.subscriptions = subscriptions.iter().map(|s| (*s).to_owned()).collect();
    let desk = Desk::with(options).await;
    let stranger =
        Person { name: Some("marie".into()), team: Some(PARTNER.into()), ..Person::default() };
    let stranger = desk.control.person(stranger).unwrap();
    let place = Place {
        name: Some("both".into()),
        members: vec![ADA.into(), BOT.into(), stranger.clone()],
        shared_with: Some([PARTNER.to_owned()].into()),
        ..Place::default()
    };
    let channel = desk.control.place(place).unwrap();
    let socket = desk.socket().await;
    (Shared { desk, channel, stranger }, socket)
}

#[tokio::test]
async fn a_strangers_message_names_their_workspace_inside_and_ours_outside() {
    let (shared, mut socket) = shared(&["message.channels"]).await;
    shared.desk.control.say(&shared.channel, &shared.stranger, "bonjour").unwrap();
    let envelope = socket.frame().await;
    let payload = &envelope["payload"];
    assert_eq!(
        (&payload["team_id"], &payload["is_ext_shared_channel"]),
        (&json!("T0LOCAL"), &json!(true))
    );
    assert_eq!(payload["authorizations"][0]["team_id"], "T0LOCAL");
    assert_eq!(
        (&event(&envelope)["team"], &event(&envelope)["user_team"]),
        (&json!(PARTNER), &json!(PARTNER))
    );
    let info = shared.desk.done("conversations.info", json!({"channel": shared.channel})).await;
    assert_eq!(info["channel"]["is_ext_shared"], true);
    assert_eq!(info["channel"]["shared_team_ids"], json!(["T0LOCAL", PARTNER]));
    let user = shared.desk.done("users.info", json!({"user": shared.stranger})).await;
    assert_eq!(
        (&user["user"]["team_id"], &user["user"]["is_stranger"]),
        (&json!(PARTNER), &json!(false))
    );
    assert!(user["user"]["profile"].get("email").is_none());
}

#[tokio::test]
async fn an_app_of_both_workspaces_hears_each_message_twice_with_one_client_msg_id() {
    let (shared, mut socket) = shared(&["app_mention"]).await;
    shared.desk.control.configure(|settings| settings.second_install = true);
    let ts = shared.desk.control.say(&shared.channel, ADA, "@athenaeum hello").unwrap();
    let (ours, theirs) = (socket.frame().await, socket.frame().await);
    let installation = |envelope: &Value| envelope["payload"]["authorizations"][0].clone();
    assert_eq!(
        (&installation(&ours)["team_id"], &installation(&ours)["user_id"]),
        (&json!("T0LOCAL"), &json!(BOT))
    );
    assert_eq!(
        (&installation(&theirs)["team_id"], &installation(&theirs)["user_id"]),
        (&json!(PARTNER), &json!(SECOND_BOT_USER))
    );
    assert_ne!(ours["payload"]["event_id"], theirs["payload"]["event_id"]);
    for envelope in [&ours, &theirs] {
        assert_eq!(
            (&event(envelope)["ts"], &event(envelope)["channel"]),
            (&json!(ts), &json!(shared.channel))
        );
        assert_eq!(event(envelope)["client_msg_id"], event(&ours)["client_msg_id"]);
    }
    // What is not shared comes once.
    shared.desk.say("@athenaeum only here");
    shared.desk.say("@athenaeum and again");
    assert_eq!(event(&socket.frame().await)["text"], format!("<@{BOT}> only here"));
    assert_eq!(event(&socket.frame().await)["text"], format!("<@{BOT}> and again"));
}

#[tokio::test]
async fn nothing_can_be_streamed_to_a_stranger() {
    let (shared, _socket) = shared(&[]).await;
    let root = shared.desk.control.say(&shared.channel, &shared.stranger, "question").unwrap();
    let start = json!({"channel": shared.channel, "thread_ts": root,
        "recipient_user_id": shared.stranger, "recipient_team_id": PARTNER});
    shared.desk.refused("user_not_found", "chat.startStream", start).await;
    let reply = json!({"channel": shared.channel, "thread_ts": root, "text": "answer"});
    shared.desk.done("chat.postMessage", reply).await;
}

#[tokio::test]
async fn a_file_in_a_shared_channel_must_be_asked_for() {
    let (shared, mut socket) = shared(&["message.channels"]).await;
    let notes = Attachment { name: "notes.txt".into(), text: Some("hello".into()), base64: None };
    let send = Send {
        channel: shared.channel.clone(),
        user: shared.stranger.clone(),
        files: vec![notes],
        ..Send::default()
    };
    shared.desk.control.send(send).unwrap();
    let envelope = socket.frame().await;
    let file = &event(&envelope)["files"][0];
    assert_eq!(file["file_access"], "check_file_info");
    assert!(file.get("url_private").is_none());
    let info = shared.desk.done("files.info", json!({"file": file["id"]})).await;
    assert_eq!(info["file"]["name"], "notes.txt");
}
