//! Processes die at the worst moment; one event and one visible reply remain.

use std::time::Duration;

use serde_json::json;

use crate::harness::chat::GENERAL;
use crate::harness::{Fleet, SOON, until};

/// A killed worker's lease has to end before another may take its job over.
const TAKEOVER: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn in2_in3_ingest_killed_between_commit_and_ack_stores_once_and_answers_once() {
    let fleet = Fleet::new().await;
    let (ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    // The local Slack still sends but reads no more, so that no acknowledgement reaches it.
    fleet.chat.post("sockets", json!({"action": "deaf"})).await;
    let ts = fleet.chat.mention("Does this survive?").await;
    let stored = "select count(*) from events where actor = 'U0ADA'";
    until("the commit", SOON, async || (fleet.count(stored).await == 1).then_some(())).await;
    ingest.kill().await;
    let _again = fleet.ingest().await;
    fleet.chat.reply(&ts, SOON).await;
    until("a redelivery is acknowledged", SOON, async || {
        let journal = fleet.chat.journal().await;
        journal.iter().any(|entry| entry["kind"] == "ack").then_some(())
    })
    .await;
    let mentions = "select count(*) from outcomes where state = 'done'";
    until("one outcome", SOON, async || (fleet.count(mentions).await == 1).then_some(())).await;
    assert_eq!(fleet.count(stored).await, 1);
    assert_eq!(fleet.chat.replies(GENERAL, &ts).await.len(), 1);
    assert_eq!(fleet.count("select count(*) from jobs").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_with_its_guard_leaves_the_answer_to_another_when_its_lease_ends() {
    let fleet = Fleet::new().await;
    let (_ingest, first) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": "never said", "delay_ms": 120_000}])).await;
    let ts = fleet.chat.mention("Who answers me?").await;
    fleet.model_is_asked().await;
    first.kill().await;
    let _second = fleet.worker().await;
    let reply = fleet.chat.reply(&ts, TAKEOVER).await;
    assert!(!reply.contains("never said"));
    let lost = "select count(*) from attempt_history where outcome = 'lost'";
    assert_eq!(fleet.count(lost).await, 1, "the killed attempt is in the history");
    assert_eq!(fleet.chat.replies(GENERAL, &ts).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_post_and_record_leaves_one_reply_that_is_adopted() {
    let fleet = Fleet::new().await;
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker());
    // Slack applies the post at once but its answer is long in coming.
    let slow = json!({"method": "chat.postMessage", "fault": "delay_after_applying", "count": 1,
        "delay_ms": 9_000});
    fleet.chat.fault(slow).await;
    let ts = fleet.chat.mention("Is this said twice?").await;
    fleet.chat.reply(&ts, SOON).await;
    worker.kill_guarded().await;
    assert_eq!(fleet.count("select count(*) from effects where state = 'intended'").await, 1);
    let done = "select count(*) from outcomes where state = 'done'";
    until("the event is done", TAKEOVER, async || (fleet.count(done).await == 1).then_some(()))
        .await;
    assert_eq!(fleet.chat.replies(GENERAL, &ts).await.len(), 1, "adopted, not repeated");
    assert_eq!(fleet.count("select count(*) from effects where state = 'done'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_failed_after_it_was_applied_is_adopted() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let applied =
        json!({"method": "chat.postMessage", "fault": "error_after_applying", "count": 1});
    fleet.chat.fault(applied).await;
    let ts = fleet.chat.mention("Said, but unconfirmed?").await;
    let done = "select count(*) from outcomes where state = 'done'";
    until("the event is done", TAKEOVER, async || (fleet.count(done).await == 1).then_some(()))
        .await;
    assert_eq!(fleet.chat.replies(GENERAL, &ts).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_gives_its_job_back_uncharged() {
    let fleet = Fleet::new().await;
    let brief = [("ATHENAEUM_DRAIN_SECONDS", "1")];
    let (_ingest, mut first) = tokio::join!(fleet.ingest(), fleet.worker_with(&brief));
    fleet.script(json!([{"answer": "never said", "delay_ms": 120_000}])).await;
    let ts = fleet.chat.mention("Who finishes this?").await;
    fleet.model_is_asked().await;
    first.terminate();
    assert_eq!(first.ended(SOON).await, Some(0), "{}", first.log());
    assert_eq!(fleet.count("select attempts::bigint from jobs").await, 0, "no attempt is charged");
    let _second = fleet.worker().await;
    fleet.chat.reply(&ts, SOON).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_a_drain_at_once() {
    let fleet = Fleet::new().await;
    let patient = [("ATHENAEUM_DRAIN_SECONDS", "600")];
    let (_ingest, mut worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&patient));
    fleet.script(json!([{"answer": "never said", "delay_ms": 120_000}])).await;
    fleet.chat.mention("Shall we go?").await;
    fleet.model_is_asked().await;
    worker.terminate();
    crate::harness::process::logged(&worker, "draining").await;
    worker.terminate();
    assert_eq!(worker.ended(SOON).await, Some(0), "{}", worker.log());
    assert_eq!(fleet.count("select attempts::bigint from jobs").await, 0);
}
