//! Schedules, pauses, cancellation in bulk, edited replays, deletion.

use event::Work;
use serde_json::json;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_schedule_is_kept_listed_run_and_removed() {
    let fixture = Fixture::new().await;
    let empty = fixture.athenaeum(&["schedule", "list"]).await;
    assert_eq!((empty.code, empty.stdout.as_str()), (3, ""));
    let add =
        ["schedule", "add", "standup", "--cron", "0 9 * * MON-FRI", "--zone", "Europe/Berlin"];
    let add = [&add[..], &["--ask", "What is new?", "--reason", "habit", "--json"]].concat();
    let added = fixture.athenaeum(&add).await;
    assert_eq!(added.code, 0, "{}", added.stderr);
    insta::assert_json_snapshot!("schedule_add", added.json(), { ".next_at" => "[time]" });
    let taken = fixture.athenaeum(&add).await;
    assert_eq!((taken.code, taken.stdout.as_str()), (1, ""));
    assert!(
        taken.stderr.contains("standup") && taken.stderr.contains("replace"),
        "{}",
        taken.stderr
    );

    let listed = fixture.athenaeum(&["schedule", "list", "--json"]).await;
    insta::assert_json_snapshot!("schedule_list", listed.json(), {
        ".schedules[].next_at" => "[time]",
        ".schedules[].created_at" => "[time]",
    });
    let ran = fixture.athenaeum(&["schedule", "run", "standup", "--json"]).await;
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let worker = fixture.worker().await;
    let claim = fixture.queue.claim(worker, 1).await.unwrap().remove(0);
    assert_eq!(ran.json()["event"], claim.event.id.0);
    let body: serde_json::Value = serde_json::from_slice(&claim.raw).unwrap();
    assert_eq!(body, json!({"text": "What is new?", "user": "ada"}));
    let removed = fixture.athenaeum(&["schedule", "remove", "standup"]).await;
    assert_eq!((removed.code, removed.stdout.as_str()), (0, "standup is removed.\n"));
}

#[tokio::test]
async fn a_schedule_that_cannot_be_is_told_what_was_expected() {
    let fixture = Fixture::new().await;
    for (when, told) in [
        (&["--cron", "0 0 30 2 *"][..], "never fires"),
        (&["--cron", "daily"], "expected minute, hour, day of month"),
        (&["--cron", "@daily", "--zone", "europe/berlin"], "expected Europe/Berlin"),
        (&["--cron", "0 0 0 1 1 * 294276"], "expected 1970 to 4999"),
        (&["--at", "2020-01-01T00:00:00Z"], "has passed"),
    ] {
        let arguments = [&["schedule", "add", "a", "--kind", "k"], when].concat();
        let ran = fixture.athenaeum(&arguments).await;
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{when:?}");
        assert!(ran.stderr.contains(told), "{when:?}: {}", ran.stderr);
    }
    let ran = fixture.athenaeum(&["schedule", "remove", "nobody"]).await;
    assert!(ran.code == 1 && ran.stderr.contains("no schedule named"), "{}", ran.stderr);
}

#[tokio::test]
async fn what_is_paused_is_shown_and_starts_after_a_resume() {
    let fixture = Fixture::new().await;
    fixture.event(0, Some(Work::default())).await;
    let pause = ["pause", "--kind", "app_mention", "--reason", "a bad deploy", "--json"];
    let paused = fixture.athenaeum(&pause).await;
    assert_eq!(paused.code, 0, "{}", paused.stderr);
    insta::assert_json_snapshot!("pause", paused.json());
    let worker = fixture.worker().await;
    assert!(fixture.queue.claim(worker, 10).await.unwrap().is_empty());
    let listed = fixture.athenaeum(&["pause", "--list", "--json"]).await;
    insta::assert_json_snapshot!("pause_list", listed.json(), { ".pauses[].at" => "[time]" });
    let text = fixture.athenaeum(&["pause", "--list"]).await.stdout;
    assert!(text.contains("the kind app_mention") && text.contains("a bad deploy"), "{text}");
    let resumed = fixture.athenaeum(&["resume", "--kind", "app_mention", "--json"]).await;
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    insta::assert_json_snapshot!("resume", resumed.json());
    assert_eq!(fixture.queue.claim(worker, 10).await.unwrap().len(), 1);
    let again = fixture.athenaeum(&["resume", "--kind", "app_mention"]).await;
    assert_eq!((again.code, again.stdout.as_str()), (3, ""));
    for wrong in [&["pause", "--reason", "x"][..], &["pause", "--fleet"], &["resume"]] {
        assert_eq!(fixture.athenaeum(wrong).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_whole_kind_is_called_off_only_when_somebody_said_yes() {
    let fixture = Fixture::new().await;
    let ids = [
        fixture.event(0, Some(Work::default())).await,
        fixture.event(1, Some(Work::default())).await,
    ];
    let cancel = ["cancel", "--kind", "app_mention", "--reason", "spam", "--json"];
    let unasked = fixture.athenaeum(&cancel).await;
    assert_eq!((unasked.code, unasked.stdout.as_str()), (2, ""));
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    let sure = fixture.athenaeum(&[&cancel[..], &["--yes"]].concat()).await;
    assert_eq!(sure.code, 0, "{}", sure.stderr);
    assert_eq!(sure.json()["cancelled"], json!(ids.map(|id| id.0)));
}

#[tokio::test]
async fn a_replay_works_on_an_edited_payload() {
    let fixture = Fixture::new().await;
    let id = fixture.dead(0).await.to_string();
    let file = std::env::temp_dir().join(format!("athenaeum-{}.json", uuid::Uuid::new_v4()));
    std::fs::write(&file, r#"{"minute":"mended"}"#).unwrap();
    let path = file.to_str().unwrap();
    let ran = fixture.athenaeum(&["replay", &id, "--payload", path, "--reason", "typo"]).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let worker = fixture.worker().await;
    let claims = fixture.queue.claim(worker, 10).await.unwrap();
    let raws: Vec<&[u8]> = claims.iter().map(|claim| claim.raw.as_slice()).collect();
    assert!(raws.contains(&&br#"{"minute":"mended"}"#[..]));
    let gone = fixture.athenaeum(&["replay", &id, "--payload", path]).await;
    assert!(gone.code == 1 && gone.stderr.contains("cannot read the payload"), "{}", gone.stderr);
    let bare = fixture.dead(1).await.to_string();
    let ran = fixture.athenaeum(&["replay", &bare, "--from-step", "3"]).await;
    assert!(ran.code == 1 && ran.stdout.contains("recorded no step"), "{}", ran.stdout);
}

/// C4 and C5: what runs is refused, nothing is deleted unasked, and what is deleted is gone.
#[tokio::test]
async fn c4_a_purge_leaves_what_lives_and_nothing_of_what_ended() {
    let fixture = Fixture::new().await;
    let running = fixture.event(0, Some(Work::default())).await;
    let worker = fixture.worker().await;
    let _claim = fixture.claim(worker, running).await;
    let stored = fixture.event(1, None).await;
    let ids = [running, stored].map(|id| id.to_string());
    let purge = ["purge", &ids[0], &ids[1], "--reason", "asked to", "--json"];
    let dry = fixture.athenaeum(&[&purge[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.json()["purged"], json!([stored.0]));
    let ran = fixture.athenaeum(&purge).await;
    assert_eq!(ran.code, 1, "the running one was left: {}", ran.stderr);
    insta::assert_json_snapshot!("purge", ran.json(), {
        ".purged[]" => "[id]",
        ".refused[].id" => "[id]",
    });
    assert!(fixture.queue.event(stored).await.unwrap().is_none());
    assert!(fixture.queue.event(running).await.unwrap().is_some());
    for minute in 0..21 {
        fixture.event(minute, None).await;
    }
    let many = ["purge", "--state", "stored", "--reason", "asked to"];
    let unasked = fixture.athenaeum(&many).await;
    assert_eq!((unasked.code, unasked.stdout.as_str()), (2, ""));
    let sure = fixture.athenaeum(&[&many[..], &["--yes"]].concat()).await;
    assert_eq!(sure.code, 0, "{}", sure.stderr);
    assert!(sure.stdout.ends_with("deleted 21, left 0\n"), "{}", sure.stdout);
    assert_eq!(fixture.athenaeum(&["purge"]).await.code, 2, "everything is not a selection");
}

#[tokio::test]
async fn everything_is_held_and_released_and_the_incidents_tell_of_it() {
    let fixture = Fixture::new().await;
    let none = fixture.athenaeum(&["incidents"]).await;
    assert_eq!((none.code, none.stdout.as_str()), (3, ""));
    let nothing = fixture.athenaeum(&["release", "--reason", "x"]).await;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (3, ""));
    assert_eq!(fixture.athenaeum(&["hold"]).await.code, 2, "a hold has a reason");

    let held = fixture.athenaeum(&["hold", "--reason", "moving", "--json"]).await;
    assert_eq!(held.code, 0, "{}", held.stderr);
    insta::assert_json_snapshot!("hold", held.json());
    let listed = fixture.athenaeum(&["pause", "--list"]).await;
    assert!(listed.stdout.contains("moving"), "{}", listed.stdout);
    let resumed = fixture.athenaeum(&["resume", "--fleet"]).await;
    assert_eq!(resumed.code, 3, "a hold is no pause: {}", resumed.stdout);
    let released = fixture.athenaeum(&["release", "--reason", "moved", "--json"]).await;
    assert_eq!(released.code, 0, "{}", released.stderr);
    insta::assert_json_snapshot!("release", released.json());
    let incidents = fixture.athenaeum(&["incidents", "--json"]).await;
    insta::assert_json_snapshot!("incidents", incidents.json(), {
        ".incidents[].id" => "[id]",
        ".incidents[].at" => "[time]",
        ".incidents[].name" => "[name]",
        ".incidents[].resolved_at" => "[time]",
    });
}
