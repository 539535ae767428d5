//! What comes in at the worst of times is answered once; rows of the fault catalogue that need a whole
//! fleet, named after them.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::chat::{ADA, BOT, GENERAL};
use crate::harness::{Cluster, Fleet, SOON, until};

const READ_UP: &str = "select count(*) from gaps where closed_at is not null";
const LIVE: &str = "select count(*) from jobs";

/// An event as Slack frames it, with a message that need not be there.
fn frame(id: &str, event: &Value) -> Value {
    json!({"frame": {"envelope_id": id, "type": "events_api", "payload": {
        "type": "event_callback", "team_id": "T0LOCAL", "event_id": id, "event": event,
        "authorizations": [{"team_id": "T0LOCAL", "user_id": BOT, "is_bot": true}]}}})
}

async fn settled(fleet: &Fleet, outcomes: i64) {
    let ended = "select count(*) from outcomes";
    until("all to end", SOON, async || (fleet.count(ended).await >= outcomes).then_some(())).await;
    until("no job", SOON, async || (fleet.count(LIVE).await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in1_what_dies_before_its_commit_is_not_acknowledged_and_comes_again() {
    let fleet = Fleet::new().await;
    let ingest = fleet.ingest().await;
    let holding = fleet.hold("deliveries").await;
    fleet.chat.mention("Does this survive?").await;
    let blocked = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'
                    and application_name = 'athenaeum-ingest' and datname = current_database()";
    until("its commit to wait", SOON, async || (fleet.count(blocked).await == 1).then_some(()))
        .await;
    ingest.kill().await;
    // The server rolls back what the dead process had begun.
    until("nothing waits", SOON, async || {
        let end = blocked.replace("count(*)", "count(pg_terminate_backend(pid))");
        (fleet.count(&end).await == 0).then_some(())
    })
    .await;
    holding.batch_execute("rollback").await.expect("the lock goes");
    let events = "select count(*) from events";
    assert_eq!((acks(&fleet.chat.journal().await), fleet.count(events).await), (0, 0));
    let _again = fleet.ingest().await;
    acknowledged(&fleet).await;
    assert_eq!((fleet.count(events).await, fleet.count(LIVE).await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn in22_what_was_said_in_ten_minutes_without_ingest_is_answered_once_each() {
    let fleet = Fleet::under_a_forgetful_slack().await;
    let (mut ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let before = fleet.chat.mention("What is a lease?").await;
    fleet.chat.reply(&before, SOON).await;
    settled(&fleet, 1).await;
    let heard = "select count(*) from sources";
    until("it says that it listens", SOON, async || (fleet.count(heard).await == 1).then_some(()))
        .await;
    ingest.terminate();
    assert_eq!(ingest.ended(SOON).await, Some(0));
    fleet
        .sql()
        .await
        .batch_execute("update sources set heard_at = heard_at - interval '10 minutes'")
        .await
        .expect("ten minutes pass");
    let asked = [
        fleet.chat.mention("What is a lane?").await,
        fleet.chat.mention("What is an effect?").await,
    ];
    let follow_up = fleet.chat.mention_in(&before, "And a token?").await;
    let direct = json!({"channel": "D0ADA", "user": ADA, "text": "What is a guard?"});
    let direct = fleet.chat.say(direct).await;
    let journal = fleet.chat.journal().await;
    let lost = journal.iter().filter(|entry| entry["kind"] == "gave_up").count();
    assert_eq!(lost, 7, "Slack tries no more");
    let _back = fleet.ingest().await;
    // Thirty calls a minute at most.
    let patience = Duration::from_secs(120);
    until("all is read up", patience, async || (fleet.count(READ_UP).await == 1).then_some(()))
        .await;
    settled(&fleet, 5).await;
    for ts in &asked {
        assert_eq!(fleet.chat.replies(GENERAL, ts).await.len(), 1);
    }
    assert_eq!(fleet.chat.replies(GENERAL, &before).await.len(), 2, "the second is to {follow_up}");
    assert_eq!(fleet.chat.replies("D0ADA", &direct).await.len(), 1);
    assert_eq!(fleet.count("select count(*) from outcomes where state = 'done'").await, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn in17_a_change_that_comes_before_its_message_counts() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let message = |ts: &str, said: &str| json!({"ts": ts, "user": ADA, "text": said});
    let changed = |subtype: &str, at: &str| {
        json!({"type": "message", "subtype": subtype, "channel": GENERAL, "ts": at,
            "channel_type": "channel", "event_ts": at})
    };
    let mut deleted = changed("message_deleted", "1700000009.000001");
    deleted["deleted_ts"] = json!("1700000001.000001");
    deleted["previous_message"] = message("1700000001.000001", "<@U0ATHENA> never mind");
    let mut edited = changed("message_changed", "1700000009.000002");
    edited["previous_message"] = message("1700000002.000001", "<@U0ATHENA> what is a lace?");
    edited["message"] = message("1700000002.000001", "<@U0ATHENA> what is a lane?");
    let mut older = edited.clone();
    older["event_ts"] = json!("1700000008.000001");
    older["message"] = message("1700000002.000001", "<@U0ATHENA> what is a lame?");
    for (id, event) in [("Ev1", &deleted), ("Ev2", &edited)] {
        fleet.chat.post("raw", frame(id, event)).await;
    }
    settled(&fleet, 2).await;
    fleet.chat.post("raw", frame("Ev3", &older)).await;
    settled(&fleet, 3).await;
    for (id, ts, said) in [
        ("Ev4", "1700000001.000001", "<@U0ATHENA> never mind"),
        ("Ev5", "1700000002.000001", "<@U0ATHENA> what is a lace?"),
    ] {
        let event = json!({"type": "app_mention", "channel": GENERAL, "user": ADA, "text": said,
            "ts": ts, "event_ts": ts});
        fleet.chat.post("raw", frame(id, &event)).await;
    }
    fleet.model_is_asked_about("what is a lane?").await;
    let asked = fleet.model.requests();
    let about =
        |words: &str| asked.iter().filter(|asked| asked.body.to_string().contains(words)).count();
    assert_eq!((about("never mind"), about("lace"), about("lame")), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn in18_a_bot_that_is_allowed_has_five_answers_in_a_thread_and_others_have_none() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) =
        tokio::join!(fleet.ingest_with(&[("ATHENAEUM_BOTS", "B0FRIEND")]), fleet.worker());
    let root = fleet.chat.say(json!({"channel": GENERAL, "user": ADA, "text": "Go, bots"})).await;
    for (number, bot) in
        [(0, "B0OTHER"), (1, "B0FRIEND"), (2, "B0FRIEND"), (3, "B0FRIEND"), (4, "B0FRIEND")]
    {
        say_as_bot(&fleet, &root, number, bot).await;
    }
    settled(&fleet, 4).await;
    assert_eq!(fleet.chat.replies(GENERAL, &root).await.len(), 4, "none to the other bot");
    for number in 5..8 {
        say_as_bot(&fleet, &root, number, "B0FRIEND").await;
    }
    settled(&fleet, 7).await;
    assert_eq!(fleet.chat.replies(GENERAL, &root).await.len(), 5);
}

async fn say_as_bot(fleet: &Fleet, root: &str, number: u32, bot: &str) {
    let ts = format!("1700000000.{number:06}");
    let event = json!({"type": "app_mention", "channel": GENERAL, "user": "U0BOT", "bot_id": bot,
        "text": "<@U0ATHENA> what is a lane?", "ts": ts, "event_ts": ts, "thread_ts": root});
    fleet.chat.post("raw", frame(&format!("Ev{number}"), &event)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in6_what_was_acknowledged_outlives_a_crash_of_the_database() {
    let cluster = Cluster::migrated().await;
    let fleet = Fleet::on(cluster.url().to_owned()).await;
    let _ingest = fleet.ingest().await;
    fleet.chat.mention("Does this survive?").await;
    acknowledged(&fleet).await;
    cluster.crash().await;
    cluster.resume().await;
    until("the database is back", SOON, async || fleet.try_sql().await).await;
    assert_eq!(fleet.count(LIVE).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn in20_what_is_acknowledged_while_backends_stand_still_is_stored() {
    let cluster = Cluster::migrated().await;
    let fleet = Fleet::on(cluster.url().to_owned()).await;
    let _ingest = fleet.ingest().await;
    fleet.chat.mention("one").await;
    acknowledged(&fleet).await;
    let backends = backends(&fleet).await;
    for backend in &backends {
        kill_process(*backend, Signal::STOP).expect("a backend of ours");
    }
    let begun = fleet.chat.journal().await.len();
    fleet.chat.mention("two").await;
    tokio::time::sleep(STALL).await;
    let acks = acks(&fleet.chat.journal().await[begun..]);
    // A commit that does not return is given up and made again over another connection.
    let stored = fleet.count("select count(*) from events").await;
    for backend in &backends {
        kill_process(*backend, Signal::CONT).expect("a backend of ours");
    }
    assert!(acks == 0 || stored == 2, "{acks} acknowledgements, {stored} events");
    until("both questions", SOON, async || (fleet.count(LIVE).await == 2).then_some(())).await;
}

/// How long the database does not move: as long as a slow disk's worst moment, and shorter than Slack
/// waits.
const STALL: Duration = Duration::from_millis(2_500);

/// The processes that serve ingest.
async fn backends(fleet: &Fleet) -> Vec<Pid> {
    let ask = "select pid from pg_stat_activity where application_name = 'athenaeum-ingest'";
    let rows = fleet.sql().await.query(ask, &[]).await.expect(ask);
    let pids: Vec<Pid> = rows.iter().filter_map(|row| Pid::from_raw(row.get(0))).collect();
    assert!(!pids.is_empty(), "ingest is connected");
    pids
}

async fn acknowledged(fleet: &Fleet) {
    until("acknowledgements", SOON, async || {
        (acks(&fleet.chat.journal().await) == 2).then_some(())
    })
    .await;
}

fn acks(journal: &[Value]) -> usize {
    journal.iter().filter(|entry| entry["kind"] == "ack" && entry["result"] == "done").count()
}
