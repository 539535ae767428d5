//! The database is put back, or a standby without the last commits takes its place.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::harness::chat::GENERAL;
use crate::harness::{Cluster, Fleet, Process, until};

/// Long enough for a cluster to stop and start twice on a slow machine, and for a look-up.
const PATIENT: Duration = Duration::from_secs(120);

/// A fleet whose database was put back to a moment at which a question was stored and unanswered,
/// while Slack shows its answer.
struct Restored {
    fleet: Fleet,
    cluster: Cluster,
    _processes: (Process, Process),
    /// The question.
    ts: String,
}

/// With `promoted`, the copy recovers as a standby's does that is promoted: on a timeline of its own.
async fn restored(promoted: bool) -> Restored {
    let cluster = Cluster::migrated().await;
    let fleet = Fleet::on(cluster.url().to_owned()).await;
    let processes = tokio::join!(fleet.ingest(), fleet.worker());
    fleet.athenaeum(&["pause", "--fleet", "--reason", "for the copy"]).await;
    let ts = fleet.chat.mention("What is a lease?").await;
    let stored = "select count(*) from jobs";
    until("the question is stored", PATIENT, async || {
        (fleet.count(stored).await == 1).then_some(())
    })
    .await;
    cluster.run("stop", &[]).await;
    let copy = cluster.copy_data();
    cluster.resume().await;
    until("it is back", PATIENT, async || fleet.try_sql().await).await;
    fleet.athenaeum(&["resume", "--fleet"]).await;
    fleet.chat.reply(&ts, PATIENT).await;
    let done = "select count(*) from outcomes where state = 'done'";
    until("it is answered", PATIENT, async || (fleet.count(done).await == 1).then_some(())).await;

    cluster.run("stop", &[]).await;
    cluster.put_back(&copy, promoted);
    cluster.resume().await;
    until("it is back", PATIENT, async || fleet.try_sql().await).await;
    Restored { fleet, cluster, _processes: processes, ts }
}

async fn is_held_and_says_nothing_twice(restored: Restored, why: &str) {
    let Restored { fleet, cluster, ts, .. } = &restored;
    let hold = "select count(*) from pauses where name = 'hold'";
    until("the fleet is held", PATIENT, async || {
        fleet.try_sql().await?;
        (fleet.count(hold).await == 1).then_some(())
    })
    .await;
    let sql = fleet.sql().await;
    let reason = sql.query_one("select reason from pauses where name = 'hold'", &[]).await;
    let reason: String = reason.expect("the hold").get(0);
    assert!(reason.contains(why), "{reason}");
    // The copy was made while the fleet was paused: that it may start again changes nothing.
    fleet.athenaeum(&["resume", "--fleet"]).await;
    let (_, stdout, _) = fleet.athenaeum(&["doctor", "--json"]).await;
    let doctor: Value = serde_json::from_str(&stdout).expect("JSON");
    let findings = doctor["findings"].as_array().expect("findings");
    let found = findings.iter().find(|finding| finding["check"] == "queue.hold");
    assert_eq!(found.expect("the hold")["level"], "fail");
    assert_eq!(fleet.count("select count(*) from jobs").await, 1, "nothing starts");
    assert_eq!(fleet.chat.replies(GENERAL, ts).await.len(), 1);

    let (code, _, stderr) = fleet.athenaeum(&["release", "--reason", "checked"]).await;
    assert_eq!(code, 0, "{stderr}");
    let done = "select count(*) from outcomes where state = 'done'";
    until("the question is done", PATIENT, async || (fleet.count(done).await == 1).then_some(()))
        .await;
    assert_eq!(fleet.chat.replies(GENERAL, ts).await.len(), 1, "adopted, not said again");
    let resolved = "select count(*) from incidents where kind = 'hold' and resolved_at is not null";
    assert_eq!(fleet.count(resolved).await, 1);
    cluster.crash().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p10_a_standby_promoted_without_the_last_commits_is_held_and_nothing_is_said_twice() {
    let restored = restored(true).await;
    is_held_and_says_nothing_twice(restored, "restored or promoted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p11_a_database_put_back_to_an_earlier_moment_is_held_and_nothing_is_said_twice() {
    let restored = restored(false).await;
    is_held_and_says_nothing_twice(restored, "the database was restored").await;
}

impl Cluster {
    /// A copy of its data, made while it is stopped.
    fn copy_data(&self) -> PathBuf {
        let copy = self.folder().join("copy");
        copied(&self.folder().join("data"), &copy);
        copy
    }

    fn put_back(&self, copy: &PathBuf, promoted: bool) {
        let data = self.folder().join("data");
        fs::remove_dir_all(&data).expect("its data go");
        copied(copy, &data);
        if promoted {
            // Archive recovery that finds no further segment ends on a new timeline.
            fs::write(data.join("recovery.signal"), "").expect("a signal");
            let settings = data.join("postgresql.auto.conf");
            let mut text = fs::read_to_string(&settings).unwrap_or_default();
            text.push_str("restore_command = 'false'\n");
            fs::write(settings, text).expect("its settings");
        }
    }
}

fn copied(from: &PathBuf, to: &PathBuf) {
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(status.success(), "{from:?} could not be copied");
}
