//! Random plays, shrunk to the shortest that still differs.

use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::driver::Driver;
use super::model::ATTEMPTS_MAX;
use super::operations::{Operation, operations};
use crate::aids::{Fixture, raw};
use crate::stepper::judge::{breaches, empty, prepare};
use crate::stepper::watcher::Watcher;

/// Plays in a run; `PROPTEST_CASES` asks for more.
const PLAYS: u32 = 150;

#[test]
fn any_sequence_of_operations_leaves_what_the_rules_say() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fixture = runtime.block_on(Fixture::new());
    runtime.block_on(prepare(&fixture.sql, true));
    let watcher = Watcher::new(runtime.block_on(raw(fixture.database.url())));
    let from_environment = std::env::var_os("PROPTEST_CASES").is_some();
    let cases = if from_environment { Config::default().cases } else { PLAYS };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let played = TestRunner::new(config).run(&operations(), |operations| {
        runtime.block_on(play(&fixture, &watcher, &operations)).map_err(TestCaseError::fail)
    });
    if let Err(failure) = played {
        panic!("{failure}");
    }
}

async fn play(
    fixture: &Fixture,
    watcher: &Watcher,
    operations: &[Operation],
) -> Result<(), String> {
    // Numbers go on: the queue remembers how far its line is claimed.
    empty(&fixture.sql, false).await;
    let mut driver = Driver::new(fixture).await;
    for (number, operation) in operations.iter().enumerate() {
        let applied = driver.apply(operation).await;
        applied.map_err(|difference| {
            format!("after operation {number}, {operation:?}: {difference}")
        })?;
    }
    let wrong = breaches(watcher, ATTEMPTS_MAX.unsigned_abs()).await;
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}
