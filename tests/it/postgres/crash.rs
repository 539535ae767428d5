//! P1 and P2: the server goes down hard under load.

use event::Outcome;
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::NoTls;

use super::load;
use super::rig::{POLICY, connect, event, raw};
use crate::harness::{Cluster, SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn p1_an_immediate_stop_under_load_loses_nothing_and_charges_no_attempt() {
    let cluster = Cluster::migrated().await;
    load::survives(cluster.url(), async || {
        cluster.crash().await;
        cluster.resume().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_killed_postmaster_loses_nothing_and_charges_no_attempt() {
    let cluster = Cluster::migrated().await;
    load::survives(cluster.url(), async || {
        cluster.kill_postmaster();
        cluster.resume().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p2_a_killed_backend_loses_nothing_and_charges_no_attempt() {
    let cluster = Cluster::migrated().await;
    load::survives(cluster.url(), async || kill_a_backend(cluster.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn p1_and_p2_an_outage_that_outlasts_a_lease_charges_no_attempt() {
    let cluster = Cluster::migrated().await;
    let queue = connect(cluster.url()).await;
    for outage in ["stop", "postmaster", "backend"] {
        let who = queue.register("worker", "test", 1).await.expect("it registers");
        queue.append(event(outage)).await.expect("it is stored");
        let claim = queue.claim(who, 1).await.expect("it claims").pop().expect("a job");
        match outage {
            "stop" => cluster.crash().await,
            "postmaster" => cluster.kill_postmaster(),
            _ => kill_a_backend(cluster.url()).await,
        }
        cluster.resume().await;
        // So long was it away.
        let ended = "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 minute'
                      WHERE stopped_at IS NULL";
        until("the lease is over", SOON, async || {
            let (sql, connection) = tokio_postgres::connect(cluster.url(), NoTls).await.ok()?;
            tokio::spawn(connection);
            sql.execute(ended, &[]).await.ok()
        })
        .await;
        let reaped = until("someone reaps", SOON, async || queue.reap(&|_| POLICY).await.ok());
        assert_eq!(reaped.await, 0, "{outage}: nobody could renew");
        queue.renew(who).await.expect("its holder is back");
        queue.settle(&claim, Outcome::Done(None), &POLICY).await.expect("it holds the job");
        queue.retire(who).await.expect("it leaves");
    }
}

/// SIGKILLs a backend of the queue's; the server then resets every session.
async fn kill_a_backend(url: &str) {
    let backend = "SELECT pid FROM pg_stat_activity WHERE application_name = 'postgres-faults'
                    ORDER BY (state <> 'idle') DESC LIMIT 1";
    let sql = raw(url).await;
    let pid: i32 = sql.query_one(backend, &[]).await.expect("the queue is connected").get(0);
    let pid = Pid::from_raw(pid).expect("not zero");
    kill_process(pid, Signal::KILL).expect("the backend was there");
    // All sessions end with it.
    until("the server resets", SOON, async || sql.is_closed().then_some(())).await;
}
