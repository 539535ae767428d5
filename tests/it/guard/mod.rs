//! A worker and its guard, as real processes. Rows W1 to W12 of the catalogue of faults carry their
//! numbers; W6 and W7 need a hand at memory and clocks that this machine does not lend.

mod boundaries;
mod identity;
mod refusals;
mod silence;

use rustix::process::{Pid, Signal};
use serde_json::json;

use crate::harness::process::{children, logged, signal};
use crate::harness::{Fleet, SOON, until};

/// Far below [`event::limits::LEASE`]: whoever waits for less did not wait for a lease to end.
const LONG_BEFORE_THE_LEASE_ENDS: std::time::Duration = std::time::Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_job_is_taken_over_at_once_and_the_worker_comes_back() {
    let fleet = Fleet::new().await;
    let (_ingest, first) = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.script(json!([{"answer": "never said", "delay_ms": 120_000}])).await;
    let ts = fleet.chat.mention("Who answers me?").await;
    fleet.model_is_asked().await;
    let _second = fleet.worker().await;
    let before = first.guarded().await;
    first.kill_guarded().await;
    let reply = fleet.chat.reply(&ts, LONG_BEFORE_THE_LEASE_ENDS).await;
    assert!(!reply.contains("never said"));
    assert_eq!(fleet.count("select count(*) from attempts where outcome = 'lost'").await, 1);
    assert_ne!(first.guarded().await, before);
    let live = "select count(*) from workers where fenced_at is null and stopped_at is null";
    until("two live workers", SOON, async || (fleet.count(live).await == 2).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guards_death_takes_its_worker_along() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker().await;
    let guarded = worker.guarded().await;
    worker.kill().await;
    let path = format!("/proc/{}/stat", guarded.as_raw_pid());
    until("the worker's end", SOON, async || {
        let stat = std::fs::read_to_string(&path).unwrap_or_default();
        // Dead, or not waited for by whoever inherited it.
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_worker_leaves_no_tool_server_behind() {
    let fleet = Fleet::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let (config, started) = (folder.path().join("mcp.json"), folder.path().join("started"));
    // It neither answers nor notices that its pipes were closed.
    let script = format!("echo $$ > {}; exec sleep 600", started.display());
    let servers = json!({"mcpServers": {"stuck": {"command": "sh", "args": ["-c", script]}}});
    std::fs::write(&config, servers.to_string()).expect("a configuration");
    let config = [("ATHENAEUM_MCP_CONFIG", config.to_str().expect("a UTF-8 path"))];
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&config));
    fleet.chat.mention("Which tools are there?").await;
    let server = until("the tool server", SOON, async || {
        let id = std::fs::read_to_string(&started).ok()?;
        Pid::from_raw(id.trim().parse().ok()?)
    })
    .await;
    worker.kill_guarded().await;
    let path = format!("/proc/{}", server.as_raw_pid());
    until("the tool server's end", SOON, async || {
        // Gone means that somebody waited for it, too.
        (!std::path::Path::new(&path).exists()).then_some(())
    })
    .await;
    let next = worker.guarded().await;
    until("no other child", SOON, async || (children(worker.id()) == [next]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_stays_small_and_holds_no_connection() {
    let fleet = Fleet::new().await;
    let worker = fleet.worker().await;
    worker.kill_guarded().await;
    logged(&worker, "reported the death").await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id().as_raw_pid()));
    let status = status.expect("it runs");
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let number = line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
        number.expect("a number")
    };
    eprintln!(
        "the guard: {} kB resident, {} kB its own",
        kilobytes("VmRSS:"),
        kilobytes("RssAnon:")
    );
    assert!(kilobytes("RssAnon:") < 10_000, "{status}");
    let connections = "select count(*) from pg_stat_activity \
                       where application_name = 'athenaeum-worker-guard' and datname = current_database()";
    until("no connection", SOON, async || (fleet.count(connections).await == 0).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_between_two_workers_ends_the_guard() {
    let fleet = Fleet::new().await;
    let mut worker = fleet.worker().await;
    // Each death doubles the pause; a few make it long enough to be met.
    for _ in 0..3 {
        worker.kill_guarded().await;
        worker.guarded().await;
    }
    worker.kill_guarded().await;
    let deaths = || worker.log().matches("the worker died").count();
    until("the fourth death is noticed", SOON, async || (deaths() == 4).then_some(())).await;
    signal(worker.id(), Signal::TERM);
    assert_eq!(worker.ended(SOON).await, Some(0), "{}", worker.log());
}
