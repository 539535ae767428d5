//! The sockets' troubles, as the local Slack makes them.

use serde_json::json;

use crate::rig::Rig;

const JOBS: &str = "SELECT count(*) FROM jobs";

#[tokio::test]
async fn it_is_ready_with_a_database_and_a_socket_and_tells_of_itself() {
    let rig = Rig::start().await;
    let (status, body) = rig.ready().await;
    assert_eq!(status, 200, "{body}");
    assert!(body["facts"]["last_frame_age_seconds"].is_number(), "{body}");
    rig.mention("hello").await;
    rig.until_acks(2).await;
    let names = [
        "ingest_frames_total",
        "ingest_commit_seconds",
        "ingest_commits_total",
        "ingest_acks_total 2",
        "ingest_sockets_open 2",
        "ingest_last_frame_age_seconds",
    ];
    rig.until("all metrics", async || {
        let metrics = rig.metrics().await;
        names.iter().all(|name| metrics.contains(name))
    })
    .await;
    rig.stop().await;
}

#[tokio::test]
async fn in15_a_refresh_loses_nothing() {
    let rig = Rig::start().await;
    let questions = 30;
    for question in 0..questions {
        if question % 10 == 5 {
            let refresh = json!({"action": "disconnect", "reason": "refresh_requested"});
            rig.control("sockets", &refresh).await;
        }
        rig.mention(&format!("question {question}")).await;
    }
    rig.until_count(JOBS, questions).await;
    assert_eq!(rig.journal("gave_up").await.len(), 0);
    assert_eq!(rig.journal("waits").await.len(), 0, "a socket was open at every moment");
    rig.stop().await;
}

#[tokio::test]
async fn dropped_sockets_are_replaced_and_nothing_is_lost() {
    let rig = Rig::start().await;
    rig.control("sockets", &json!({"action": "drop"})).await;
    rig.mention("hello").await;
    // What was sent into a dropped socket comes again after its deadline.
    rig.until("the sockets", async || rig.facts().await["sockets_open"] == 2).await;
    rig.control("clock", &json!({"advance_s": 4})).await;
    rig.until_count(JOBS, 1).await;
    rig.stop().await;
}

#[tokio::test]
async fn in16_half_open_sockets_are_noticed_and_replaced() {
    let rig = Rig::start().await;
    rig.control("sockets", &json!({"action": "half_open"})).await;
    rig.until("four sockets in all", async || opened(&rig).await == 4).await;
    rig.mention("hello").await;
    rig.control("clock", &json!({"advance_s": 4})).await;
    rig.until_count(JOBS, 1).await;
    rig.stop().await;
}

#[tokio::test]
async fn in15_socket_mode_switched_off_is_told_and_not_hot_looped() {
    let rig = Rig::start().await;
    rig.control("sockets", &json!({"action": "disconnect", "reason": "link_disabled"})).await;
    rig.until("unreadiness with a reason", async || {
        let (status, body) = rig.ready().await;
        status == 503 && body.to_string().contains("link_disabled")
    })
    .await;
    assert_eq!(opened(&rig).await, 2);
    rig.stop().await;
}

async fn opened(rig: &Rig) -> usize {
    rig.journal("socket").await.iter().filter(|entry| entry["change"] == "opened").count()
}
