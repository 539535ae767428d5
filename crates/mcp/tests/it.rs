//! Drives the real `athenaeum-mcp` over stdin and stdout, as a client would.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop there")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rmcp::model::{CallToolRequestParams, CallToolResult};
use rmcp::service::RunningService;
use rmcp::transport::TokioChildProcess;
use rmcp::{RoleClient, ServiceExt as _};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

const PROGRAM: &str = env!("CARGO_BIN_EXE_athenaeum-mcp");
const PATIENCE: Duration = Duration::from_secs(20);

type Client = RunningService<RoleClient, ()>;

async fn start(root: &Path) -> Client {
    let mut command = tokio::process::Command::new(PROGRAM);
    command.env_clear().arg("docs").arg("--root").arg(root);
    ().serve(TokioChildProcess::new(command).unwrap()).await.unwrap()
}

async fn call(client: &Client, arguments: Value) -> CallToolResult {
    let Value::Object(arguments) = arguments else { panic!("an object") };
    let call = CallToolRequestParams::new("search_docs").with_arguments(arguments);
    client.call_tool(call).await.unwrap()
}

async fn results(client: &Client, query: &str) -> Vec<Value> {
    let found = call(client, json!({"query": query})).await.structured_content.unwrap();
    found["results"].as_array().unwrap().clone()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[tokio::test]
async fn a_search_gives_passages_with_their_file_and_heading() {
    let root = tempfile::tempdir().unwrap();
    let text = "# Guide\n\n## Replay\n\nFailed events are replayed with `athenaeum replay`.\n";
    fs::write(root.path().join("guide.md"), text).unwrap();
    let client = start(root.path()).await;
    assert_eq!(
        results(&client, "How are failed events replayed?").await,
        [json!({
            "source": "guide.md",
            "title": "Replay",
            "text": "Failed events are replayed with `athenaeum replay`.",
            "link": null,
        })]
    );
    assert!(results(&client, "weather in Rome").await.is_empty());
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn the_tool_says_that_it_only_reads() {
    let root = tempfile::tempdir().unwrap();
    let client = start(root.path()).await;
    let tools = client.list_all_tools().await.unwrap();
    let [tool] = tools.as_slice() else { panic!("{tools:?}") };
    assert_eq!(tool.name, "search_docs");
    assert_eq!(tool.annotations.as_ref().unwrap().read_only_hint, Some(true));
    assert_eq!(tool.input_schema["required"], json!(["query"]));
    assert!(tool.output_schema.is_some());
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn wrong_arguments_are_told_in_the_result() {
    let root = tempfile::tempdir().unwrap();
    let client = start(root.path()).await;
    for wrong in [
        json!({}),
        json!({"query": " "}),
        json!({"query": 7}),
        json!({"query": "x", "limit": 0}),
        json!({"query": "x", "limit": 21}),
        json!({"query": "x".repeat(mcp::docs::QUERY_BYTES_MAX + 1)}),
    ] {
        let result = call(&client, wrong.clone()).await;
        assert_eq!(result.is_error, Some(true), "{wrong} → {result:?}");
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn a_changed_file_is_found_without_a_restart() {
    let root = tempfile::tempdir().unwrap();
    let client = start(root.path()).await;
    fs::write(root.path().join("new.md"), "# Gooseberries\n\nripe in July\n").unwrap();
    let started = Instant::now();
    while results(&client, "gooseberries").await.is_empty() {
        assert!(started.elapsed() < PATIENCE, "the new file was never found");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.cancel().await.unwrap();
}

#[tokio::test]
async fn no_log_holds_a_query_whatever_rust_log_asks_for() {
    let root = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(PROGRAM);
    command.env("RUST_LOG", "trace,rmcp=trace").arg("docs").arg("--root").arg(root.path());
    let server = TokioChildProcess::builder(command).stderr(Stdio::piped()).spawn();
    let (transport, stderr) = server.unwrap();
    let client = ().serve(transport).await.unwrap();
    let mut logged = String::new();
    let reading = async { stderr.unwrap().read_to_string(&mut logged).await.unwrap() };
    let searching = async {
        assert!(results(&client, "gooseberries").await.is_empty());
        client.cancel().await.unwrap();
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(reading, searching) }).await.unwrap();
    assert!(logged.contains("searched"), "{logged}");
    assert!(!logged.contains("gooseberries"), "{logged}");
}

#[tokio::test]
async fn the_server_ends_when_its_client_hangs_up() {
    let root = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(PROGRAM);
    command.arg("docs").arg("--root").arg(root.path()).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    drop(child.stdin.take());
    tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
}

#[test]
fn wrong_use_exits_with_2_and_says_what_was_expected() {
    for (arguments, expected) in [
        (&["docs"][..], "--root"),
        (&["docs", "--root", "/nowhere/at/all"], "/nowhere/at/all"),
        (&["docs", "--root", PROGRAM], "expected a directory"),
        (&["fly"], "fly"),
        (&[], "Usage"),
    ] {
        let output = run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "stdout belongs to the protocol");
    }
}

#[test]
fn help_exits_with_0() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("docs"));
}
