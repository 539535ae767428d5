//! Postgres goes away under load; nothing that was acknowledged is lost.

use std::time::Duration;

use serde_json::json;

use crate::harness::chat::GENERAL;
use crate::harness::{Cluster, Fleet, until};

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

#[tokio::test(flavor = "multi_thread")]
async fn ten_seconds_without_postgres_under_load_lose_nothing() {
    let cluster = Cluster::migrated().await;
    let fleet = Fleet::on(cluster.url().to_owned()).await;
    // Slack's one message a second would make the test a minute longer.
    let unlimited = [("ATHENAEUM_SLACK_LIMITS", "false")];
    let (_ingest, _one, _two) =
        tokio::join!(fleet.ingest(), fleet.worker_with(&unlimited), fleet.worker_with(&unlimited));

    let mut asked = Vec::new();
    for number in 0..MENTIONS {
        if number == MENTIONS / 4 {
            cluster.crash().await;
        }
        asked.push(fleet.chat.mention(&format!("What is a lease? ({number})")).await);
        tokio::time::sleep(OUTAGE / (MENTIONS / 2)).await;
        if number == MENTIONS * 3 / 4 {
            cluster.resume().await;
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
