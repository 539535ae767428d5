//! W12: what cannot work is refused in words, and not tried again and again.

use crate::harness::{Fleet, SOON, process};

#[tokio::test(flavor = "multi_thread")]
async fn w12_a_missing_secret_is_named_and_nothing_is_started() {
    let fleet = Fleet::new().await;
    let mut worker = fleet.unready_worker(&[("ATHENAEUM_SECRET", "")]);
    assert_eq!(worker.ended(SOON).await, Some(2));
    assert!(worker.log().contains("ATHENAEUM_SECRET"), "{}", worker.log());
    assert_eq!(fleet.count("select count(*) from workers").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w12_an_unsafe_database_is_refused_once_with_what_to_do() {
    let fleet = Fleet::new().await;
    let unsafely = "do $$ begin execute format('alter database %I set synchronous_commit = off', \
                    current_database()); end $$";
    fleet.sql().await.batch_execute(unsafely).await.expect("a setting");
    let mut worker = fleet.unready_worker(&[("ATHENAEUM_UNSAFE_DATABASE", "false")]);
    assert_eq!(worker.ended(SOON).await, Some(2), "the guard passes it on: {}", worker.log());
    let log = worker.log();
    assert!(log.contains("expected synchronous_commit on, found it off"), "{log}");
    assert_eq!(log.matches("synchronous_commit").count(), 1, "tried once: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_of_the_command_line_is_told_by_the_guard_itself() {
    let (code, _, stderr) = process::run("athenaeum-worker", &["--guarded"], &[]).await;
    assert_eq!(code, 2, "{stderr}");
}
