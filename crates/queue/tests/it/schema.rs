//! The migrated schema.

use std::collections::BTreeSet;

use event::{JobState, TerminalState};
use service::testing::Database;

use crate::aids::{Fixture, raw};

/// The words of a CHECK constraint that lists them.
async fn words(fixture: &Fixture, table: &str, constraint: &str) -> BTreeSet<String> {
    let query = format!(
        "SELECT DISTINCT (regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''', 'g'))[1]
           FROM pg_constraint WHERE conname = '{constraint}' AND conrelid = '{table}'::regclass"
    );
    fixture.texts(&query).await.into_iter().collect()
}

#[tokio::test]
async fn the_constraints_know_the_states_that_the_code_knows() {
    let fixture = Fixture::new().await;
    let letters = words(&fixture, "jobs", "jobs_state").await;
    let mut live = Vec::new();
    for letter in letters {
        live.extend(fixture.texts(&format!("SELECT job_state('{letter}')")).await);
    }
    live.sort();
    let mut known: Vec<_> = JobState::ALL.iter().map(|state| state.as_str().to_owned()).collect();
    known.sort();
    assert_eq!(live, known);
    let ended = TerminalState::ALL.iter().map(|state| state.as_str().to_owned()).collect();
    assert_eq!(words(&fixture, "outcomes", "outcomes_state").await, ended);
}

#[tokio::test]
async fn what_no_job_can_be_is_refused_by_the_schema() {
    let (fixture, who) = Fixture::with_worker().await;
    fixture.append(crate::aids::event("a")).await;
    fixture.claim_one(who).await;
    for change in
        ["head = false", "state = 'g'", "expires_at = 'infinity'", "position = -1", "priority = 2"]
    {
        let update = format!("UPDATE jobs SET {change}");
        assert!(fixture.sql.execute(&update, &[]).await.is_err(), "{change}");
    }
}

#[tokio::test]
async fn the_schema_is_the_one_that_was_reviewed() {
    let fixture = Fixture::new().await;
    if fixture.texts("SELECT mode FROM storage").await == ["timescale"] {
        println!("SKIPPED: the snapshot is of native mode, and this server has TimescaleDB");
        return;
    }
    let dump = fixture.texts(include_str!("schema.sql")).await.join("\n");
    insta::assert_snapshot!("schema", dump);
}

#[tokio::test]
async fn migrating_twice_and_from_two_processes_at_once_is_safe() {
    let database = Database::create_empty().await;
    let url = database.url();
    let (one, two) = futures::join!(service::migrate::run(url), service::migrate::run(url));
    one.unwrap();
    two.unwrap();
    service::migrate::run(url).await.unwrap();
    let sql = raw(url).await;
    let rows = sql.query("SELECT mode FROM storage", &[]).await.unwrap();
    assert_eq!(rows.len(), 1);
}
