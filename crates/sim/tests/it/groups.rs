//! Direct messages of several people and the bot: Slack's `mpim`.

use serde_json::{Value, json};

use crate::desk::{ADA, BOT, Desk, GRACE, event};

const LINUS: &str = "U0LINUS";

async fn open(desk: &Desk, users: &str) -> Value {
    desk.done("conversations.open", json!({"users": users, "return_im": true})).await
}

#[tokio::test]
async fn several_people_and_the_bot_have_one_group_however_they_are_named() {
    let desk = Desk::start().await;
    let opened = open(&desk, &format!("{ADA},{GRACE}")).await;
    let group = &opened["channel"];
    assert_eq!((&opened["already_open"], &group["is_mpim"]), (&json!(false), &json!(true)));
    assert_eq!((&group["is_im"], &group["is_private"]), (&json!(false), &json!(true)));
    assert!(group["name"].as_str().unwrap().starts_with("mpdm-"), "{group}");
    let again = open(&desk, &format!("{GRACE},{BOT},{ADA}")).await;
    assert_eq!((&again["already_open"], &again["channel"]["id"]), (&json!(true), &group["id"]));
    let other = open(&desk, &format!("{ADA},{LINUS}")).await;
    assert_ne!(other["channel"]["id"], group["id"]);
    let listed = desk.done("conversations.list", json!({"types": "mpim"})).await;
    assert_eq!(listed["channels"].as_array().unwrap().len(), 2);
    let members = desk.done("conversations.members", json!({"channel": group["id"]})).await;
    assert_eq!(members["members"], json!([ADA, BOT, GRACE]));
}

#[tokio::test]
async fn a_message_in_a_group_is_one_of_mpim() {
    let desk = Desk::start().await;
    let group = open(&desk, &format!("{ADA},{GRACE}")).await["channel"]["id"].clone();
    let group = group.as_str().unwrap();
    let mut socket = desk.socket().await;
    desk.control.say(group, ADA, "hello both").unwrap();
    let message = socket.frame().await;
    assert_eq!(event(&message)["channel_type"], "mpim");
    let ts = desk.control.say(group, GRACE, "@athenaeum hello").unwrap();
    assert_eq!(event(&socket.frame().await)["type"], "message");
    let mention = socket.frame().await;
    assert_eq!(
        (&event(&mention)["type"], &event(&mention)["ts"]),
        (&json!("app_mention"), &json!(ts))
    );
    desk.control.configure(|settings| settings.subscriptions = ["message.im".to_owned()].into());
    desk.control.say(group, ADA, "unheard").unwrap();
    desk.control.say("D0ADA", ADA, "heard").unwrap();
    assert_eq!(event(&socket.frame().await)["text"], "heard");
    assert!(desk.control.say(group, LINUS, "let me in").is_err());
}

#[tokio::test]
async fn a_group_is_read_with_its_own_scope_and_nobody_joins_or_leaves_it() {
    let desk = Desk::start().await;
    let opened = open(&desk, &format!("{ADA},{GRACE}")).await;
    let place = json!({"channel": opened["channel"]["id"]});
    let group = place["channel"].as_str().unwrap();
    assert!(desk.control.join(group, LINUS, None).is_err());
    desk.refused("method_not_supported_for_channel_type", "conversations.join", place.clone())
        .await;
    desk.control.configure(|settings| {
        settings.scopes.remove("mpim:history");
    });
    let refused = desk.refused("missing_scope", "conversations.history", place.clone()).await;
    assert_eq!(refused["needed"], "mpim:history");
}

#[tokio::test]
async fn a_group_has_two_to_eight_people_whom_everybody_knows() {
    let desk = Desk::start().await;
    for (users, code) in [
        (vec![], "users_list_not_supplied"),
        (vec![ADA, ADA], "not_enough_users"),
        (vec![ADA, "U0NOBODY"], "user_not_found"),
        (vec![ADA; 9], "too_many_users"),
    ] {
        desk.refused(code, "conversations.open", json!({"users": users.join(",")})).await;
    }
}

#[tokio::test]
async fn a_stream_in_a_group_needs_a_recipient_as_in_a_channel() {
    let desk = Desk::start().await;
    let group = open(&desk, &format!("{ADA},{GRACE}")).await["channel"]["id"].clone();
    let root = desk.control.say(group.as_str().unwrap(), ADA, "question").unwrap();
    let start = json!({"channel": group, "thread_ts": root});
    desk.refused("missing_recipient_user_id", "chat.startStream", start).await;
}
