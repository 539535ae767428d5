//! Wrong use, wrong configuration, and what is no fault at all.

use std::io::Read;
use std::process::{Command, Stdio};

use service::health::{self, Probes};
use service::testing::Database;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, athenaeum};

#[tokio::test]
async fn without_a_database_every_command_says_which_variable() {
    for arguments in [
        &["migrate"][..],
        &["events", "list"],
        &["stats"],
        &["replay", "--state", "dead"],
        &["cancel", "1", "--reason", "x"],
        &["pause", "--fleet", "--reason", "x"],
        &["hold", "--reason", "x"],
        &["release", "--reason", "x"],
        &["incidents"],
        &["schedule", "list"],
        &["purge", "1"],
        &["ask", "why?"],
        &["demo"],
    ] {
        let ran = athenaeum(arguments, &[]).await;
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("DATABASE_URL: expected a postgres:// URL"), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn wrong_use_ends_with_two() {
    let fixture = Fixture::new().await;
    for arguments in [
        &["frobnicate"][..],
        &["replay"],
        &["replay", "1", "--state", "dead"],
        &["replay", "--state", "undead"],
        &["events", "list", "--since", "yesterday"],
        &["events", "list", "--limit", "0"],
        &["cancel", "1"],
        &["cancel", "1", "--kind", "ask", "--reason", "x"],
        &["schedule", "add", "a", "--cron", "@daily", "--at", "2h", "--kind", "ask"],
        &["completions", "bash", "--json"],
    ] {
        let ran = fixture.athenaeum(arguments).await;
        assert_eq!(ran.code, 2, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn a_database_without_a_schema_is_told_to_migrate_and_then_serves() {
    let database = Database::create_empty().await;
    let set = [("DATABASE_URL", database.url())];
    let ran = athenaeum(&["stats"], &set).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("run `athenaeum migrate`"), "{}", ran.stderr);

    let first = athenaeum(&["migrate", "--json"], &set).await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    insta::assert_json_snapshot!("migrate", first.json(), {
        ".version" => "[version]",
        ".applied" => "[versions]",
    });
    let second = athenaeum(&["migrate"], &set).await;
    assert_eq!(second.code, 0);
    assert!(second.stdout.contains("nothing to do"), "{}", second.stdout);
    assert_eq!(athenaeum(&["stats"], &set).await.code, 0);
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_with_its_address_and_without_its_password() {
    let set = [("DATABASE_URL", "postgres://ada:hunter2@127.0.0.1:1/athenaeum")];
    let ran = athenaeum(&["stats"], &set).await;
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no Postgres answers at 127.0.0.1:1"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hunter2"));
}

#[tokio::test]
async fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = athenaeum(&["completions", shell], &[]).await;
        assert_eq!(ran.code, 0);
        assert!(ran.stdout.contains("replay"), "{shell}");
    }
}

#[test]
fn a_reader_who_leaves_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_athenaeum"))
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn health_asks_a_process_and_ends_as_it_answers() {
    let probes = Probes::default().live("loop", async || Err("it hangs".to_owned()));
    let stop = CancellationToken::new();
    let well = health::serve(([127, 0, 0, 1], 0).into(), Probes::default(), stop.clone());
    let ill = health::serve(([127, 0, 0, 1], 0).into(), probes, stop.clone());
    let (well, ill) = (well.await.unwrap(), ill.await.unwrap());

    let ran = athenaeum(&["health", &well.addr.to_string(), "--json"], &[]).await;
    assert_eq!(ran.code, 0);
    insta::assert_json_snapshot!("health", ran.json(), { ".address" => "[address]" });
    assert_eq!(athenaeum(&["health", &ill.addr.to_string()], &[]).await.code, 1);
    let nobody = athenaeum(&["health", "127.0.0.1:1"], &[]).await;
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("127.0.0.1:1"));
    stop.cancel();
}
