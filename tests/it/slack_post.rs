//! The rows S of the fault catalogue: what Slack and its limits may do to the bot's messages.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::chat::GENERAL;
use crate::harness::{Fleet, until};

/// What is posted in the rows of this file, its pacing and its second tries included.
const PATIENT: Duration = Duration::from_secs(90);

/// Mentions in one channel at once: more than the burst that Slack lets pass.
const BURST: usize = 10;

/// For how long Slack refuses, in seconds.
const RETRY_AFTER_S: i64 = 6;

/// The calls of a method so far: when each was answered, in microseconds, and with which status.
async fn calls(fleet: &Fleet, method: &str) -> Vec<(i64, u64)> {
    let journal = fleet.chat.journal().await;
    let calls = journal.iter().filter(|entry| entry["kind"] == "call" && entry["method"] == method);
    calls
        .map(|entry| {
            (entry["at_us"].as_i64().expect("a time"), entry["status"].as_u64().expect("one"))
        })
        .collect()
}

async fn all_done(fleet: &Fleet, count: i64) {
    let done = "select count(*) from outcomes where state = 'done'";
    until("all is done", PATIENT, async || (fleet.count(done).await == count).then_some(())).await;
}

/// What a zombie's socket still held when its process was thought dead.
async fn post_again(fleet: &Fleet, thread_ts: &str, key: &str) {
    let body = json!({"channel": GENERAL, "thread_ts": thread_ts, "markdown_text": "Said again.",
        "metadata": {"event_type": "athenaeum_reply", "event_payload": {"key": key}}});
    let call = reqwest::Client::new().post(format!("{}/chat.postMessage", fleet.slack.api_url()));
    let answer = call.bearer_auth("xoxb-local").json(&body).send().await.expect("Slack answers");
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["ok"], true, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_a_burst_in_a_channel_is_paced_by_all_workers_together_and_draws_no_429() {
    let fleet = Fleet::new().await;
    fleet.chat.post("settings", json!({"enforce_limits": true})).await;
    let (_ingest, _one, _two) = tokio::join!(fleet.ingest(), fleet.worker(), fleet.worker());
    for number in 0..BURST {
        fleet.chat.mention(&format!("What is a lane? ({number})")).await;
    }
    all_done(&fleet, BURST as i64).await;
    let posts = calls(&fleet, "chat.postMessage").await;
    assert_eq!(posts.len(), BURST, "each is posted once");
    for (first, (at_us, _)) in posts.iter().enumerate() {
        let within_s = |seconds: i64| {
            posts[first..].iter().filter(|(at, _)| at - at_us < seconds * 1_000_000).count()
        };
        // Three at once, then one a second; one more for what the wire adds.
        assert!(within_s(1) <= 5 && within_s(4) <= 8, "{posts:?}");
    }
    let journal = fleet.chat.journal().await;
    let refused: Vec<_> = journal.iter().filter(|entry| entry["status"] == 429).collect();
    assert!(refused.is_empty(), "{refused:?}");
    // A search and the answer, for each.
    assert_eq!(fleet.model.requests().len(), BURST * 2, "none was asked twice");
    let charged = "select count(*) from outcomes where attempts > 1";
    assert_eq!(fleet.count(charged).await, 0, "waiting charges nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_a_429_that_one_worker_is_told_keeps_all_of_them_from_calling() {
    let fleet = Fleet::new().await;
    let one = [("ATHENAEUM_WORKER_SLOTS", "1")];
    let (_ingest, _one, _two) =
        tokio::join!(fleet.ingest(), fleet.worker_with(&one), fleet.worker_with(&one));
    let refusal = json!({"method": "chat.postMessage", "fault": "rate_limit", "count": 1,
        "retry_after_s": RETRY_AFTER_S});
    fleet.chat.fault(refusal).await;
    fleet
        .script(json!([{"answer": "first"}, {"answer": "second", "delay_ms": 1500}, {"answer": "third"}]))
        .await;
    let mut asked = Vec::new();
    for number in 1..=3 {
        asked.push(fleet.chat.mention(&format!("Number {number}?")).await);
    }
    all_done(&fleet, 3).await;
    let posts = calls(&fleet, "chat.postMessage").await;
    let (refused_us, _) = posts.iter().find(|(_, status)| *status == 429).expect("the refusal");
    let early = posts.iter().filter(|(at_us, status)| {
        *status != 429 && *at_us > *refused_us && at_us - refused_us < RETRY_AFTER_S * 1_000_000
    });
    assert_eq!(early.count(), 0, "nobody calls before Retry-After has passed: {posts:?}");
    assert_eq!(posts.len(), 4, "each answer is posted once, and one was refused once: {posts:?}");
    assert_eq!(fleet.model.requests().len(), 3, "an answer that waits is kept, not made again");
    let charged = "select count(*) from outcomes where attempts > 1";
    assert_eq!(fleet.count(charged).await, 0, "a rate limit charges no attempt");
    for ts in &asked {
        assert_eq!(fleet.chat.replies(GENERAL, ts).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_where_there_is_no_room_the_signs_are_left_out_and_the_answer_comes() {
    let fleet = Fleet::new().await;
    for method in ["assistant.threads.setStatus", "reactions.add", "conversations.replies"] {
        let spent = "insert into limits (name, full_at) \
                     values ($1, clock_timestamp() + interval '1 hour')";
        let name = format!("slack:T0LOCAL:{method}");
        fleet.sql().await.execute(spent, &[&name]).await.expect("a spent budget");
    }
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": "first"}, {"answer": "second"}])).await;
    let root = fleet.chat.mention("Is there room?").await;
    assert_eq!(fleet.chat.reply(&root, PATIENT).await, "first");
    fleet.chat.mention_in(&root, "And now?").await;
    until("the answer without its thread's context", PATIENT, async || {
        (fleet.chat.replies(GENERAL, &root).await == ["first", "second"]).then_some(())
    })
    .await;
    for method in ["assistant.threads.setStatus", "reactions.add", "conversations.replies"] {
        assert_eq!(calls(&fleet, method).await, [], "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_s6_s13_a_post_whose_answer_is_lost_is_adopted_and_nothing_is_sent_twice() {
    let fleet = Fleet::new().await;
    for fault in ["error_after_applying", "cut_after_applying"] {
        let fault = json!({"method": "chat.postMessage", "fault": fault, "count": 1});
        fleet.chat.fault(fault).await;
    }
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let mut asked = Vec::new();
    for number in 1..=3 {
        asked.push(fleet.chat.mention(&format!("What is an intent? ({number})")).await);
    }
    all_done(&fleet, 3).await;
    assert_eq!(calls(&fleet, "chat.postMessage").await.len(), 3, "as many requests as intents");
    for ts in &asked {
        assert_eq!(fleet.chat.replies(GENERAL, ts).await.len(), 1);
    }
    let adopted = calls(&fleet, "conversations.replies").await.len();
    assert!(adopted >= 2, "both were looked up: {adopted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_zombies_late_duplicate_is_taken_away_and_filed() {
    let fleet = Fleet::new().await;
    let (_ingest, _one, _two) = tokio::join!(fleet.ingest(), fleet.worker(), fleet.worker());
    let ts = fleet.chat.mention("What is a fencing token?").await;
    let said = fleet.chat.reply(&ts, PATIENT).await;
    all_done(&fleet, 1).await;
    let row = fleet.sql().await.query_one("select key, result from effects", &[]).await;
    let row = row.expect("one effect");
    let (key, kept): (String, String) = (row.get(0), row.get(1));
    post_again(&fleet, &ts, &key).await;
    assert_eq!(fleet.chat.replies(GENERAL, &ts).await.len(), 2, "the zombie has spoken");
    until("the duplicate is taken away", Duration::from_secs(60), async || {
        (fleet.chat.replies(GENERAL, &ts).await == [said.clone()]).then_some(())
    })
    .await;
    let (code, stdout, stderr) = fleet.athenaeum(&["incidents", "--json"]).await;
    assert_eq!(code, 0, "{stderr}");
    let listed: Value = serde_json::from_str(&stdout).expect("JSON");
    let [incident] = &listed["incidents"].as_array().expect("a list")[..] else {
        panic!("one incident, whichever worker found it: {listed}")
    };
    assert_eq!(
        (&incident["kind"], &incident["subject"]["kept"]),
        (&json!("duplicate_reply"), &json!(kept))
    );
    let resolved = "select count(*) from incidents where resolved_at is not null";
    until("it is put right", PATIENT, async || (fleet.count(resolved).await == 1).then_some(()))
        .await;
}
