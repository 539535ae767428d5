//! Replay, cancellation and figures.

use event::Work;
use serde_json::{Value, json};

use crate::fixture::{Fixture, Ran};

async fn audits(fixture: &Fixture) -> Vec<(String, String, Option<String>)> {
    use tokio_postgres::NoTls;
    let (client, connection) =
        tokio_postgres::connect(fixture.database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let rows = client.query("SELECT actor, action, reason FROM audit ORDER BY id", &[]);
    rows.await.unwrap().iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn replayed(ran: &Ran) -> Vec<Value> {
    ran.json()["replayed"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_a_replay_is_audited_and_safe_to_repeat() {
    let fixture = Fixture::new().await;
    let id = fixture.dead(0).await;
    let filter = ["replay", "--state", "dead", "--kind", "app_mention", "--json"];

    let dry = fixture.athenaeum(&[&filter[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    insta::assert_json_snapshot!("replay_dry_run", dry.json(), { ".replayed[].id" => "[id]" });
    assert_eq!(audits(&fixture).await.len(), 0);

    let ran = fixture.athenaeum(&[&filter[..], &["--reason", "mended"]].concat()).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(replayed(&ran), [json!({"id": id.0, "generation": 1})]);
    let (actor, action, reason) = audits(&fixture).await.remove(0);
    assert_eq!((actor.as_str(), action.as_str()), ("ada", "replay"));
    assert_eq!(reason.as_deref(), Some("mended"));

    let again = fixture.athenaeum(&filter).await;
    assert_eq!((again.code, replayed(&again).len()), (3, 0), "nothing is dead any more");
}

#[tokio::test]
async fn what_runs_is_refused_and_said_why() {
    let fixture = Fixture::new().await;
    let running = fixture.event(0, Some(Work::default())).await;
    let worker = fixture.worker().await;
    let _claim = fixture.claim(worker, running).await;
    let dead = fixture.dead(1).await;

    let ran =
        fixture.athenaeum(&["replay", &running.to_string(), &dead.to_string(), "--json"]).await;
    assert_eq!(ran.code, 1, "one of the two was left");
    insta::assert_json_snapshot!("replay", ran.json(), {
        ".replayed[].id" => "[id]",
        ".refused[].id" => "[id]",
    });
    let ran = fixture.athenaeum(&["replay", "999999999"]).await;
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

#[tokio::test]
async fn more_than_twenty_are_replayed_only_when_somebody_said_yes() {
    let fixture = Fixture::new().await;
    for minute in 0..21 {
        fixture.dead(minute).await;
    }
    let filter = ["replay", "--state", "dead", "--kind", "app_mention", "--json"];
    let unasked = fixture.athenaeum(&filter).await;
    assert_eq!((unasked.code, unasked.stdout.as_str()), (2, ""));
    assert!(unasked.stderr.contains("--reason"), "{}", unasked.stderr);
    let unasked = fixture.athenaeum(&[&filter[..], &["--reason", "mended"]].concat()).await;
    assert_eq!((unasked.code, unasked.stdout.as_str()), (2, ""));
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    assert_eq!(audits(&fixture).await.len(), 0);

    let some = fixture.athenaeum(&[&filter[..], &["--limit", "5"]].concat()).await;
    assert_eq!((some.code, replayed(&some).len()), (0, 5), "{}", some.stderr);
    assert_eq!(some.json()["more"], true);

    for minute in 21..30 {
        fixture.dead(minute).await;
    }
    let unexplained = fixture.athenaeum(&[&filter[..], &["--yes"]].concat()).await;
    assert_eq!((unexplained.code, unexplained.stdout.as_str()), (2, ""));
    assert!(unexplained.stderr.contains("--reason"), "{}", unexplained.stderr);
    let sure = fixture.athenaeum(&[&filter[..], &["--yes", "--reason", "mended"]].concat()).await;
    assert_eq!((sure.code, replayed(&sure).len()), (0, 25), "{}", sure.stderr);
}

#[tokio::test]
async fn what_waits_is_called_off_and_what_runs_is_asked_to_stop() {
    let fixture = Fixture::new().await;
    let running = fixture.event(0, Some(Work::default())).await;
    let worker = fixture.worker().await;
    let _claim = fixture.claim(worker, running).await;
    let ready = fixture.event(1, Some(Work::default())).await;
    let stored = fixture.event(2, None).await;

    let ids = [running, ready, stored].map(|id| id.to_string());
    let named: Vec<&str> = ids.iter().map(String::as_str).collect();
    let tail = ["--reason", "asked by mistake", "--json"];
    let ran = fixture.athenaeum(&[&["cancel"], &named[..], &tail[..]].concat()).await;
    assert_eq!(ran.code, 1, "the stored one has no job: {}", ran.stderr);
    insta::assert_json_snapshot!("cancel", ran.json(), {
        ".cancelled[]" => "[id]",
        ".requested[]" => "[id]",
        ".not_live[]" => "[id]",
    });
    let ran = fixture.athenaeum(&["cancel", &ids[2], "--reason", "again"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
}

#[tokio::test]
async fn the_figures_have_their_documented_shape() {
    let fixture = Fixture::new().await;
    fixture.dead(0).await;
    let running = fixture.event(1, Some(Work::default())).await;
    let worker = fixture.worker().await;
    // The dead letter's own notice is claimed with it.
    let _claim = fixture.claim(worker, running).await;
    fixture.event(2, Some(Work::default())).await;

    let ran = fixture.athenaeum(&["stats", "--json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_json_snapshot!("stats", ran.json(), {
        ".at" => "[time]",
        ".storage" => "[storage]",
        ".oldest_ready_seconds" => "[seconds]",
        ".ended_last_day" => "[counts]",
        ".workers[].id" => "[id]",
        ".workers[].started_at" => "[time]",
        ".workers[].lease_until" => "[time]",
    });
    let text = fixture.athenaeum(&["stats"]).await.stdout;
    assert!(text.contains("Dead letters  1") && text.contains("desk-1"), "{text}");
}
