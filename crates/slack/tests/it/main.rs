//! The socket loop against a scripted wire, and both halves against the local Slack.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod budget;
mod local;
mod socket;
mod streams;
mod wire;

use std::time::Duration;

/// No wait in these tests is longer; reaching it means that what was waited for did not come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Awaits something that must come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not come within {PATIENCE:?}"),
    }
}
