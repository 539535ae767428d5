//! Rows of the fault catalogue that no other file here has, named after them. The others: IN4, IN8, IN11,
//! IN12, IN14 and IN18 in `faults` and `input`, IN13 in the sockets' own tests (`slack`), IN15 and IN16 in
//! `sockets`, IN19 and IN22 in `backfill`, IN21 in `requests`; IN1 to IN3, IN6, IN17 and IN20 kill what
//! only a whole fleet has.

use serde_json::{Value, json};
use sim::link::{Commit, Cut, Link};
use sim::slack::{Clock, Options};

use crate::rig::Rig;

const EVENTS: &str = "SELECT count(*) FROM events";
const JOBS: &str = "SELECT count(*) FROM jobs";

/// A mention as Slack frames it.
fn mention(event_id: &str, team: &str, changes: &Value) -> Value {
    let mut event = json!({"type": "app_mention", "channel": "C0GENERAL", "user": "U0ADA",
        "text": "<@U0ATHENA> hello", "ts": "1700000000.000001", "event_ts": "1700000000.000001"});
    for (key, value) in changes.as_object().unwrap() {
        event[key] = value.clone();
    }
    json!({"envelope_id": event_id, "type": "events_api", "payload": {
        "type": "event_callback", "team_id": team, "event_id": event_id, "event": event,
        "authorizations": [{"team_id": team, "user_id": "U0ATHENA", "is_bot": true}]}})
}

async fn send(rig: &Rig, frame: &Value) {
    rig.control("raw", &json!({"frame": frame})).await;
}

async fn until_journalled(rig: &Rig, acks: usize) {
    rig.until("acknowledgements", async || rig.journal("ack").await.len() == acks).await;
}

#[tokio::test]
async fn in5_a_commit_whose_answer_is_lost_is_acknowledged_once_it_is_known_to_stand() {
    let link = Link::to(&std::env::var("DATABASE_URL").unwrap()).await.unwrap();
    let options = Options { clock: Clock::test(), ..Options::default() };
    let rig = Rig::begin_under(options, |config| {
        use secrecy::ExposeSecret;
        config.database.url = link.url(config.database.url.expose_secret()).into();
    })
    .await;
    rig.until("two sockets", async || rig.facts().await["sockets_open"] == 2).await;
    let of_the_log = |commit: &Commit| {
        commit.statements.iter().any(|statement| statement.contains("INSERT INTO events"))
    };
    link.arm(Cut::After, 0, of_the_log);
    rig.mention("hello").await;
    rig.until_acks(2).await;
    assert!(!link.disarm(), "it was cut");
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1));
    rig.stop().await;
}

#[tokio::test]
async fn in7_one_envelope_five_times_is_one_event_and_five_acknowledgements() {
    let rig = Rig::start().await;
    let frame = mention("Ev1", "T0LOCAL", &json!({}));
    for _ in 0..5 {
        send(&rig, &frame).await;
    }
    until_journalled(&rig, 5).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1));
    rig.stop().await;
}

#[tokio::test]
async fn in9_copies_for_two_workspaces_that_share_a_channel_are_one_event() {
    let rig = Rig::start().await;
    for (event_id, team) in [("Ev1", "T0LOCAL"), ("Ev2", "T0OTHER")] {
        send(&rig, &mention(event_id, team, &json!({}))).await;
    }
    until_journalled(&rig, 2).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1));
    rig.stop().await;
}

#[tokio::test]
async fn in10_a_message_that_its_client_sent_twice_is_one_event() {
    let rig = Rig::start().await;
    for (event_id, ts) in [("Ev1", "1700000000.000001"), ("Ev2", "1700000002.000002")] {
        let changes = json!({"ts": ts, "event_ts": ts, "client_msg_id": "5b1f2c9e"});
        send(&rig, &mention(event_id, "T0LOCAL", &changes)).await;
    }
    // The twin of the second knows only its ts.
    let twin = json!({"ts": "1700000002.000002", "event_ts": "1700000002.000002",
        "type": "message", "channel_type": "channel"});
    send(&rig, &mention("Ev3", "T0LOCAL", &twin)).await;
    until_journalled(&rig, 3).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (1, 1));
    rig.stop().await;
}

#[tokio::test]
async fn in18_other_bots_are_stored_and_answered_only_where_they_are_allowed() {
    let options = Options { clock: Clock::test(), ..Options::default() };
    let rig = Rig::begin_under(options, |config| {
        config.bots.insert("B0FRIEND".to_owned());
    })
    .await;
    rig.until("two sockets", async || rig.facts().await["sockets_open"] == 2).await;
    for (number, bot) in ["B0OTHER", "B0FRIEND", "B0ATHENA"].iter().enumerate() {
        let ts = format!("1700000000.00000{number}");
        let changes = json!({"ts": ts, "event_ts": ts, "bot_id": bot, "user": "U0ROBOT"});
        send(&rig, &mention(bot, "T0LOCAL", &changes)).await;
    }
    until_journalled(&rig, 3).await;
    assert_eq!((rig.count(EVENTS).await, rig.count(JOBS).await), (3, 1));
    rig.stop().await;
}

#[tokio::test]
async fn in19_a_burst_is_acknowledged_whole() {
    let rig = Rig::start().await;
    let burst = 300;
    for question in 0..burst {
        rig.mention(&format!("question {question}")).await;
    }
    rig.until_count(JOBS, burst).await;
    rig.until_acks(600).await;
    assert_eq!(rig.journal("gave_up").await.len(), 0);
    rig.stop().await;
}
