//! What fails around ingest: acknowledgements never come early, and nothing is lost.

use sqlx::Connection;

use crate::rig::Rig;

const JOBS: &str = "SELECT count(*) FROM jobs";
const BLOCKED: &str = "SELECT count(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND application_name = 'athenaeum-ingest' \
       AND wait_event_type = 'Lock'";

#[tokio::test]
async fn an_event_is_committed_before_it_is_acknowledged() {
    let rig = Rig::start().await;
    let mut holding = rig.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE deliveries IN SHARE MODE").execute(&mut *holding).await.unwrap();
    rig.mention("hello").await;
    rig.until_count(BLOCKED, 1).await;
    assert_eq!(rig.journal("ack").await.len(), 0, "nothing is durable yet");
    holding.rollback().await.unwrap();
    rig.until_acks(2).await;
    // Whatever is acknowledged stands in the log.
    for ack in rig.journal("ack").await {
        let key = format!("slack:{}", ack["event_id"].as_str().unwrap());
        let stands: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT FROM deliveries WHERE key = $1)")
                .bind(key)
                .fetch_one(&rig.pool)
                .await
                .unwrap();
        assert!(stands, "{ack}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn shutdown_finishes_the_commits_and_their_acknowledgements() {
    let mut rig = Rig::start().await;
    let mut holding = rig.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE deliveries IN SHARE MODE").execute(&mut *holding).await.unwrap();
    rig.mention("hello").await;
    rig.until_count(BLOCKED, 1).await;
    rig.signals.soft.cancel();
    rig.until("draining", async || rig.ready().await.0 == 503).await;
    holding.rollback().await.unwrap();
    rig.ended().await.unwrap();
    assert_eq!((rig.acks().await, rig.count(JOBS).await), (2, 1));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut rig = Rig::start().await;
    let mut holding = rig.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE deliveries IN SHARE MODE").execute(&mut *holding).await.unwrap();
    rig.mention("hello").await;
    rig.until_count(BLOCKED, 1).await;
    rig.signals.soft.cancel();
    rig.signals.hard.cancel();
    rig.ended().await.unwrap();
    assert_eq!(rig.acks().await, 0);
    holding.rollback().await.unwrap();
}

#[tokio::test]
async fn in4_without_a_database_nothing_is_acknowledged_and_afterwards_nothing_is_missing() {
    let rig = Rig::start().await;
    let mut admin =
        sqlx::PgConnection::connect(&std::env::var("DATABASE_URL").unwrap()).await.unwrap();
    let name = rig.database.name().to_owned();
    allow_connections(&mut admin, &name, false).await;
    rig.mention("anybody there?").await;
    rig.until("unreadiness", async || rig.ready().await.0 == 503).await;
    rig.until("both frames", async || {
        rig.metrics().await.contains("ingest_frames_total{type=\"events_api\"} 2")
    })
    .await;
    assert_eq!(rig.journal("ack").await.len(), 0);
    allow_connections(&mut admin, &name, true).await;
    rig.until_acks(2).await;
    rig.until("readiness", async || rig.ready().await.0 == 200).await;
    assert_eq!(rig.count(JOBS).await, 1);
    rig.stop().await;
}

/// Takes the database away, connections included, or gives it back.
async fn allow_connections(admin: &mut sqlx::PgConnection, name: &str, allow: bool) {
    let statement = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {allow}");
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut *admin).await.unwrap();
    if !allow {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        sqlx::query(end).bind(name).execute(admin).await.unwrap();
    }
}
