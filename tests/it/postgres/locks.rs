//! P5 and P6: deadlocks, and locks that somebody else holds.

use event::{NewEvent, Outcome};
use tokio::time::timeout;

use super::rig::{POLICY, Rig, event, raw};
use crate::harness::{SOON, until};

/// The class of the lanes' advisory locks, as `crates/queue/src/lanes.rs` has it.
const LANE_LOCKS: i32 = 7301;

#[tokio::test(flavor = "multi_thread")]
async fn p5_the_victim_of_a_deadlock_is_told_that_it_may_try_again_and_then_succeeds() {
    let rig = Rig::new().await;
    let who = rig.direct.register("worker", "test", 1).await.expect("it registers");
    let laned = NewEvent { lane: Some("L".to_owned()), ..event("a") };
    rig.direct.append(laned).await.expect("it is stored");
    let claim = rig.direct.claim(who, 1).await.expect("it claims").pop().expect("a job");
    let bucket = claim.lane.expect("a lane").bucket();
    // Somebody who knows no order: the job's row first, the lane's lock second. The queue's own
    // order is the other way round, so one of both is the victim.
    let other = raw(rig.database.url()).await;
    other.batch_execute("SET deadlock_timeout = '10s'; BEGIN").await.expect("it begins");
    let row = "SELECT FROM jobs WHERE event_id = $1 FOR UPDATE";
    other.execute(row, &[&claim.event.id.0]).await.expect("it has the row");
    let settling = {
        let (queue, claim) = (rig.direct.clone(), claim.clone());
        tokio::spawn(async move { queue.settle(&claim, Outcome::Done(None), &POLICY).await })
    };
    let waits = format!(
        "SELECT count(*) FROM pg_locks l WHERE locktype = 'advisory' AND classid = {LANE_LOCKS}
            AND granted AND EXISTS (SELECT FROM pg_locks w WHERE w.pid = l.pid AND NOT w.granted)"
    );
    until("the settle waits", SOON, async || (rig.number(&waits).await > 0).then_some(())).await;
    let lock = "SELECT pg_advisory_xact_lock($1, $2)";
    let locked = tokio::spawn(async move {
        let locked = other.execute(lock, &[&LANE_LOCKS, &bucket]).await;
        // Whoever was the victim has let go.
        let _ = other.batch_execute("ROLLBACK").await;
        locked
    });
    let settled = timeout(SOON, settling).await.expect("it ends").expect("no panic");
    timeout(SOON, locked).await.expect("it ends").expect("no panic").ok();
    if let Err(error) = settled {
        assert!(error.is_transient(), "{error:?}");
        rig.direct.settle(&claim, Outcome::Done(None), &POLICY).await.expect("the second time");
    }
    let ended = "SELECT count(*) FROM outcomes WHERE state = 'done' AND attempts = 1";
    assert_eq!(rig.number(ended).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_table_locked_for_longer_than_anyone_waits_is_reported_and_no_lease_is_lost() {
    let rig = Rig::new().await;
    let (who, claim) = rig.claimed(&rig.direct).await;
    let locker = raw(rig.database.url()).await;
    let lock = "BEGIN; LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE";
    locker.batch_execute(lock).await.expect("it locks");
    // Both give up by themselves; the lease is renewed beside the lock, though what hangs on the
    // locked table cannot be told.
    let settle = rig.direct.settle(&claim, Outcome::Done(None), &POLICY);
    let (settled, claimed) = tokio::join!(settle, rig.direct.claim(who, 1));
    for error in [settled.map(drop).err(), claimed.map(drop).err()] {
        let error = error.expect("the table is locked");
        assert!(error.is_transient(), "{error:?}");
    }
    locker.batch_execute("ROLLBACK").await.expect("it unlocks");
    rig.direct.renew(who).await.expect("the lease stood");
    assert_eq!(rig.direct.reap(&|_| POLICY).await.expect("it reaps"), 0);
    rig.direct.settle(&claim, Outcome::Done(None), &POLICY).await.expect("it is settled");
    let ended = "SELECT count(*) FROM outcomes WHERE state = 'done' AND attempts = 1";
    assert_eq!(rig.number(ended).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_a_lease_that_cannot_be_renewed_for_a_lock_is_renewed_late_or_taken_never_both() {
    let rig = Rig::new().await;
    let (who, claim) = rig.claimed(&rig.direct).await;
    let locker = raw(rig.database.url()).await;
    let lock = "BEGIN; LOCK TABLE workers IN ACCESS EXCLUSIVE MODE";
    locker.batch_execute(lock).await.expect("it locks");
    let blocked = rig.direct.renew(who).await.expect_err("the table is locked");
    assert!(blocked.is_transient(), "{blocked:?}");
    locker.batch_execute("ROLLBACK").await.expect("it unlocks");
    let end = "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 ms'";
    rig.sql.batch_execute(end).await.expect("the lease ends");
    let policy = |_: &str| POLICY;
    let (renewed, reaped) = tokio::join!(rig.direct.renew(who), rig.direct.reap(&policy));
    let reaped = reaped.expect("it reaps");
    assert_eq!(renewed.is_ok(), reaped == 0, "renewed: {renewed:?}, reaped: {reaped}");
    let settled = rig.direct.settle(&claim, Outcome::Done(None), &POLICY).await;
    assert_eq!(settled.is_ok(), reaped == 0, "{settled:?}");
}
