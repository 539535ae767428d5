//! W1 and W5: a worker ends while jobs stand at every boundary of an answer that can be named from
//! outside, all at once.

use serde_json::json;
use tokio_postgres::Client;

use crate::harness::chat::GENERAL;
use crate::harness::{Fleet, SOON, process, until};

/// A post whose fate is unknown is waited for before it is looked up.
const ANSWERED: std::time::Duration = std::time::Duration::from_secs(90);

/// Five mentions, one worker, and what holds each where it stands.
struct Stage {
    asked: Vec<String>,
    /// Holds the attempt that is about to write down its intent to post.
    intents: Client,
    /// Holds the attempt that is about to report its outcome.
    outcomes: Client,
}

/// Brings one job to each boundary: the model thinks; the post is on its way; the post is made and
/// its answer is not; the outcome is about to be settled; the intent is about to be recorded. A held
/// post lasts `post_ms`.
async fn set(fleet: &Fleet, post_ms: u64) -> Stage {
    let mut asked = Vec::new();
    fleet.script(json!([{"answer": "never said", "delay_ms": 120_000}])).await;
    asked.push(fleet.chat.mention("What is a lane?").await);
    fleet.model_is_asked().await;
    for (number, fault) in [(1, "delay"), (2, "delay_after_applying")] {
        let fault = json!({"method": "chat.postMessage", "fault": fault, "count": 1,
            "delay_ms": post_ms});
        fleet.chat.fault(fault).await;
        asked.push(fleet.chat.mention("What is a lease?").await);
        let intended = "select count(*) from effects";
        reach(fleet, "an intent", intended, number).await;
    }
    fleet.chat.reply(&asked[2], SOON).await;
    // It is claimed first: nothing is claimed while a settlement hangs.
    fleet
        .script(json!([{"answer": "An intent is noted before its effect.", "delay_ms": 4_000}]))
        .await;
    asked.push(fleet.chat.mention("What is an intent?").await);
    fleet.model_is_asked_about("What is an intent?").await;
    let outcomes = fleet.hold("outcomes").await;
    asked.push(fleet.chat.mention("What is an outcome?").await);
    an_outcome_waits(fleet).await;
    let intents = fleet.hold("effects").await;
    an_intent_waits(fleet).await;
    Stage { asked, intents, outcomes }
}

impl Stage {
    /// Lets go of what the database was made to hold.
    async fn release(self) -> Vec<String> {
        for client in [&self.intents, &self.outcomes] {
            client.batch_execute("ROLLBACK").await.expect("the lock is let go");
        }
        self.asked
    }
}

/// Somebody is about to settle; chores that may write outcomes wait likewise and do not count.
async fn an_outcome_waits(fleet: &Fleet) {
    reach(fleet, "an outcome", &waiting("WITH finished AS"), 1).await;
}

/// Somebody is about to write an intent, not a result.
async fn an_intent_waits(fleet: &Fleet) {
    reach(fleet, "an intent", &waiting("INSERT INTO effects"), 1).await;
}

/// Counts who waits for a lock with a statement that holds a text among its first 1,024 bytes: the
/// server shows no more.
fn waiting(text: &str) -> String {
    format!(
        "select count(*) from pg_stat_activity \
          where datname = current_database() and wait_event_type = 'Lock' \
            and query like '%{text}%'"
    )
}

async fn reach(fleet: &Fleet, what: &str, statement: &str, number: i64) {
    until(what, SOON, async || (fleet.count(statement).await >= number).then_some(())).await;
}

/// Every mention has its one reply, and nothing is left to do.
async fn all_is_answered_once(fleet: &Fleet, asked: &[String]) {
    until("all is settled", ANSWERED, async || {
        (fleet.count("select count(*) from jobs").await == 0).then_some(())
    })
    .await;
    for ts in asked {
        let replies = fleet.chat.replies(GENERAL, ts).await;
        assert_eq!(replies.len(), 1, "{replies:?}");
        assert!(!replies[0].contains("never said"), "{replies:?}");
    }
    let dead = "select count(*) from outcomes where state <> 'done'";
    assert_eq!(fleet.count(dead).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w1_a_worker_killed_at_any_boundary_is_resumed_from_what_is_recorded_with_one_reply() {
    let fleet = Fleet::new().await;
    let (_ingest, worker) = tokio::join!(fleet.ingest(), fleet.worker());
    let stage = set(&fleet, 9_000).await;
    worker.kill_guarded().await;
    let asked = stage.release().await;
    all_is_answered_once(&fleet, &asked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w5_a_worker_told_to_end_at_any_boundary_finishes_or_gives_back_uncharged() {
    let fleet = Fleet::new().await;
    let brief = [("ATHENAEUM_DRAIN_SECONDS", "3")];
    let (_ingest, mut worker) = tokio::join!(fleet.ingest(), fleet.worker_with(&brief));
    let stage = set(&fleet, 2_000).await;
    worker.terminate();
    process::logged(&worker, "draining").await;
    let asked = stage.release().await;
    assert_eq!(worker.ended(SOON).await, Some(0), "{}", worker.log());
    assert_eq!(fleet.count("select count(*) from jobs where attempts > 0").await, 0);
    assert_eq!(fleet.count("select count(*) from jobs").await, 1, "only the model was too slow");
    let _next = fleet.worker().await;
    all_is_answered_once(&fleet, &asked).await;
    let charged = "select count(*) from attempts where outcome in ('lost', 'failed')";
    assert_eq!(fleet.count(charged).await, 0);
}
