//! Answers as they come: streamed, edited, split, and whole in the end whatever happens on the way.

use serde_json::{Value, json};

use crate::harness::chat::{ADA, BOT, GENERAL};
use crate::harness::{Fleet, SOON, until};

const DONE: &str = "select count(*) from outcomes where state = 'done'";

/// Two hundred words; a worker has to show some of them before the last has come.
fn long_answer() -> String {
    (0..200).map(|word| format!("word{word} ")).collect::<String>().trim_end().to_owned()
}

fn slow(answer: &str) -> Value {
    json!({"answer": answer, "chunk_delay_ms": 40})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_streamed_and_ends_as_one_message_with_its_key() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let search = json!({"tool_calls": [{"name": "search_docs", "arguments": {"query": "replay"}}]});
    fleet.script(json!([search, slow(&long_answer())])).await;
    let root = fleet.chat.mention("Tell me all.").await;
    begun(&fleet, &root).await;
    let whole = done(&fleet, &root).await;
    assert_eq!(whole, [long_answer()]);
    assert_eq!(calls(&fleet, "chat.startStream").await, 1);
    assert_eq!(calls(&fleet, "chat.stopStream").await, 1);
    assert!(calls(&fleet, "chat.appendStream").await > 0);
    assert_eq!(calls(&fleet, "chat.update").await + calls(&fleet, "chat.postMessage").await, 0);
    let message = messages(&fleet, &root).await.remove(0);
    assert!(message["metadata"]["event_payload"]["key"].is_string(), "{message}");
    assert!(message.to_string().contains("task_card"), "what the tool did is shown: {message}");
    assert!(!message.to_string().contains("in_progress"), "nothing is left open: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_streams_are_refused_a_message_is_posted_and_edited() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.chat.fault(refused("chat.startStream", "feature_not_enabled")).await;
    fleet.script(json!([slow(&long_answer())])).await;
    let root = fleet.chat.mention("Tell me all.").await;
    assert_eq!(done(&fleet, &root).await, [long_answer()]);
    assert_eq!(calls(&fleet, "chat.postMessage").await, 1);
    assert!(calls(&fleet, "chat.update").await >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_streams_leaves_one_whole_answer() {
    let fleet = Fleet::new().await;
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([slow(&long_answer()), {"answer": "Said by the second."}])).await;
    let root = fleet.chat.mention("Tell me all.").await;
    begun(&fleet, &root).await;
    worker.kill_guarded().await;
    assert_eq!(done(&fleet, &root).await, ["Said by the second."]);
    assert_eq!(calls(&fleet, "chat.postMessage").await, 0, "the message that stood was edited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_begin_or_end_got_no_answer_is_found_and_closed() {
    for method in ["chat.startStream", "chat.stopStream", "chat.appendStream"] {
        let fleet = Fleet::new().await;
        let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
        let applied = json!({"method": method, "fault": "error_after_applying", "count": 1});
        fleet.chat.fault(applied).await;
        fleet.script(json!([slow(&long_answer())])).await;
        let root = fleet.chat.mention("Tell me all.").await;
        assert_eq!(done(&fleet, &root).await, [long_answer()], "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_what_is_shown_and_says_so() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": long_answer(), "chunk_delay_ms": 200}])).await;
    let root = fleet.chat.mention("Tell me all.").await;
    begun(&fleet, &root).await;
    fleet.chat.post("stop", json!({"channel": GENERAL, "ts": root, "user": ADA})).await;
    let ended = "select count(*) from outcomes where state = 'cancelled'";
    until("it is stopped", SOON, async || (fleet.count(ended).await == 1).then_some(())).await;
    let left = until("the end of what stands", SOON, async || {
        let left = fleet.chat.replies(GENERAL, &root).await;
        left.first().is_some_and(|text| text.ends_with("Stopped._")).then_some(left)
    })
    .await;
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with("word0 "), "{left:?}");
    settled(&fleet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_comes_in_parts_each_with_a_key_and_none_twice() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let answer: String = (0..1_500).map(|word| format!("word{word} ")).collect();
    // The second part is posted, but nobody hears of it.
    let delay = json!({"method": "chat.postMessage", "fault": "delay", "delay_ms": 1, "count": 1});
    let lost = json!({"method": "chat.postMessage", "fault": "cut_after_applying", "count": 1});
    fleet.chat.fault(delay).await;
    fleet.chat.fault(lost).await;
    fleet.script(json!([{"answer": answer}])).await;
    let root = fleet.chat.mention("Tell me all.").await;
    let parts = done(&fleet, &root).await;
    assert!(parts.len() >= 3, "{}", parts.len());
    assert_eq!(parts.concat(), answer.trim_end());
    let keys = messages(&fleet, &root).await;
    let mut keys: Vec<String> =
        keys.iter().map(|m| m["metadata"]["event_payload"]["key"].to_string()).collect();
    keys.dedup();
    assert_eq!(keys.len(), parts.len());
}

fn refused(method: &str, error: &str) -> Value {
    json!({"method": method, "fault": "error", "error": error, "count": 1_000})
}

/// Waits until some of the answer is shown.
async fn begun(fleet: &Fleet, root: &str) {
    until("the beginning of an answer", SOON, async || {
        let said = fleet.chat.replies(GENERAL, root).await;
        said.first().is_some_and(|text| text.contains("word")).then_some(())
    })
    .await;
}

/// Waits for the outcome, and returns what the bot has said.
async fn done(fleet: &Fleet, root: &str) -> Vec<String> {
    until("the outcome", 2 * SOON, async || (fleet.count(DONE).await == 1).then_some(())).await;
    settled(fleet).await;
    fleet.chat.replies(GENERAL, root).await
}

/// Waits until nothing says any more that somebody is at work.
async fn settled(fleet: &Fleet) {
    until("no status and no session at work", SOON, async || {
        let state = fleet.chat.get("state").await;
        let at_work = state["sessions"].to_string().contains("processing");
        (state["statuses"].as_array().is_some_and(Vec::is_empty) && !at_work).then_some(())
    })
    .await;
}

async fn calls(fleet: &Fleet, method: &str) -> usize {
    let journal = fleet.chat.journal().await;
    journal.iter().filter(|entry| entry["kind"] == "call" && entry["method"] == method).count()
}

async fn messages(fleet: &Fleet, root: &str) -> Vec<Value> {
    let page = format!("messages?channel={GENERAL}&thread_ts={root}");
    let found = fleet.chat.get(&page).await;
    let said = found["messages"].as_array().cloned().unwrap_or_default();
    said.into_iter().filter(|message| message["user"] == BOT).collect()
}
