//! W2, W3, W4, W8 and W9: a worker that lives and is silent. These tests wait for real leases.

use std::time::Duration;

use event::limits::{LEASE, LEASE_FENCE, LEASE_KILL};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use sim::link::{Link, Weather};

use crate::harness::chat::GENERAL;
use crate::harness::process::{logged, signal};
use crate::harness::{Fleet, Process, SOON, until};

/// What a test waits for that has to wait for a lease.
const AFTER_A_LEASE: Duration = LEASE.saturating_mul(3);

/// Mentions the bot, and returns when a worker has asked the model, which will not answer in time.
async fn ask_slowly(fleet: &Fleet, asked_before: usize) -> String {
    fleet.script(json!([{"answer": "never said", "delay_ms": 120_000}])).await;
    let ts = fleet.chat.mention("What is a lease?").await;
    let asked = fleet.model.until(|requests| requests.len() > asked_before);
    tokio::time::timeout(SOON, asked).await.expect("the model is asked");
    ts
}

async fn says_once(fleet: &Fleet, ts: &str) {
    let replies = fleet.chat.replies(GENERAL, ts).await;
    assert_eq!(replies.len(), 1, "{replies:?}");
    assert!(!replies[0].contains("never said"), "{replies:?}");
}

fn stop(processes: &[Pid]) {
    processes.iter().for_each(|pid| signal(*pid, Signal::STOP));
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_w4_whoever_was_frozen_beyond_the_lease_says_nothing_when_thawed() {
    let fleet = Fleet::new().await;
    let (_ingest, alone) = tokio::join!(fleet.ingest(), fleet.unguarded_worker());
    let first = ask_slowly(&fleet, 0).await;
    stop(&[alone.id()]);
    // W4: the whole machine stands still, the guard with it.
    let guarded = fleet.worker().await;
    let second = ask_slowly(&fleet, 1).await;
    let (guard, worker) = (guarded.id(), guarded.guarded().await);
    stop(&[guard, worker]);
    let _healthy = fleet.worker().await;
    for ts in [&first, &second] {
        fleet.chat.reply(ts, AFTER_A_LEASE).await;
    }
    // The worst order: each worker runs before anyone can hold it back.
    for pid in [alone.id(), worker, guard] {
        signal(pid, Signal::CONT);
    }
    logged(&alone, "dropping its jobs").await;
    until("the frozen worker's end", SOON, async || {
        let gave_up = guarded.log().contains("dropping its jobs");
        (gave_up || guarded.log().contains("killed it")).then_some(())
    })
    .await;
    until("both work again", SOON, async || {
        let ready = tokio::join!(alone.answers("/readyz"), guarded.answers("/readyz"));
        (ready == (true, true)).then_some(())
    })
    .await;
    for ts in [&first, &second] {
        says_once(&fleet, ts).await;
    }
    let lost = "select count(*) from attempts where outcome = 'lost'";
    assert_eq!(fleet.count(lost).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn w3_a_worker_stopped_for_ever_is_dead_before_its_job_is_given_away() {
    let fleet = Fleet::new().await;
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let ts = ask_slowly(&fleet, 0).await;
    let guarded = worker.guarded().await;
    stop(&[guarded]);
    logged_late(&worker, "the worker is silent; killed it").await;
    logged(&worker, "reported the death").await;
    // Nobody else is there to look, so it was the guard's word and not the lease's end.
    let taken_back =
        "select count(*) from workers where fenced_at < started_at + $1::text::interval";
    let lease = format!("{} seconds", LEASE.as_secs());
    let early = fleet.sql().await.query_one(taken_back, &[&lease]).await.expect("a count");
    assert_eq!(early.get::<_, i64>(0), 1, "{}", worker.log());
    fleet.chat.reply(&ts, SOON).await;
    says_once(&fleet, &ts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_a_worker_whose_threads_all_block_is_killed_and_its_job_taken_over() {
    let fleet = Fleet::new().await;
    let talkative = [("RUST_LOG", "trace")];
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&talkative));
    let ts = ask_slowly(&fleet, 0).await;
    let guarded = worker.guarded().await;
    // Whoever logs waits for the reader of stderr, on whatever thread it runs; first the health
    // server, then, when the database makes trouble, whoever looks after the lease.
    worker.listen(false);
    until("a full pipe", SOON, async || {
        worker.knock(200).await;
        (!worker.answers("/healthz").await).then_some(())
    })
    .await;
    let trouble = fleet.hold("workers").await;
    until("the silent worker's death", AFTER_A_LEASE, async || {
        (worker.guarded().await != guarded).then_some(())
    })
    .await;
    trouble.batch_execute("ROLLBACK").await.expect("the trouble is over");
    let _healthy = fleet.worker().await;
    fleet.chat.reply(&ts, SOON).await;
    worker.listen(true);
    logged(&worker, "the worker is silent; killed it").await;
    says_once(&fleet, &ts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w9_a_worker_cut_off_from_the_database_stops_at_its_deadline_and_lives() {
    let fleet = Fleet::new().await;
    let link = Link::to(&fleet.database_url).await.expect("a link");
    let through = link.url(&fleet.database_url);
    let far = [("DATABASE_URL", through.as_str())];
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&far));
    // The model answers after the deadline, with Slack in full reach.
    let late_ms = (LEASE_FENCE + Duration::from_secs(2)).as_millis();
    fleet.script(json!([{"answer": "never said", "delay_ms": u64::try_from(late_ms).ok()}])).await;
    let ts = fleet.chat.mention("What is a lease?").await;
    fleet.model_is_asked().await;
    let before = worker.guarded().await;
    link.set_weather(Weather::Blackhole);
    logged_late(&worker, "the lease cannot be renewed; dropping its jobs").await;
    // Until a guard that had not been told would have killed it.
    tokio::time::sleep(LEASE_KILL - LEASE_FENCE + Duration::from_secs(1)).await;
    assert!(!posted(&fleet).await, "nothing is said after the deadline");
    link.set_weather(Weather::Clear);
    fleet.chat.reply(&ts, SOON).await;
    says_once(&fleet, &ts).await;
    assert_eq!(worker.guarded().await, before, "no healthy worker is killed: {}", worker.log());
    let charged = "select count(*) from attempts where outcome in ('lost', 'failed')";
    assert_eq!(fleet.count(charged).await, 0, "the attempt is given back uncharged");
}

/// As [`logged`], for what comes only when a renewal is overdue.
async fn logged_late(process: &Process, text: &str) {
    until(text, AFTER_A_LEASE, async || process.log().contains(text).then_some(())).await;
}

async fn posted(fleet: &Fleet) -> bool {
    let journal = fleet.chat.journal().await;
    journal.iter().any(|entry: &Value| entry.to_string().contains("chat.postMessage"))
}
