//! What one person may use, and what they are told when it is used up.

use std::time::Duration;

use serde_json::json;

use crate::harness::chat::GENERAL;
use crate::harness::{Fleet, SOON, until};

async fn all_done(fleet: &Fleet, count: i64) {
    let done = "select count(*) from outcomes where state = 'done'";
    until("all is done", SOON, async || (fleet.count(done).await == count).then_some(())).await;
}

/// What the bot said in each of these threads.
async fn said(fleet: &Fleet, asked: &[String]) -> Vec<String> {
    let mut said = Vec::new();
    for ts in asked {
        said.extend(fleet.chat.replies(GENERAL, ts).await);
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_the_messages_of_a_minute_one_is_told_why_and_the_rest_stay_unanswered() {
    let fleet = Fleet::new().await;
    let limits = [("ATHENAEUM_USER_MESSAGES_PER_MINUTE", "2")];
    let (_ingest, _one, _two) =
        tokio::join!(fleet.ingest(), fleet.worker_with(&limits), fleet.worker_with(&limits));
    fleet.script(json!([{"answer": "An answer."}, {"answer": "An answer."}])).await;
    let early = "select count(*) from (select clock_timestamp() as now) as t \
                 where extract(second from now) < 40";
    until("a minute that holds the test", SOON, async || {
        (fleet.count(early).await == 1).then_some(())
    })
    .await;
    let mut asked = Vec::new();
    for number in 1..=5 {
        asked.push(fleet.chat.mention(&format!("Number {number}?")).await);
    }
    all_done(&fleet, 5).await;
    let said = said(&fleet, &asked).await;
    let (answers, told): (Vec<_>, Vec<_>) = said.iter().partition(|text| **text == "An answer.");
    assert_eq!((answers.len(), told.len()), (2, 1), "{said:?}");
    assert!(told[0].contains("the 2 messages a minute"), "{told:?}");
    assert!(told[0].contains(":00 (") || told[0].contains("before "), "with its end: {told:?}");
    assert_eq!(fleet.model.requests().len(), 2, "a refusal asks no model");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_s_tokens_are_counted_from_the_answers_and_their_end_is_told() {
    let fleet = Fleet::new().await;
    let limits = [("ATHENAEUM_USER_TOKENS_PER_DAY", "1")];
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&limits));
    let first = fleet.chat.mention("What is a lease?").await;
    fleet.chat.reply(&first, SOON).await;
    all_done(&fleet, 1).await;
    let recorded = "select (reply #>> '{usage,input_tokens}')::bigint \
                    + (reply #>> '{usage,output_tokens}')::bigint from outcomes";
    let counted = "select used from quotas where name = 'tokens:T0LOCAL:U0ADA'";
    let used = fleet.count(recorded).await;
    assert!(used > 0 && used == fleet.count(counted).await, "{used}");
    let requests = fleet.model.requests().len();

    let second = fleet.chat.mention("And what is a lane?").await;
    let told = fleet.chat.reply(&second, SOON).await;
    assert!(told.contains("tokens today, and one person has 1 a day"), "{told}");
    assert_eq!(fleet.model.requests().len(), requests, "a refusal asks no model");
    let year = "select extract(year from date_trunc('day', clock_timestamp(), 'UTC') \
                + interval '1 day')::bigint";
    let year = fleet.count(year).await.to_string();
    assert!(told.contains(&year), "the day on which it ends: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_was_called_often_enough_today_is_not_called_and_the_model_is_told_why() {
    let fleet = Fleet::new().await;
    let limits = [("ATHENAEUM_USER_TOOL_CALLS_PER_DAY", "search_docs=1")];
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&limits));
    let first = fleet.chat.mention("How are failed events replayed?").await;
    let answer = fleet.chat.reply(&first, SOON).await;
    assert!(answer.contains("Sources"), "{answer}");
    let second = fleet.chat.mention("How are failed events replayed, please?").await;
    let answer = fleet.chat.reply(&second, SOON + Duration::from_secs(10)).await;
    assert!(!answer.contains("Sources"), "nothing was found: {answer}");
    fleet.model_is_asked_about("may have search_docs called 1 times a day").await;
}
