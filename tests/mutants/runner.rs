//! The scene that needs the whole process loop: a hint that gets lost.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event::{Outcome, Policy};
use queue::{Claim, Handler, Runner, RunnerOptions, Stop};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::hand::POLICY;
use crate::record::Record;
use crate::stage::{PATIENCE, Stage};

/// How long a job that nobody was told of may wait: many times the poll.
const UNTOLD: Duration = Duration::from_secs(15);

/// How long a listener that has just connected may take to look once.
const FIRST_LOOK: Duration = Duration::from_secs(1);

const FILE: &str = "workers/runner.jsonl";

const NO_JOBS: &str = "SELECT (count(*) = 0)::integer::bigint FROM jobs";

/// Does everything at once, and writes it down.
struct Quick(Arc<Record>);

impl Quick {
    fn note(&self, claim: &Claim, mut line: Value) {
        line["event"] = json!(claim.event.id.0);
        line["generation"] = json!(claim.generation);
        line["token"] = json!(claim.token.0);
        self.0.line(FILE, line);
    }
}

impl Handler for Quick {
    fn policy(&self, _kind: &str) -> Policy {
        POLICY
    }

    async fn handle(&self, claim: &Claim, _stop: &Stop) -> Outcome {
        self.note(claim, json!({"t": "begin", "attempt": claim.attempt, "kind": claim.kind}));
        self.note(claim, json!({"t": "report", "outcome": "done"}));
        Outcome::Done(None)
    }
}

/// An idle worker's hint gets lost: an event is committed, and nobody tells.
pub async fn lost_hint(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    let end = CancellationToken::new();
    let runner = Runner::new(stage.another_queue().await, RunnerOptions::default());
    let handler = Quick(Arc::clone(&stage.record));
    let running = tokio::spawn(runner.run(handler, end.clone(), CancellationToken::new()));
    assert!(stage.counts("SELECT count(*) FROM workers", PATIENCE).await, "nobody registered");
    let worker = stage.count("SELECT max(id) FROM workers").await;
    stage.record.line(FILE, json!({"t": "start", "worker": worker, "pid": std::process::id()}));
    let listening = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert!(stage.counts(listening, PATIENCE).await, "nobody listens");
    stage.append("told").await;
    assert!(stage.counts(NO_JOBS, PATIENCE).await, "nobody worked");
    tokio::time::sleep(FIRST_LOOK).await;

    let event = stage.offer("untold", None, None, 0);
    let committed = stage.queue.commit_batch(vec![event]).await.remove(0).unwrap();
    stage.acknowledged("untold", &committed);
    stage.record.fault("lost_hint");
    let stopped = stage.now().await;
    stage.counts(NO_JOBS, UNTOLD).await;
    end.cancel();
    running.await.unwrap().unwrap();
    stage.write_down(stopped).await;
}
