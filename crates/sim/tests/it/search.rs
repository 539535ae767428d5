//! `assistant.search.context`: what the person who asked could find.

use serde_json::{Value, json};
use sim::slack::{Guest, Options, Person, Place};

use crate::desk::{ADA, BOT, Desk, GENERAL, GRACE, Socket, event};

async fn desk() -> (Desk, Socket) {
    let mut options = Options::default();
    options.settings.subscriptions = ["app_mention", "message.im"].map(str::to_owned).into();
    let desk = Desk::with(options).await;
    let socket = desk.socket().await;
    (desk, socket)
}

/// A private channel of Ada and the bot.
fn board(desk: &Desk) -> String {
    let place = Place {
        name: Some("board".into()),
        private: true,
        members: vec![ADA.into(), BOT.into()],
        ..Place::default()
    };
    desk.control.place(place).unwrap()
}

async fn found(desk: &Desk, envelope: &Value) -> Vec<Value> {
    let token = &event(envelope)["assistant_thread"]["action_token"];
    let search = json!({"query": "budget", "action_token": token});
    let answer = desk.done("assistant.search.context", search).await;
    answer["results"]["messages"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_public_question_finds_what_is_public_and_a_private_one_its_own_channel_too() {
    let (desk, mut socket) = desk().await;
    let board = board(&desk);
    desk.say("the budget is public");
    desk.control.say("C0LOUNGE", GRACE, "a budget where the bot is not").unwrap();
    desk.control.say(&board, ADA, "the budget is secret").unwrap();
    desk.control.say("D0GRACE", GRACE, "my own budget").unwrap();
    socket.frame().await;
    let texts = |found: Vec<Value>| -> Vec<String> {
        let mut texts: Vec<String> =
            found.iter().map(|m| m["content"].as_str().unwrap().to_owned()).collect();
        texts.sort();
        texts
    };
    let public = ["a budget where the bot is not", "the budget is public"];
    desk.say("@athenaeum how much?");
    assert_eq!(texts(found(&desk, &socket.frame().await).await), public);
    desk.control.say(&board, ADA, "@athenaeum how much?").unwrap();
    let private = texts(found(&desk, &socket.frame().await).await);
    assert_eq!(private, [&public[..], &["the budget is secret"]].concat());
}

#[tokio::test]
async fn a_search_needs_the_token_of_a_message_and_gives_twenty_at_most() {
    let (desk, mut socket) = desk().await;
    for _ in 0..25 {
        desk.say("budget");
    }
    desk.control.say("D0ADA", ADA, "how much?").unwrap();
    let asked = socket.frame().await;
    assert_eq!(found(&desk, &asked).await.len(), 20);
    let token = &event(&asked)["assistant_thread"]["action_token"];
    let more = json!({"query": "budget", "action_token": token, "limit": 21});
    desk.refused("invalid_limit", "assistant.search.context", more).await;
    let wrong = json!({"query": "budget", "action_token": "made-up"});
    desk.refused("invalid_action_token", "assistant.search.context", wrong).await;
}

#[tokio::test]
async fn nothing_is_searched_for_a_guest() {
    let (desk, mut socket) = desk().await;
    let guest = Some(Guest::MultiChannel);
    let visitor = Person { name: Some("visitor".into()), guest, ..Person::default() };
    let visitor = desk.control.person(visitor).unwrap();
    desk.control.join(GENERAL, &visitor, None).unwrap();
    desk.control.say(GENERAL, &visitor, "@athenaeum how much?").unwrap();
    let asked = socket.frame().await;
    let token = &event(&asked)["assistant_thread"]["action_token"];
    let search = json!({"query": "budget", "action_token": token});
    desk.refused("user_is_restricted", "assistant.search.context", search).await;
}
