//! What failed is told honestly, and replayed from the command line.

use serde_json::{Value, json};

use crate::harness::chat::GENERAL;
use crate::harness::{Fleet, SOON, until};

/// The model refuses in a way that no retry heals.
fn refusal() -> Value {
    json!([{"status": 400}])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_event_is_told_to_its_asker_and_its_replay_edits_the_notice() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(refusal()).await;
    let ts = fleet.chat.mention("How are failed events replayed?").await;
    let notice = fleet.chat.reply(&ts, SOON).await;
    assert!(!notice.contains("Sources"), "the notice is no answer: {notice}");
    let quiet = "select count(*) from jobs";
    until("the notice is settled", SOON, async || (fleet.count(quiet).await == 0).then_some(()))
        .await;

    let (code, stdout, stderr) =
        fleet.athenaeum(&["replay", "--state", "dead", "--reason", "model mended", "--json"]).await;
    assert_eq!(code, 0, "{stderr}");
    let _: Value = serde_json::from_str(&stdout).expect("JSON alone on stdout");
    until("the notice becomes the answer", SOON, async || {
        let said = fleet.chat.replies(GENERAL, &ts).await;
        (said.len() == 1 && said[0].contains("Sources")).then_some(())
    })
    .await;
    let audited = "select count(*) from audit where reason = 'model mended'";
    assert_eq!(fleet.count(audited).await, 1);

    let (code, _, _) = fleet.athenaeum(&["replay", "--state", "dead", "--reason", "again"]).await;
    assert_eq!(code, 3, "nothing is dead any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_recovers_is_asked_again_without_an_operator() {
    let fleet = Fleet::new().await;
    let (_ingest, _worker) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet
        .script(json!([{"status": 500}, {"status": 429, "retry_after_s": 1}, {"answer": "Back."}]))
        .await;
    let ts = fleet.chat.mention("Are you well?").await;
    assert_eq!(fleet.chat.reply(&ts, SOON).await, "Back.");
    let done = "select count(*) from outcomes where state = 'done'";
    until("it is settled", SOON, async || (fleet.count(done).await == 1).then_some(())).await;
    let charged = "select attempts::bigint from outcomes";
    assert_eq!(fleet.count(charged).await, 2, "the rate limit charged nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_on_the_command_line_is_answered_by_the_fleet() {
    let fleet = Fleet::new().await;
    let _worker = fleet.worker().await;
    let question = "How are failed events replayed?";
    let (code, stdout, stderr) = fleet.athenaeum(&["ask", question, "--json"]).await;
    assert_eq!(code, 0, "{stderr}");
    let answer: Value = serde_json::from_str(&stdout).expect("JSON alone on stdout");
    assert!(answer.to_string().contains(".md"), "{answer}");
}
