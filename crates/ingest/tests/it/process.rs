//! The program itself.

use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use service::testing::Database;
use sim::slack::{Entry, LocalSlack, Options, What};

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

#[tokio::test]
async fn it_receives_until_sigterm_and_leaves_with_success() {
    let database = Database::create().await;
    let slack = LocalSlack::start(Options::default()).await.unwrap();
    let mut process = tokio::process::Command::new(env!("CARGO_BIN_EXE_athenaeum-ingest"))
        .env_clear()
        .env("DATABASE_URL", database.url())
        .env("ATHENAEUM_UNSAFE_DATABASE", "true")
        .env("SLACK_APP_TOKEN", "xapp-local")
        .env("SLACK_BOT_TOKEN", "xoxb-local")
        .env("SLACK_API_URL", slack.api_url())
        .env("ATHENAEUM_HEALTH_ADDR", "127.0.0.1:0")
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let control = slack.control();
    control.say("C0GENERAL", "U0ADA", "<@U0ATHENA> hello").unwrap();
    let acked = control.wait(Duration::from_secs(20), |control| {
        let done = |entry: &Entry| matches!(entry.what, What::Ack { result: "done", .. });
        control.journal_since(0).iter().any(done).then_some(())
    });
    assert!(acked.await.is_some(), "nothing was acknowledged");
    let pid = Pid::from_raw(i32::try_from(process.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let left = tokio::time::timeout(Duration::from_secs(20), process.wait()).await;
    assert_eq!(left.unwrap().unwrap().code(), Some(0));
    slack.stop().await;
    database.close().await;
}
