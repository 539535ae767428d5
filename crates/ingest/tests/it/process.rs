//! The program itself.

use std::process::Command;

#[test]
fn every_fault_of_the_configuration_is_told_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_athenaeum-ingest"))
        .env_clear()
        .env("SLACK_APP_TOKEN", "xoxb-wrong-kind")
        .env("ATHENAEUM_HEALTH_ADDR", "nowhere")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    for name in ["DATABASE_URL", "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "ATHENAEUM_HEALTH_ADDR"] {
        assert!(told.contains(name), "{name} is missing in: {told}");
    }
    assert!(!told.contains("xoxb-wrong-kind"), "a token was shown: {told}");
}
