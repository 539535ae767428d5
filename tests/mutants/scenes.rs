//! The scenes: each shows one mutant at its worst, and the queue as it is at its ordinary best.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use event::{ErrorChain, Outcome, Wait};
use queue::FanIn;
use queue::stepping::behind;
use tokio_util::sync::CancellationToken;

use crate::gate::CommitGate;
use crate::hand::Hand;
use crate::runner;
use crate::stage::Stage;

/// Longer than the pause between two looks from the very front.
const NEXT_FULL_LOOK: Duration = Duration::from_millis(1_200);

pub async fn play(scene: &str, run_dir: &Path) {
    match scene {
        "crash_before_commit" => crash_before_commit(run_dir).await,
        "interrupted_step" => interrupted_step(run_dir).await,
        "late_arrival" => late_arrival(run_dir).await,
        "lost_hint" => runner::lost_hint(run_dir).await,
        "lost_worker" => lost_worker(run_dir).await,
        "one_of_many" => one_of_many(run_dir).await,
        "poison" => poison(run_dir).await,
        "skewed_reaper" => skewed_reaper(run_dir).await,
        "straggler" => straggler(run_dir).await,
        "two_children" => two_children(run_dir).await,
        "twins" => twins(run_dir).await,
        "zombie_finishes" => zombie_finishes(run_dir).await,
        "zombie_renews" => zombie_renews(run_dir).await,
        other => panic!("no scene {other}"),
    }
}

/// An enqueuer's process dies while its commit is held up. Whoever was answered before is lost.
async fn crash_before_commit(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    stage.append("before").await;
    stage.sql.batch_execute("BEGIN; LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let process = stage.another_queue().await;
    let (committer, task) = process.committer(CancellationToken::new());
    let event = stage.offer("held-up", None, None, 0);
    if let Some(answer) = stage.waiting_or(&mut pin!(committer.commit(event))).await {
        stage.acknowledged("held-up", &answer.unwrap());
    }
    // Its connections break with it, and its transaction is rolled back.
    task.abort();
    let _ = task.await;
    drop(process);
    let dead = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND wait_event_type = 'Lock'";
    stage.sql.execute(dead, &[]).await.unwrap();
    stage.record.fault("crash");
    stage.sql.batch_execute("ROLLBACK").await.unwrap();
    stage.close().await;
}

/// A worker dies between an act that must not be repeated and the record of its result.
async fn interrupted_step(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    stage.append("one").await;
    let (first, second) = (stage.hand().await, stage.hand().await);
    let claim = first.claim_one().await;
    assert!(first.begin_step(&claim).await, "nobody began it before");
    first.act(&claim, "once");
    stage.silence(&first).await;
    stage.reap().await;
    let claim = second.claim_one().await;
    if second.begin_step(&claim).await {
        second.act(&claim, "once");
        second.record_step(&claim).await;
    }
    // Otherwise a person is asked.
    second.done(&claim).await;
    stage.append("two").await;
    let claim = second.claim_one().await;
    if second.begin_step(&claim).await {
        second.act(&claim, "once");
        second.record_step(&claim).await;
    }
    second.done(&claim).await;
    stage.close().await;
}

/// The two children of a fan-out end at the same time.
async fn two_children(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    stage.append("parent").await;
    let hand = stage.hand().await;
    let parent = hand.claim_one().await;
    let children = vec![Stage::event("child"), Stage::event("child")];
    stage.queue.spawn(&parent, "both", children, FanIn::ALL).await.unwrap();
    hand.report(&parent, Outcome::Suspended(Wait::children("both"))).await;
    let queue = stage.another_queue().await;
    let other = Hand::new(&queue, &stage.record, 0).await;
    let (one, two) = (hand.claim_one().await, other.claim_one().await);
    let gate = CommitGate::new();
    let first = behind(gate.clone(), hand.done(&one));
    let second = async {
        gate.reached().await;
        let mut second = pin!(other.done(&two));
        // It waits for the first one's count, or is over.
        let over = stage.waiting_or(&mut second).await;
        stage.record.fault("stall");
        gate.open();
        if over.is_none() {
            second.await;
        }
    };
    futures::join!(first, second);
    stage.close().await;
}

/// A job arrives in a lane whose last one is just being finished.
async fn late_arrival(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    let first = stage.offer("first", None, Some("lane"), 1);
    let committed = stage.queue.append(first).await.unwrap();
    stage.acknowledged("first", &committed);
    let hand = stage.hand().await;
    let claim = hand.claim_one().await;
    let gate = CommitGate::new();
    let second = stage.offer("second", None, Some("lane"), 2);
    let queue = stage.another_queue().await;
    let finishing = behind(gate.clone(), hand.done(&claim));
    let arriving = async {
        gate.reached().await;
        let mut arriving = pin!(queue.append(second));
        let arrived = stage.waiting_or(&mut arriving).await;
        stage.record.fault("stall");
        gate.open();
        match arrived {
            Some(arrived) => arrived.unwrap(),
            None => arriving.await.unwrap(),
        }
    };
    let ((), committed) = futures::join!(finishing, arriving);
    stage.acknowledged("second", &committed);
    stage.close().await;
}

/// A worker falls silent, and another takes its job over.
async fn lost_worker(run_dir: &Path) {
    let stage = Stage::new(run_dir, &["jobs_running_is_held"]).await;
    stage.append("one").await;
    stage.append("two").await;
    let (lost, healthy) = (stage.hand().await, stage.hand().await);
    lost.claim_one().await;
    let claim = healthy.claim_one().await;
    healthy.done(&claim).await;
    stage.silence(&lost).await;
    stage.close().await;
}

/// A worker asks for one of many jobs, under a plan that repeats a subquery.
async fn one_of_many(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    for key in 0..40 {
        stage.append(&format!("one-{key}")).await;
    }
    let plans = "DO $$ DECLARE setting text; BEGIN
        FOREACH setting IN ARRAY ARRAY['hashjoin', 'mergejoin', 'hashagg', 'sort', 'material', 'memoize'] LOOP
            EXECUTE format('ALTER DATABASE %I SET enable_%s = off', current_database(), setting);
        END LOOP; END $$";
    stage.sql.batch_execute(plans).await.unwrap();
    stage.record.fault("bad_plan");
    let queue = stage.another_queue().await;
    let hand = Hand::new(&queue, &stage.record, 0).await;
    for claim in hand.claim(1).await {
        hand.done(&claim).await;
    }
    stage.close().await;
}

/// A job kills every worker that takes it.
async fn poison(run_dir: &Path) {
    let stage = Stage::new(run_dir, &["jobs_running_is_held"]).await;
    stage.append("harmless").await;
    let hand = stage.hand().await;
    let claim = hand.claim_one().await;
    hand.done(&claim).await;
    stage.append("poison").await;
    for _ in 0..4 {
        let victim = stage.hand().await;
        if victim.claim(1).await.is_empty() {
            break;
        }
        stage.silence(&victim).await;
        stage.reap().await;
    }
    stage.close().await;
}

/// A worker whose clock is two hours ahead looks for leases that have ended.
async fn skewed_reaper(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    stage.append("before").await;
    stage.append("after").await;
    let hand = stage.hand().await;
    let claim = hand.claim_one().await;
    hand.done(&claim).await;
    let claim = hand.claim_one().await;
    Hand::new(&stage.queue, &stage.record, 2).await;
    stage.record.fault("skew");
    stage.reap().await;
    hand.done(&claim).await;
    stage.close().await;
}

/// Somebody locks a job's row while those behind it in line are claimed.
async fn straggler(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    let hand = stage.hand().await;
    // The first look is from the very front in any case.
    assert!(hand.claim(1).await.is_empty());
    stage.append("passed-over").await;
    stage.sql.batch_execute("BEGIN; SELECT FROM jobs FOR UPDATE").await.unwrap();
    for key in 0..4 {
        stage.append(&format!("behind-{key}")).await;
    }
    let claims = hand.claim(5).await;
    assert_eq!(claims.len(), 4, "a claim waits for nobody");
    for claim in claims {
        hand.done(&claim).await;
    }
    stage.record.fault("stall");
    stage.sql.batch_execute("ROLLBACK").await.unwrap();
    tokio::time::sleep(NEXT_FULL_LOOK).await;
    stage.close().await;
}

/// One happening is delivered twice, under two delivery keys.
async fn twins(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    for key in ["message", "mention"] {
        let event = stage.offer(key, Some("happening"), None, 0);
        let committed = stage.queue.append(event).await.unwrap();
        stage.acknowledged(key, &committed);
    }
    stage.record.fault("redelivery");
    stage.close().await;
}

/// A worker that fell silent reports, while another is at work on the same job.
async fn zombie_finishes(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    stage.append("one").await;
    let (zombie, heir) = (stage.hand().await, stage.hand().await);
    let old = zombie.claim_one().await;
    stage.silence(&zombie).await;
    stage.reap().await;
    let new = heir.claim_one().await;
    zombie.done(&old).await;
    let broken = ErrorChain::message("the tool is broken");
    heir.report(&new, Outcome::Failed(broken)).await;
    stage.close().await;
}

/// A worker that fell silent renews its lease after it was taken away.
async fn zombie_renews(run_dir: &Path) {
    let stage = Stage::new(run_dir, &[]).await;
    stage.append("one").await;
    let (zombie, heir) = (stage.hand().await, stage.hand().await);
    zombie.claim_one().await;
    stage.silence(&zombie).await;
    stage.reap().await;
    zombie.renew().await;
    let claim = heir.claim_one().await;
    heir.done(&claim).await;
    stage.close().await;
}
