//! The example of the README, as a user runs it.

use std::path::PathBuf;

use tokio::process::Command;
use tokio::time::timeout;

use crate::aids::Fixture;
use crate::workers::SOON;

#[tokio::test]
async fn twenty_lines_are_enough() {
    let fixture = Fixture::new().await;
    let example = Command::new(built("twenty_lines"))
        .env("DATABASE_URL", fixture.database.url())
        .kill_on_drop(true)
        .output();
    let output = timeout(SOON, example).await.unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "hello, world\n1 settled\n", "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fixture.texts("SELECT state FROM outcomes").await, ["done"]);
}

/// An example of this package: cargo builds them with the tests, next to them.
fn built(example: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.join("examples").join(example)
}
