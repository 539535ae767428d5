//! The official Slack and OpenAI clients, against the local Slack and the offline model.
//!
//! Each suite of `tests/clients` is one test here, with a local Slack and a model of its own, so
//! that a failure names its suite and no suite sees another's messages.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use sim::model::OfflineModel;
use sim::slack::{Clock, LocalSlack};
use tokio::process::Command;

/// Far above what any suite needs, also on a busy machine; a suite that hangs ends here.
const SUITE_SECONDS_MAX: u64 = 180;

#[tokio::test]
async fn the_local_slack_serves_the_node_web_client() {
    run(Suite::Node("web-api.test.mjs")).await;
}

#[tokio::test]
async fn the_local_slack_serves_the_node_socket_client() {
    run(Suite::Node("socket-mode.test.mjs")).await;
}

#[tokio::test]
async fn the_local_slack_serves_a_bolt_app_of_node() {
    run(Suite::Node("bolt.test.mjs")).await;
}

#[tokio::test]
async fn the_local_slack_serves_the_python_web_client() {
    run(Suite::Python("test_web_client.py")).await;
}

#[tokio::test]
async fn the_local_slack_serves_the_python_socket_clients() {
    run(Suite::Python("test_socket_mode.py")).await;
}

#[tokio::test]
async fn the_local_slack_serves_a_bolt_app_of_python() {
    run(Suite::Python("test_bolt.py")).await;
}

#[tokio::test]
async fn the_offline_model_serves_the_node_openai_client() {
    run(Suite::Node("openai.test.mjs")).await;
}

#[tokio::test]
async fn the_offline_model_serves_the_python_openai_client() {
    run(Suite::Python("test_openai.py")).await;
}

#[tokio::test]
async fn the_page_draws_texts_without_making_markup_of_them() {
    run(Suite::Node("page.test.mjs")).await;
}

/// A suite, by its file in `tests/clients/node` or `tests/clients/python`.
#[derive(Clone, Copy)]
enum Suite {
    Node(&'static str),
    Python(&'static str),
}

async fn run(suite: Suite) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root");
    let clients = root.join(".athenaeum/clients");
    refuse_a_stale_installation(root).await;
    // Acknowledgements are due by this clock, so a busy machine causes no redelivery: suites advance it.
    let slack = sim::slack::Options { clock: Clock::test(), ..Default::default() };
    let slack = LocalSlack::start(slack).await.expect("a local Slack");
    let model =
        OfflineModel::start(sim::model::Options::default()).await.expect("an offline model");

    let copies = copies_of_the_node_suites(root, &clients);
    let mut command = match suite {
        Suite::Node(file) => node(&clients, &copies.path().join(file)),
        Suite::Python(file) => python(&clients, &root.join("tests/clients/python").join(file)),
    };
    command.env("SIM_SLACK_URL", slack.page_url().trim_end_matches('/'));
    command.env("SIM_MODEL_URL", model.base_url().trim_end_matches("/v1"));
    // A proxy of the machine's would be asked for the local servers as well.
    command.env("NO_PROXY", "*").env("no_proxy", "*");
    must_pass(command, &copies.path().join("output.log")).await;
    slack.stop().await;
}

async fn refuse_a_stale_installation(root: &Path) {
    let check = Command::new(root.join("scripts/clients")).arg("--check").output().await;
    let check = check.expect("scripts/clients runs");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
}

/// Node finds packages only in folders above a module, and `tests/` is to hold no packages.
fn copies_of_the_node_suites(root: &Path, clients: &Path) -> tempfile::TempDir {
    let copies = tempfile::TempDir::with_prefix_in("suites-", clients.join("node"));
    let copies = copies.expect("a folder beside node_modules");
    let suites = fs::read_dir(root.join("tests/clients/node")).expect("the Node suites");
    for suite in suites.flatten().filter(|entry| is_module(&entry.path())) {
        fs::copy(suite.path(), copies.path().join(suite.file_name())).expect("a copy of a suite");
    }
    copies
}

fn is_module(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "mjs")
}

fn node(clients: &Path, file: &Path) -> Command {
    let mut command = Command::new(clients.join("bin/node"));
    // Run in one process: `node --test` starts another for each file, which would outlive a kill.
    command.args(["--test-reporter=spec", "--test-force-exit"]).arg(file);
    command
}

fn python(clients: &Path, file: &Path) -> Command {
    let mut command = Command::new(clients.join("python/bin/python"));
    command.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(file);
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Runs a suite to its end, and panics with all it printed unless it passed.
async fn must_pass(mut command: Command, log: &Path) {
    let file = fs::File::create(log).expect("a file for what the suite prints");
    command.stdout(file.try_clone().expect("the file once more")).stderr(file);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let limit = Duration::from_secs(SUITE_SECONDS_MAX);
    let mut child = command.spawn().expect("the suite starts");
    let ended = tokio::time::timeout(limit, child.wait()).await;
    let printed = || fs::read_to_string(log).unwrap_or_default();
    match ended {
        Ok(Ok(status)) if status.success() => {}
        Ok(status) => panic!("the suite failed ({status:?}):\n{}", printed()),
        Err(_) => panic!("the suite did not end within {SUITE_SECONDS_MAX} s:\n{}", printed()),
    }
}
