//! Tool servers that do not start, die, hang or pry.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use sim::model::Step;

use crate::harness::{bench, bench_with, documents, is_running, shell, signal, until};

fn system(message: &Value) -> &str {
    message["content"].as_str().unwrap()
}

#[tokio::test]
async fn one_server_is_shared_by_all_answers() {
    let bench = bench().await;
    let asked = (0..5).map(|_| bench.ask("How are failed events replayed?"));
    for answer in futures::future::join_all(asked).await {
        assert_eq!(answer.unwrap().sources.len(), 1);
    }
    assert_eq!(bench.pids().len(), 1);
    bench.close().await;
}

#[tokio::test]
async fn a_server_that_does_not_start_is_left_out_and_named() {
    for broken in [
        json!({"docs": {"command": "/nowhere/server"}}),
        json!({"docs": {"command": "sh", "args": ["-c", "echo no such luck >&2; exit 3"]}}),
        json!({"docs": {"command": "echo", "args": ["hello"]}}),
    ] {
        let bench = bench_with(documents(), Some(broken.clone())).await;
        bench.model.script([Step::answer("I cannot look that up.")]);
        bench.ask("Lanes?").await.unwrap();
        let told = system(&bench.messages(0)[0]).to_owned();
        assert!(told.contains("cannot be reached at the moment: docs"), "{broken}: {told}");
        assert_eq!(bench.model.requests()[0].body.get("tools"), None);
        bench.close().await;
    }
}

#[tokio::test]
async fn the_health_of_a_dead_server_says_why() {
    let script = "echo no such luck >&2; exit 3";
    let servers = json!({"docs": {"command": "sh", "args": ["-c", script]}});
    let bench = bench_with(documents(), Some(servers)).await;
    let health = bench.agent.health().await;
    let why = health[0].tools.clone().unwrap_err();
    assert!(why.contains("no such luck"), "{why}");
    let again = bench.agent.health().await[0].tools.clone().unwrap_err();
    assert!(again.contains("is down and tried again in"), "{again}");
    bench.close().await;
}

#[tokio::test]
async fn the_health_of_a_living_server_names_its_tools() {
    let bench = bench().await;
    let health = bench.agent.health().await;
    assert_eq!(health[0].server, "docs");
    assert_eq!(health[0].tools, Ok(vec!["search_docs".to_owned()]));
    bench.close().await;
}

#[tokio::test]
async fn a_server_that_died_is_started_again() {
    let bench = bench().await;
    bench.ask("How are failed events replayed?").await.unwrap();
    signal(bench.pids()[0], Signal::KILL);
    until("its death", || !is_running(bench.pids()[0])).await;
    // Its first death is forgiven; the pipe's end may take a moment to be noticed.
    let started = Instant::now();
    while bench.ask("How are failed events replayed?").await.unwrap().sources.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(10), "it never came back");
    }
    assert_eq!(bench.pids().len(), 2);
    bench.close().await;
}

#[tokio::test]
async fn a_stuck_server_costs_one_call_and_is_killed() {
    let bench = bench().await;
    bench.agent.health().await;
    signal(bench.pids()[0], Signal::STOP);
    let call = Step::tool_call("search_docs", json!({"query": "lanes"}));
    bench.model.script([call, Step::answer("The search hangs.")]);
    bench.ask("Lanes?").await.unwrap();
    let told = bench.messages(1)[3]["content"].as_str().unwrap().to_owned();
    assert!(told.contains("did not answer within 2 s"), "{told}");
    until("the stuck server's end", || !is_running(bench.pids()[0])).await;
    bench.close().await;
}

#[tokio::test]
async fn a_server_sees_none_of_our_environment_but_its_own() {
    let dir = documents();
    let mut servers = shell(&dir, "env > seen");
    servers["docs"]["env"] = json!({"GIVEN": "yes"});
    let bench = bench_with(dir, Some(servers)).await;
    bench.agent.health().await;
    let seen = fs::read_to_string(bench.dir.path().join("seen")).unwrap();
    assert!(seen.contains("GIVEN=yes") && seen.contains("PATH="), "{seen}");
    assert!(!seen.contains("CARGO_MANIFEST_DIR"), "{seen}");
    bench.close().await;
}

#[tokio::test]
async fn after_the_end_no_server_is_started_any_more() {
    let bench = bench().await;
    bench.agent.health().await;
    bench.agent.shutdown().await;
    bench.model.script([Step::answer("Without tools.")]);
    bench.ask("Lanes?").await.unwrap();
    assert_eq!(bench.pids().len(), 1);
    bench.close().await;
}
