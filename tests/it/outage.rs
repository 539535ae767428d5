//! Postgres goes away under load; nothing that was acknowledged is lost.

use std::process::{Command, Output};
use std::time::Duration;

use serde_json::json;

use crate::harness::chat::GENERAL;
use crate::harness::{Fleet, until};

/// How long the database is gone.
const OUTAGE: Duration = Duration::from_secs(10);

/// Mentions before, during and after the outage.
const MENTIONS: u32 = 60;

/// Slack redelivers a minute after a first redelivery failed, and five minutes after a second; its
/// clock is moved past each, with time in between for what is then under way.
const REDELIVERIES_S: [u64; 2] = [61, 301];

/// How long Slack waits for an acknowledgement before it counts a delivery as failed, and a little.
const SLACK_DEADLINE: Duration = Duration::from_millis(3_500);

const ANSWERED: Duration = Duration::from_secs(120);

/// A private cluster that the test may stop.
struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    fn start() -> (Self, String) {
        let folder = tempfile::tempdir_in("/tmp").expect("a folder");
        let cluster = Cluster { folder };
        let url = cluster.run("start", &[]);
        (cluster, url)
    }

    fn run(&self, verb: &str, more: &[&str]) -> String {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/postgres");
        let folder = self.folder.path().join("cluster");
        let ran = Command::new(script).arg(verb).arg(folder).args(more).output();
        let Output { status, stdout, stderr } = ran.expect("scripts/postgres runs");
        assert!(status.success(), "{verb}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("an address").trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("remove", &[]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_seconds_without_postgres_under_load_lose_nothing() {
    let (cluster, url) = tokio::task::spawn_blocking(Cluster::start).await.expect("a cluster");
    service::migrate::run(&url).await.expect("it migrates");
    let fleet = Fleet::on(url).await;
    let (_ingest, _one, _two) = tokio::join!(fleet.ingest(), fleet.worker(), fleet.worker());

    let mut asked = Vec::new();
    for number in 0..MENTIONS {
        if number == MENTIONS / 4 {
            cluster.run("stop", &["immediate"]);
        }
        asked.push(fleet.chat.mention(&format!("What is a lease? ({number})")).await);
        tokio::time::sleep(OUTAGE / (MENTIONS / 2)).await;
        if number == MENTIONS * 3 / 4 {
            cluster.run("start", &[]);
        }
    }
    until("the database is back", ANSWERED, async || fleet.try_sql().await).await;
    for advance_s in REDELIVERIES_S {
        tokio::time::sleep(SLACK_DEADLINE).await;
        fleet.chat.post("clock", json!({"advance_s": advance_s})).await;
    }

    for ts in &asked {
        fleet.chat.reply(ts, ANSWERED).await;
    }
    let live = "select count(*) from jobs";
    until("all is settled", ANSWERED, async || (fleet.count(live).await == 0).then_some(())).await;
    for ts in &asked {
        assert_eq!(fleet.chat.replies(GENERAL, ts).await.len(), 1, "one reply each");
    }
    let dead = "select count(*) from outcomes where state <> 'done'";
    assert_eq!(fleet.count(dead).await, 0, "an outage of the database kills no event");
}
