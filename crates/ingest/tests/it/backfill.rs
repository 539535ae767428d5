//! What was said while nobody listened is read up, once.

use std::time::Duration;

use serde_json::json;
use service::shutdown::Signals;
use sim::slack::{Clock, Options, SocketOptions};

use crate::rig::Rig;

const EVENTS: &str = "SELECT count(*) FROM events";
const JOBS: &str = "SELECT count(*) FROM jobs";
const HEARD: &str = "SELECT count(*) FROM sources";
const OPEN: &str = "SELECT count(*) FROM gaps WHERE closed_at IS NULL";
const READ: &str = "SELECT count(*) FROM gaps WHERE closed_at IS NOT NULL";
const LONG_AGO: &str = "UPDATE sources SET heard_at = heard_at - INTERVAL '10 minutes'";

/// A Slack that tries nothing again that came while no socket was open, as after ten minutes.
fn forgetful() -> Options {
    let socket = SocketOptions { waiting_max: 0, ..SocketOptions::default() };
    Options { clock: Clock::test(), socket, ..Options::default() }
}

/// An ingest that has listened, under that Slack.
async fn listening() -> Rig {
    let rig = Rig::begin_under(forgetful(), |_| {}).await;
    rig.until_count(HEARD, 1).await;
    rig
}

async fn run(rig: &Rig, statement: &'static str) {
    sqlx::query(statement).execute(&rig.pool).await.unwrap();
}

/// Says something in a thread of the general channel.
async fn reply(rig: &Rig, root: &str, text: &str) {
    let said = json!({"channel": "C0GENERAL", "user": "U0ADA", "thread_ts": root, "text": text});
    rig.control("messages", &said).await;
}

/// Calls of a Web API method so far.
async fn calls(rig: &Rig, method: &str) -> usize {
    rig.journal("call").await.iter().filter(|call| call["method"] == method).count()
}

#[tokio::test]
async fn in22_what_was_said_while_all_were_away_is_owed_an_answer_once() {
    let mut rig = listening().await;
    let root = rig.say("C0GENERAL", "good morning").await;
    rig.until_acks(1).await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    rig.mention("how are failed events replayed?").await;
    rig.say("D0ADA", "and in private?").await;
    rig.say("C0GENERAL", "we talk among ourselves").await;
    reply(&rig, &root, "<@U0ATHENA> and in an old thread?").await;
    assert_eq!(rig.journal("gave_up").await.len(), 6, "nobody heard it");
    rig.come_back().await;
    rig.until_count(READ, 1).await;
    assert_eq!((rig.count(JOBS).await, rig.count(EVENTS).await), (3, 4));
    let found: i64 =
        sqlx::query_scalar("SELECT found FROM gaps").fetch_one(&rig.pool).await.unwrap();
    assert_eq!(found, 3);
    let kinds: Vec<String> =
        sqlx::query_scalar("SELECT kind FROM events WHERE source = 'slack.history' ORDER BY kind")
            .fetch_all(&rig.pool)
            .await
            .unwrap();
    assert_eq!(kinds, ["app_mention", "app_mention", "message"]);
    // Read again, it is known.
    run(&rig, "INSERT INTO gaps (source, since) SELECT source, since FROM gaps").await;
    rig.until_count(READ, 2).await;
    assert_eq!((rig.count(JOBS).await, rig.count(EVENTS).await), (3, 4));
    rig.stop().await;
}

#[tokio::test]
async fn what_slack_delivers_while_it_is_read_up_is_one_event() {
    // This Slack remembers what nobody heard, and delivers it as soon as somebody listens.
    let mut rig = Rig::start().await;
    rig.until_count(HEARD, 1).await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    let questions = 20;
    for question in 0..questions {
        rig.mention(&format!("question {question}")).await;
    }
    rig.come_back().await;
    rig.until_count(READ, 1).await;
    rig.until_acks(2 * 20).await;
    assert_eq!((rig.count(JOBS).await, rig.count(EVENTS).await), (questions, questions));
    rig.stop().await;
}

#[tokio::test]
async fn what_was_settled_meanwhile_is_left_alone() {
    let mut rig = listening().await;
    rig.mention("hello").await;
    rig.until_count(JOBS, 1).await;
    let end = "WITH gone AS (DELETE FROM jobs RETURNING *)
        INSERT INTO outcomes (occurred_at, event_id, generation, attempts, state, kind)
        SELECT occurred_at, event_id, generation, 0, 'cancelled', kind FROM gone";
    run(&rig, end).await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    rig.come_back().await;
    rig.until_count(READ, 1).await;
    assert_eq!(rig.count(JOBS).await, 0);
    rig.stop().await;
}

#[tokio::test]
async fn a_start_that_nothing_preceded_and_a_short_silence_read_nothing() {
    let mut rig = listening().await;
    rig.leave().await;
    run(&rig, "UPDATE sources SET heard_at = clock_timestamp() - INTERVAL '10 seconds'").await;
    rig.come_back().await;
    let again = "SELECT count(*) FROM sources WHERE heard_at > clock_timestamp() - INTERVAL '5 s'";
    rig.until_count(again, 1).await;
    assert_eq!((rig.count(OPEN).await, rig.count(READ).await), (0, 0));
    rig.stop().await;
}

#[tokio::test]
async fn nobody_listens_without_a_socket() {
    let rig = listening().await;
    rig.control(
        "faults",
        &json!({"method": "apps.connections.open", "fault": "error",
        "error": "fatal_error", "count": 1_000}),
    )
    .await;
    rig.control("sockets", &json!({"action": "drop"})).await;
    rig.until("no socket", async || rig.facts().await["sockets_open"] == 0).await;
    run(&rig, LONG_AGO).await;
    rig.mention("anybody there?").await;
    let address = format!("{}sim/faults", rig.slack.page_url());
    reqwest::Client::new().delete(address).send().await.unwrap();
    rig.until_count(READ, 1).await;
    assert_eq!(rig.count(JOBS).await, 1);
    rig.stop().await;
}

#[tokio::test]
async fn only_so_much_is_read_back() {
    let long_ago = Clock::test_at(seconds_ago(3 * 3_600));
    let options = Options { clock: long_ago, ..forgetful() };
    let mut rig = Rig::begin_under(options, |config| {
        config.backfill = Duration::from_secs(3_600);
    })
    .await;
    rig.until_count(HEARD, 1).await;
    rig.leave().await;
    run(&rig, "UPDATE sources SET heard_at = heard_at - INTERVAL '5 hours'").await;
    rig.mention("three hours ago").await;
    rig.control("clock", &json!({"advance_s": 3 * 3_600})).await;
    rig.mention("just now").await;
    rig.come_back().await;
    rig.until_count(READ, 1).await;
    assert_eq!(rig.count(JOBS).await, 1);
    rig.stop().await;
}

#[tokio::test]
async fn switched_off_it_reads_nothing() {
    let mut rig = Rig::begin_under(forgetful(), |config| config.backfill = Duration::ZERO).await;
    rig.until_count(HEARD, 1).await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    rig.mention("hello").await;
    rig.come_back().await;
    let again = "SELECT count(*) FROM sources WHERE heard_at > clock_timestamp() - INTERVAL '5 s'";
    rig.until_count(again, 1).await;
    assert_eq!((rig.count(OPEN).await, rig.count(JOBS).await), (0, 0));
    rig.stop().await;
}

#[tokio::test]
async fn slacks_limits_are_waited_for_and_its_refusals_tried_again_later() {
    let mut rig = listening().await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    rig.mention("hello").await;
    let faults = [
        json!({"method": "users.conversations", "fault": "error", "error": "missing_scope"}),
        json!({"method": "users.conversations", "fault": "rate_limit", "retry_after_s": 1}),
        json!({"method": "conversations.history", "fault": "error_after_applying", "count": 3}),
    ];
    for fault in faults {
        rig.control("faults", &fault).await;
    }
    rig.come_back().await;
    rig.until_count(READ, 1).await;
    assert_eq!(rig.count(JOBS).await, 1);
    assert_eq!(calls(&rig, "users.conversations").await, 3);
    rig.stop().await;
}

#[tokio::test]
async fn a_conversation_that_may_not_be_read_keeps_nobody_from_the_others() {
    let mut rig = listening().await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    rig.mention("hello").await;
    rig.say("D0ADA", "hello").await;
    let scopes = rig.slack.control().settings().scopes;
    let left: Vec<String> = scopes.into_iter().filter(|scope| scope != "im:history").collect();
    rig.control("settings", &json!({"scopes": left})).await;
    rig.come_back().await;
    rig.until_count(READ, 1).await;
    assert_eq!(rig.count(JOBS).await, 1);
    rig.stop().await;
}

#[tokio::test]
async fn one_process_reads_and_another_goes_on_where_it_was() {
    let mut rig = listening().await;
    rig.leave().await;
    run(&rig, LONG_AGO).await;
    rig.mention("hello").await;
    rig.say("D0ADA", "hello").await;
    // The first came as far as the direct messages, and died.
    run(
        &rig,
        "INSERT INTO gaps (source, since, done_until, token, held_until)
         SELECT name, heard_at, 'C9', 7, clock_timestamp() + INTERVAL '1 hour' FROM sources",
    )
    .await;
    rig.come_back().await;
    let both = Signals::default();
    let second = rig.second(&both).await;
    rig.until("all sockets", async || opened(&rig).await == 6).await;
    assert_eq!(calls(&rig, "users.conversations").await, 0, "it is held");
    run(&rig, "UPDATE gaps SET held_until = clock_timestamp()").await;
    let begun_anew = "SELECT count(*) FROM gaps WHERE token = 8 AND found = 1 AND done_until = ''";
    rig.until_count(begun_anew, 1).await;
    assert_eq!(calls(&rig, "conversations.history").await, 3, "the three direct messages");
    assert_eq!(rig.count(JOBS).await, 1);
    assert_eq!(rig.count(OPEN).await, 1, "what the new silence may have cost comes after it");
    both.soft.cancel();
    second.await.unwrap().unwrap();
    rig.stop().await;
}

#[tokio::test]
async fn in19_slacks_notice_that_it_leaves_events_out_is_a_gap() {
    let rig = listening().await;
    let notice = json!({"envelope_id": "e1", "type": "events_api", "payload": {
        "type": "app_rate_limited", "team_id": "T0LOCAL", "minute_rate_limited": 1}});
    rig.control("raw", &json!({"frame": notice})).await;
    rig.until_count("SELECT count(*) FROM events WHERE kind = 'app_rate_limited'", 1).await;
    let later =
        "SELECT count(*) FROM gaps WHERE ready_at > clock_timestamp() + INTERVAL '1 minute'";
    assert_eq!(rig.count(later).await, 1, "read once that minute is over");
    rig.mention("left out").await;
    run(&rig, "UPDATE gaps SET ready_at = clock_timestamp()").await;
    rig.until_count(READ, 1).await;
    rig.stop().await;
}

/// Sockets opened so far.
async fn opened(rig: &Rig) -> usize {
    rig.journal("socket").await.iter().filter(|entry| entry["change"] == "opened").count()
}

fn seconds_ago(seconds: i64) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap() - seconds
}
