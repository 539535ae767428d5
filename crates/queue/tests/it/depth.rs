//! How much work there is: for scalers, for lists, and cheap however much there is.

use event::{Outcome, Policy};
use tokio_postgres::error::SqlState;

use crate::aids::{Fixture, event};

/// 300,000 live jobs in every state, in the shape of a backlog.
const BACKLOG: &str = "
    INSERT INTO jobs (event_id, occurred_at, position, lane, lane_order, head, state, kind)
    SELECT n, clock_timestamp(), n, CASE WHEN n % 3 = 0 THEN n / 300 + 10000000 END, n,
           n % 3 <> 0,
           CASE WHEN n % 3 = 0 THEN 'w' WHEN n % 3 = 1 THEN 'w' ELSE 'r' END::\"char\", 'k'
      FROM generate_series(1, 300000) n;
    ANALYZE jobs;";

#[tokio::test]
async fn the_depth_is_told_to_whoever_may_know_nothing_else() {
    let (fixture, who) = Fixture::with_worker().await;
    for n in 0..3 {
        fixture.append(event(&n.to_string())).await;
    }
    fixture.claim_one(who).await;
    let sql = &fixture.sql;
    sql.batch_execute("SET ROLE athenaeum_readonly").await.unwrap();
    let row = sql.query_one("SELECT * FROM queue_depth()", &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1), row.get::<_, i64>(2)), (2, 1, 8));
    assert!(row.get::<_, f64>(3) >= 0.0);
    let tables = "SELECT c.relname::text FROM pg_class c
                   WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')";
    let tables = fixture.texts(tables).await;
    assert!(tables.len() > 20, "{tables:?}");
    for table in tables {
        let refused = sql.query(&format!("SELECT * FROM \"{table}\""), &[]).await;
        let code = refused.unwrap_err().code().cloned();
        assert_eq!(code, Some(SqlState::INSUFFICIENT_PRIVILEGE), "{table}");
    }
    for call in ["conservation()", "storage_apply_retention()", "storage_prune_deliveries(1)"] {
        assert!(sql.query(&format!("SELECT * FROM {call}"), &[]).await.is_err(), "{call}");
    }
    // Its own tables do not stand in for ours.
    sql.batch_execute("CREATE TEMPORARY TABLE jobs (state \"char\", priority smallint, position bigint, holder bigint, occurred_at timestamptz)").await.unwrap();
    let row = sql.query_one("SELECT ready FROM queue_depth()", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 2);
    sql.batch_execute("RESET ROLE").await.unwrap();
    let anyone =
        "SELECT has_function_privilege('public', 'queue_depth()', 'EXECUTE')::integer::bigint";
    assert_eq!(fixture.number(anyone).await, 0);
}

#[tokio::test]
async fn an_empty_queue_has_no_depth() {
    let fixture = Fixture::new().await;
    let row = fixture.sql.query_one("SELECT * FROM queue_depth()", &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, Option<f64>>(3)), (0, None));
}

#[tokio::test]
async fn neither_the_depth_nor_a_list_of_live_jobs_reads_the_whole_backlog() {
    let fixture = Fixture::new().await;
    fixture.sql.batch_execute(BACKLOG).await.unwrap();
    let list = concat!(
        include_str!("../../src/sql/list_live.sql"),
        include_str!("../../src/sql/event_filter.sql")
    );
    for mode in ["force_custom_plan", "force_generic_plan"] {
        fixture.sql.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
        for state in ["ready", "waiting", "running", "suspended"] {
            let nothing = ["NULL"; 8].join(", ");
            let arguments = format!("{nothing}, '{state}', 50, NULL");
            assert_indexed(&fixture, list, &arguments, &format!("{state}, {mode}")).await;
        }
    }
    let source = fixture.texts("SELECT prosrc FROM pg_proc WHERE proname = 'queue_depth'").await;
    assert_indexed(&fixture, &source[0], "", "queue_depth").await;
    let depth = fixture.sql.query_one("SELECT ready FROM queue_depth()", &[]).await.unwrap();
    assert_eq!(depth.get::<_, i64>(0), 10_000, "or more");
}

/// No plan reads the live table from end to end.
async fn assert_indexed(fixture: &Fixture, text: &str, arguments: &str, about: &str) {
    let sql = &fixture.sql;
    sql.batch_execute(&format!("PREPARE listed AS {text}")).await.unwrap();
    let call = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
    let plan = fixture.texts(&format!("EXPLAIN EXECUTE listed{call}")).await.join("\n");
    sql.batch_execute("DEALLOCATE listed").await.unwrap();
    assert!(!plan.contains("Seq Scan on jobs"), "{about}:\n{plan}");
}

#[tokio::test]
async fn every_job_that_was_made_is_somewhere() {
    let (fixture, who) = Fixture::with_worker().await;
    for n in 0..5 {
        fixture.append(event(&n.to_string())).await;
    }
    let claim = fixture.claim_one(who).await;
    fixture.done(&claim).await;
    let claim = fixture.claim_one(who).await;
    let refused = Outcome::Refused(event::ErrorChain::message("no"));
    fixture.queue.settle(&claim, refused, &Policy::ANSWER).await.unwrap();
    let ready = fixture.claim_one(who).await;
    let cancelled = fixture.append(event("off")).await.event.id;
    fixture.queue.cancel(&[cancelled], "U1", "enough").await.unwrap();
    let all = fixture.queue.stats().await.unwrap().conservation;
    assert!(all.balanced);
    // Six events and a dead letter's notice.
    assert_eq!((all.made, all.live.running), (7, 1));
    assert_eq!((all.ended.done, all.ended.dead, all.ended.cancelled), (1, 1, 1));
    assert_eq!(all.live.ready + all.live.waiting, 3);
    fixture
        .sql
        .execute("DELETE FROM jobs WHERE event_id = $1", &[&ready.event.id.0])
        .await
        .unwrap();
    assert!(!fixture.queue.stats().await.unwrap().conservation.balanced, "one is missing");
}
