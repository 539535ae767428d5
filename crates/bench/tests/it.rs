//! The bench as a program: that a case runs on a private PostgreSQL and is told as JSON.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_case_of_ours_runs_and_is_told_as_one_object_a_line() {
    let ran = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["queue", "--smoke", "--json", "--systems", "athenaeum", "--cases", "burn_down"])
        .output()
        .expect("the bench starts");
    let (stdout, stderr) =
        (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{stderr}");
    let lines: Vec<Value> =
        stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{stdout}{stderr}");
    assert_eq!(lines[0]["case"], "burn_down_1k", "{stderr}");
    assert_eq!(lines[0]["system"], "athenaeum");
    assert_eq!(lines[0]["unit"], "jobs/s");
    for value in ["min", "median", "max"] {
        assert!(lines[0][value].as_f64().is_some_and(|value| value > 0.0), "{stdout}{stderr}");
    }
}

#[test]
fn an_unknown_case_is_named_with_those_that_there_are() {
    let ran = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["queue", "--cases", "burn"])
        .output()
        .expect("the bench starts");
    assert!(!ran.status.success());
    let stderr = String::from_utf8_lossy(&ran.stderr);
    assert!(stderr.contains("expected some of burn_down"), "{stderr}");
}
