//! Edits, deletions and Stop reach the question that they are about, however busy its thread is.

use serde_json::json;

use crate::harness::chat::{ADA, GENERAL};
use crate::harness::{Fleet, SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_unanswered_question_follows_its_edit() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": "first", "delay_ms": 3000}, {"answer": "second"}])).await;
    let root = fleet.chat.mention("one").await;
    fleet.model_is_asked().await;
    let behind = fleet.chat.mention_in(&root, "what is a lace?").await;
    let edited = json!({"channel": GENERAL, "ts": behind, "text": "<@U0ATHENA> what is a lane?"});
    fleet.chat.post("edit", edited).await;
    let replies = replies(&fleet, &root, 2).await;
    assert_eq!(replies, ["first", "second"]);
    fleet.model_is_asked_about("what is a lane?").await;
    let asked = fleet.model.requests();
    let old = asked.iter().filter(|asked| asked.body.to_string().contains("what is a lace?"));
    assert_eq!(old.count(), 0, "nobody asks what nobody wants to know any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_question_is_dropped_and_the_next_is_answered() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": "first", "delay_ms": 3000}, {"answer": "third"}])).await;
    let root = fleet.chat.mention("one").await;
    fleet.model_is_asked().await;
    let behind = fleet.chat.mention_in(&root, "two").await;
    fleet.chat.mention_in(&root, "three").await;
    fleet.chat.post("delete", json!({"channel": GENERAL, "ts": behind})).await;
    assert_eq!(replies(&fleet, &root, 2).await, ["first", "third"]);
    let dropped =
        "select count(*) from outcomes where state = 'cancelled' and kind = 'app_mention'";
    assert_eq!(fleet.count(dropped).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_what_runs_in_the_thread_and_what_waits_there() {
    for word in [true, false] {
        let fleet = Fleet::new().await;
        let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
        fleet.script(json!([{"answer": "too late", "delay_ms": 60_000}])).await;
        let root = fleet.chat.mention("one").await;
        fleet.model_is_asked().await;
        fleet.chat.mention_in(&root, "two").await;
        let waiting = "select count(*) from jobs where state = 'w'";
        until("one waits", SOON, async || (fleet.count(waiting).await == 1).then_some(())).await;
        match word {
            true => drop(fleet.chat.mention_in(&root, "Stop!").await),
            false => {
                let stop = json!({"channel": GENERAL, "ts": root, "user": ADA});
                drop(fleet.chat.post("stop", stop).await);
            }
        }
        let ended = "select count(*) from outcomes where state = 'cancelled'";
        until("both end", SOON, async || (fleet.count(ended).await == 2).then_some(())).await;
        assert!(fleet.chat.replies(GENERAL, &root).await.is_empty(), "nothing was answered");
        let audited =
            "select count(*) from audit where action = 'cancel' and actor = 'slack:U0ADA'";
        assert_eq!(fleet.count(audited).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_in_a_direct_message_ends_what_runs_there() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": "too late", "delay_ms": 60_000}])).await;
    let asked = json!({"channel": "D0ADA", "user": ADA, "text": "one"});
    let asked = fleet.chat.say(asked).await;
    fleet.model_is_asked().await;
    fleet.chat.say(json!({"channel": "D0ADA", "user": ADA, "text": "stop"})).await;
    let ended = "select count(*) from outcomes where state = 'cancelled'";
    until("it ends", SOON, async || (fleet.count(ended).await == 1).then_some(())).await;
    assert!(fleet.chat.replies("D0ADA", &asked).await.is_empty(), "nothing was answered");
}

async fn replies(fleet: &Fleet, root: &str, count: usize) -> Vec<String> {
    until("the replies", SOON, async || {
        let replies = fleet.chat.replies(GENERAL, root).await;
        (replies.len() >= count).then_some(replies)
    })
    .await
}
