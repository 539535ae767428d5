//! The checker condemns every mutant of the queue, for the right reason, and acquits the queue that
//! plays the same scene.
//!
//! Built with the feature `mutants` alone; `scripts/test` plays four, `scripts/test --full` all. Each
//! scene is played by a process of its own, because a process is one mutant for its whole life.

#![expect(clippy::unwrap_used, reason = "a test's helper fails as its test does")]

mod gate;
mod hand;
mod record;
mod runner;
mod scenes;
mod stage;

use std::process::Command;

use checker::{Report, Standing};
use queue::mutants::{MUTANTS, VARIABLE};
use tempfile::TempDir;

/// Which scene a child process plays, and where it leaves the run.
const SCENE: &str = "MUTANTS_SCENE";
const RUN_DIR: &str = "MUTANTS_RUN_DIR";

/// What a child process does; without a scene it is no test of anything.
#[tokio::test]
#[ignore = "the other tests start it in processes of their own"]
async fn play() {
    let (Ok(scene), Ok(run_dir)) = (std::env::var(SCENE), std::env::var(RUN_DIR)) else { return };
    queue::mutants::chosen().unwrap_or_else(|unknown| panic!("{unknown}"));
    scenes::play(&scene, run_dir.as_ref()).await;
}

fn start(scene: &str, mutant: &str, run_dir: &TempDir) -> std::process::Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "play", "--ignored", "--nocapture"])
        .env(SCENE, scene)
        .env(RUN_DIR, run_dir.path())
        .env(VARIABLE, mutant)
        .output()
        .unwrap()
}

/// The report on a scene that a mutant played, or with an empty name the queue as it is.
fn judge(scene: &str, mutant: &str) -> Report {
    let run_dir = TempDir::new().unwrap();
    let output = start(scene, mutant, &run_dir);
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{scene} as {mutant:?} went wrong:\n{told}");
    checker::judge(run_dir.path())
        .unwrap_or_else(|refusal| panic!("{scene} as {mutant:?}: {}", refusal.with_causes()))
}

fn is_condemned(mutant: &str, scene: &str, number: u8) {
    let report = judge(scene, mutant);
    let finding = report.finding(number).unwrap();
    assert_eq!(finding.standing(), Standing::Violated, "{mutant}:\n{}", report.text());
    let honest = judge(scene, "");
    assert!(honest.is_acquitted(), "{scene}:\n{}", honest.text());
}

/// The mutants that a test is written for: name, scene, the invariant that it violates.
macro_rules! mutants {
    ($($(#[$attribute:meta])? $mutant:ident in $scene:ident violates $number:literal;)+) => {
        $(
            #[test]
            $(#[$attribute])?
            fn $mutant() {
                is_condemned(stringify!($mutant), stringify!($scene), $number);
            }
        )+

        #[test]
        fn every_mutant_has_its_test() {
            let mut tried = vec![$(stringify!($mutant)),+];
            let mut known: Vec<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
            tried.sort_unstable();
            known.sort_unstable();
            assert_eq!(tried, known);
        }
    };
}

mutants! {
    ack_before_commit in crash_before_commit violates 1;
    finish_without_token in zombie_finishes violates 8;
    no_lane_lock in late_arrival violates 11;
    attempts_counted_at_failure in poison violates 6;
    #[ignore = "scripts/test --full"]
    reaper_ignores_attempts_max in poison violates 6;
    #[ignore = "scripts/test --full"]
    renew_without_token in zombie_renews violates 8;
    #[ignore = "scripts/test --full"]
    claim_in_subquery in one_of_many violates 7;
    #[ignore = "scripts/test --full"]
    lane_lock_in_statement in late_arrival violates 11;
    #[ignore = "scripts/test --full"]
    reaper_leaves_lease in lost_worker violates 11;
    #[ignore = "scripts/test --full"]
    leases_never_reclaimed in lost_worker violates 11;
    #[ignore = "scripts/test --full"]
    worker_clock in skewed_reaper violates 18;
    #[ignore = "scripts/test --full"]
    dedupe_on_delivery_only in twins violates 3;
    #[ignore = "scripts/test --full"]
    mark_without_sweep in straggler violates 11;
    #[ignore = "scripts/test --full"]
    checkpoint_after_acting in interrupted_step violates 9;
    #[ignore = "scripts/test --full"]
    fan_in_without_lock in two_children violates 10;
    #[ignore = "scripts/test --full"]
    notify_without_poll in lost_hint violates 11;
}

#[test]
fn every_mutant_fits_the_statements_that_it_changes() {
    assert_eq!(queue::mutants::misfits(), Vec::<String>::new());
}

#[test]
fn an_unknown_mutant_is_refused_with_the_list() {
    let run_dir = TempDir::new().unwrap();
    let output = start("twins", "no_such_mutant", &run_dir);
    let told = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success());
    for mutant in MUTANTS {
        assert!(told.contains(mutant.name), "{} is not in the list: {told}", mutant.name);
    }
}
