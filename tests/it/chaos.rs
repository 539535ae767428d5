//! Two minutes of every fault at once, judged by the independent checker. `scripts/test --full` runs
//! more; see `cargo run --release -p bench -- soak --help`.

use std::time::Duration;

use crate::harness::process;

/// What the events are brought in for, in seconds; coming to rest and the judgement come on top.
const SECONDS: &str = "110";

/// So many events a second that a slow machine keeps up with them.
const RATE: &str = "40";

/// A soak ends by itself; this is for one that does not.
const ENDS_WITHIN: Duration = Duration::from_secs(900);

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_once_loses_nothing_overlaps_nothing_and_charges_no_outage() {
    let arguments = ["soak", "--seconds", SECONDS, "--rate", RATE];
    let soak = process::run_within("bench", &arguments, &[], ENDS_WITHIN);
    let (code, _, said) = soak.await;
    assert_eq!(code, 0, "{said}");
    eprintln!("{said}");
}
