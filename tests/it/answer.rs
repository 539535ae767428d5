//! A mention is answered, end to end.

use serde_json::json;

use crate::harness::chat::{ADA, GENERAL};
use crate::harness::{Fleet, SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_mention_is_answered_in_its_thread_with_sources() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let ts = fleet.chat.mention("How are failed events replayed?").await;
    let reply = fleet.chat.reply(&ts, SOON).await;
    assert!(reply.contains("Sources"), "{reply}");
    assert!(reply.contains(".md"), "a file is named as a source: {reply}");
    let done = "select count(*) from outcomes where state = 'done'";
    until("the outcome is kept", SOON, async || (fleet.count(done).await == 1).then_some(())).await;
    assert_eq!(fleet.count("select count(*) from jobs").await, 0, "a finished job leaves no row");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_is_answered_and_talk_between_people_is_not() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let talk = json!({"channel": GENERAL, "user": ADA, "text": "Lunch?"});
    let lunch = fleet.chat.say(talk).await;
    let direct = json!({"channel": "D0ADA", "user": ADA, "text": "What is a lease?"});
    let asked = fleet.chat.say(direct).await;
    until("an answer to the direct message", SOON, async || {
        fleet.chat.replies("D0ADA", &asked).await.into_iter().next()
    })
    .await;
    let stored = "select count(*) from events";
    until("all is stored", SOON, async || (fleet.count(stored).await >= 2).then_some(())).await;
    assert!(fleet.chat.replies(GENERAL, &lunch).await.is_empty(), "nobody asked the bot");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_of_a_thread_runs_at_a_time_and_in_order() {
    let fleet = Fleet::new().await;
    let (_ingest, _one, _two) = tokio::join!(fleet.ingest(), fleet.worker(), fleet.worker());
    let step = |text: &str| json!({"answer": text, "delay_ms": 300});
    fleet.script(json!([step("first"), step("second"), step("third"), step("fourth")])).await;
    let root = fleet.chat.mention("one").await;
    for text in ["two", "three", "four"] {
        fleet.chat.mention_in(&root, text).await;
    }
    let replies = until("four replies", SOON, async || {
        let replies = fleet.chat.replies(GENERAL, &root).await;
        (replies.len() >= 4).then_some(replies)
    })
    .await;
    assert_eq!(replies, ["first", "second", "third", "fourth"]);
    let overlaps = "select count(*) from attempt_history a join attempt_history b on a.event_id < b.event_id \
                    and a.started_at < b.ended_at and b.started_at < a.ended_at";
    assert_eq!(fleet.count(overlaps).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_asker_sees_a_sign_at_once_and_none_is_left_behind() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let refused = json!({"method": "assistant.threads.setStatus", "fault": "error",
        "error": "channel_not_supported", "count": 100});
    fleet.chat.fault(refused).await;
    fleet.script(json!([{"answer": "Here.", "delay_ms": 1500}])).await;
    let ts = fleet.chat.mention("Are you there?").await;
    let eyes = async || {
        let state = fleet.chat.get(&format!("messages?channel={GENERAL}")).await;
        let messages = state["messages"].as_array().cloned().unwrap_or_default();
        let asked = messages.into_iter().find(|message| message["ts"] == ts.as_str());
        asked.is_some_and(|message| message["reactions"].to_string().contains("eyes"))
    };
    until("👀 on the message", SOON, async || eyes().await.then_some(())).await;
    assert!(fleet.chat.replies(GENERAL, &ts).await.is_empty(), "the sign came before the answer");
    fleet.chat.reply(&ts, SOON).await;
    until("the sign is taken away", SOON, async || (!eyes().await).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_correlation_id_leads_from_the_envelope_to_the_reply() {
    let fleet = Fleet::new().await;
    let (ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let ts = fleet.chat.mention("What is a lane?").await;
    fleet.chat.reply(&ts, SOON).await;
    let statement = "select correlation_id::text from events where kind in ('app_mention', 'message') \
                     and id in (select event_id from attempt_history union select event_id from jobs)";
    let id: String = fleet.sql().await.query_one(statement, &[]).await.expect("one event").get(0);
    for process in [&ingest, &worker] {
        until("the id in the log", SOON, async || process.log().contains(&id).then_some(())).await;
        assert!(!process.log().contains("What is a lane"), "no message text in a log");
    }
}
