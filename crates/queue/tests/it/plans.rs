//! The plans of the hot statements: none reads a large table from end to end.

use queue::StorageMode;
use queue::stepping::PLANNED_ONCE;
use tokio_postgres::{Client, Config, NoTls};

use crate::aids::Fixture;
use crate::durable_plans;

/// What a test of plans that is run every time fills the tables with.
pub const FEW: u32 = 20_000;

/// Jobs in every state, their events, keys and history: `rows` of each.
pub fn fill(rows: u32) -> String {
    FILL.replace("$rows", &rows.to_string()).replace("$lanes", &(rows / 4).to_string())
}

/// A lane has four jobs, the first of which is its head. Events end with the day, so that the hour of the
/// test leaves no day with so few that reading them all is best. Keys and jobs come in the order of their
/// numbers.
const FILL: &str = r#"
    INSERT INTO workers (name, version, slots, lease_until)
    SELECT 'w' || n, '1', 8, clock_timestamp() + INTERVAL '1 hour' FROM generate_series(1, 50) n;
    INSERT INTO events (occurred_at, id, correlation_id, raw_bytes, source, kind, tenant, lane,
                        lane_name, lane_order, raw)
    SELECT date_trunc('day', clock_timestamp(), 'UTC') + INTERVAL '1 day' - n * INTERVAL '1 second',
           n, gen_random_uuid(), 3, 's', 'k', 't',
           n % $lanes, 'lane', n, 'raw' FROM generate_series(1, $rows) n;
    INSERT INTO deliveries (key, event_id, occurred_at)
    SELECT 'key' || id, id, occurred_at FROM events ORDER BY id;
    INSERT INTO jobs (event_id, occurred_at, position, lane, lane_order, head, state, token,
                      holder, claimed_at, attempts, kind)
    SELECT id, occurred_at,
           CASE WHEN id % 10 = 1 OR id > $lanes
                THEN micros(clock_timestamp() + (id % 3 - 1) * INTERVAL '1 hour') ELSE id END,
           lane, lane_order, id <= $lanes,
           CASE WHEN id > $lanes THEN 'w'
                WHEN id % 10 = 0 THEN 'x'
                WHEN id % 10 = 1 THEN 'w' ELSE 'r' END::"char",
           CASE WHEN id <= $lanes AND id % 10 = 0 THEN id END,
           CASE WHEN id <= $lanes AND id % 10 = 0 THEN 1 + id % 50 END,
           CASE WHEN id <= $lanes AND id % 10 = 0 THEN clock_timestamp() END,
           CASE WHEN id <= $lanes AND id % 10 = 0 THEN 1 ELSE 0 END, 'k'
      FROM events ORDER BY events.id;
    INSERT INTO attempts (occurred_at, event_id, generation, number, token, started_at, outcome)
    SELECT occurred_at, id, 0, 1, id, occurred_at, 'failed' FROM events;
    INSERT INTO outcomes (occurred_at, event_id, generation, attempts, token, started_at, state,
                          outcome, kind)
    SELECT occurred_at, id, 0, 1, id, occurred_at, CASE WHEN id % 100 = 0 THEN 'dead' ELSE 'done' END,
           CASE WHEN id % 100 = 0 THEN 'refused' ELSE 'done' END, 'k' FROM events;
    INSERT INTO effects (occurred_at, event_id, generation, slot, key, state, token, target, deadline_at)
    SELECT occurred_at, id, 0, 'reply', 'k', 'intended', id, '{}', clock_timestamp() FROM events;
    INSERT INTO limits (name, full_at)
    SELECT 'name' || n, clock_timestamp() FROM generate_series(1, $rows) n;
    INSERT INTO quotas (name, starts_at, used, opened_by)
    SELECT 'name' || n, date_trunc('day', clock_timestamp(), 'UTC'), 1, 1
      FROM generate_series(1, $rows) n;
"#;

/// Statements and arguments; every large table must be reached through an index.
const HOT: &[(&str, &str, &str)] = &[
    (
        "insert_keys",
        include_str!("../../src/sql/insert_keys.sql"),
        "'{a,b}', '{1,2}', ARRAY[now(), now()]",
    ),
    ("select_owners", include_str!("../../src/sql/select_owners.sql"), "'{key1,key2}'"),
    (
        "repoint_keys",
        include_str!("../../src/sql/repoint_keys.sql"),
        "'{key1}', '{2}', ARRAY[now()]",
    ),
    ("select_siblings", include_str!("../../src/sql/select_siblings.sql"), "ARRAY[now()], '{2}'"),
    (
        "insert_jobs",
        include_str!("../../src/sql/insert_jobs.sql"),
        "'{1}', ARRAY[now()], '{1}', '{1}', '{1}', '{0}', '{null}', '{0}', '{0}', '{k}', now(), now()",
    ),
    ("demote_heads", include_str!("../../src/sql/demote_heads.sql"), "'{1,2,3}'"),
    ("promote_heads", include_str!("../../src/sql/promote_heads.sql"), "'{1,2,3}'"),
    ("sweep", include_str!("../../src/sql/sweep.sql"), "10"),
    (
        "claim",
        include_str!("../../src/sql/claim.sql"),
        "1, 10, '{-1,0,1}', '{-1,-1,-1}', NULL, NULL",
    ),
    (
        "claimed_events",
        include_str!("../../src/sql/claimed_events.sql"),
        "ARRAY[now(), now()], '{10,11}'",
    ),
    (
        "finish",
        include_str!("../../src/sql/finish.sql"),
        "'{10}', '{10}', '{done}', '{done}', '{null}', '{1}', '{1}'",
    ),
    (
        "claim_paused",
        include_str!("../../src/sql/claim_paused.sql"),
        "1, 10, '{-1,0,1}', '{-1,-1,-1}', NULL, NULL",
    ),
    ("cancel_requests", include_str!("../../src/sql/cancel_requests.sql"), "1"),
    ("hold", include_str!("../../src/sql/hold.sql"), "10, 10"),
    (
        "end_job",
        include_str!("../../src/sql/end_job.sql"),
        "10, 10, 'done', NULL, 1, 1, 'done', NULL",
    ),
    ("again_job", include_str!("../../src/sql/again_job.sql"), "10, 10, 0, true, 'failed', NULL"),
    (
        "intend",
        include_str!("../../src/sql/intend.sql"),
        "10, 10, now(), 10, 0, 'reply', 'k', '{}', 1000, now(), 9, 0, 'reply'",
    ),
    ("select_intent", include_str!("../../src/sql/select_intent.sql"), "now(), 10, 0, 'reply'"),
    (
        "record_effect",
        include_str!("../../src/sql/record_effect.sql"),
        "10, 10, now(), 10, 0, 'reply', 'done'",
    ),
    ("select_event", include_str!("../../src/sql/select_event.sql"), "now(), 10"),
    ("find_event", include_str!("../../src/sql/find_event.sql"), "10"),
    ("latest_generation", include_str!("../../src/sql/latest_generation.sql"), "now(), 10"),
    ("select_attempts", include_str!("../../src/sql/select_attempts.sql"), "now(), 10"),
    ("select_keys", include_str!("../../src/sql/select_keys.sql"), "10"),
    ("find_events", include_str!("../../src/sql/find_events.sql"), "'{10,11}'"),
    (
        "replay_states",
        include_str!("../../src/sql/replay_states.sql"),
        "ARRAY[now(), now()], '{10,11}'",
    ),
    (
        "replay_jobs",
        include_str!("../../src/sql/replay_jobs.sql"),
        "'{30001}', ARRAY[now()], '{1}', '{1}', '{k}', '{1}', '{0}'",
    ),
    ("amend", include_str!("../../src/sql/amend.sql"), "now(), 10, ''"),
    (
        "select_payloads",
        include_str!("../../src/sql/select_payloads.sql"),
        "ARRAY[now()], '{10}', '{1}'",
    ),
    ("cancel_states", include_str!("../../src/sql/cancel_states.sql"), "'{10,11}'"),
    ("cancel_end", include_str!("../../src/sql/cancel_end.sql"), "'{10,11}'"),
    ("cancel_request", include_str!("../../src/sql/cancel_request.sql"), "'{10,11}'"),
    ("lane_jobs", include_str!("../../src/sql/lane_jobs.sql"), "10, 20000, 1000"),
    ("live_jobs", include_str!("../../src/sql/live_jobs.sql"), "10, 20000, 'k', 1000"),
    ("free_paused", include_str!("../../src/sql/free_paused.sql"), "0, 0, 0, 1000"),
    ("due_schedules", include_str!("../../src/sql/due_schedules.sql"), "100"),
    ("take", include_str!("../../src/sql/take.sql"), "'name', 1000, 1000000, 0"),
    ("refuse", include_str!("../../src/sql/refuse.sql"), "'name', 1000, 1000"),
    ("refused", include_str!("../../src/sql/refused.sql"), "'name'"),
    ("count_use", include_str!("../../src/sql/count_use.sql"), "'name1', 'day', NULL, 1, 1"),
    ("read_use", include_str!("../../src/sql/read_use.sql"), "'name1', 'day', NULL"),
    ("recent_effects", include_str!("../../src/sql/recent_effects.sql"), "3600000, 1000"),
    (
        "intend_again",
        include_str!("../../src/sql/intend_again.sql"),
        "10, 10, now(), 10, 0, 'reply', '{}', 1000, now(), 9, 0, 'reply'",
    ),
    (
        "withdraw_effect",
        include_str!("../../src/sql/withdraw_effect.sql"),
        "10, 10, now(), 10, 0, 'reply'",
    ),
    ("held_jobs", include_str!("../../src/sql/held_jobs.sql"), "1"),
    ("lost_jobs", include_str!("../../src/sql/lost_jobs.sql"), "100, 1000"),
    ("forsaken_jobs", include_str!("../../src/sql/forsaken_jobs.sql"), "100"),
    ("cancel_requests", include_str!("../../src/sql/cancel_requests.sql"), "1"),
];

/// The tables, partitions and chunks in which an end-to-end scan would hurt.
pub const LARGE: &str =
    "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND reltuples > 1000";

#[tokio::test]
async fn no_hot_statement_reads_a_table_from_end_to_end() {
    assert_indexed(FEW).await;
}

#[tokio::test]
#[ignore = "fills a gigabyte; scripts/test --full runs it"]
async fn no_hot_statement_reads_a_table_of_a_million_rows_from_end_to_end() {
    assert_indexed(1_000_000).await;
}

async fn assert_indexed(rows: u32) {
    let fixture = Fixture::new().await;
    fixture.sql.batch_execute(&fill(rows)).await.unwrap();
    fixture.sql.batch_execute("ANALYZE").await.unwrap();
    let large = fixture.texts(LARGE).await;
    let mut scans = Vec::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        fixture.sql.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
        for (name, text, arguments) in HOT.iter().copied() {
            scans.extend(scans_of(&fixture.sql, &large, name, text, arguments, mode).await);
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
}

/// A log of a year has 365 partitions; a claim or a commit that opened each would be as slow as the log
/// is long.
#[tokio::test]
async fn a_claim_and_a_commit_open_the_days_that_they_concern_and_no_other() {
    let fixture = Fixture::new().await;
    let mode = fixture.queue.check_server().await.unwrap().storage;
    if mode == Some(StorageMode::Timescale) {
        eprintln!(
            "skipped: TimescaleDB opens no chunk of another day either, and says it otherwise"
        );
        return;
    }
    let days = "now() - INTERVAL '1 day', now() + INTERVAL '1 day'";
    let near = [
        ("claim", format!("1, 10, '{{-1,0,1}}', '{{-1,-1,-1}}', {days}")),
        ("claim_paused", format!("1, 10, '{{-1,0,1}}', '{{-1,-1,-1}}', {days}")),
        (
            "insert_jobs",
            format!(
                "'{{1}}', ARRAY[now()], '{{1}}', '{{1}}', '{{1}}', '{{0}}', '{{null}}', '{{0}}', '{{0}}', \
                 '{{k}}', {days}"
            ),
        ),
    ];
    fixture.sql.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    for (name, arguments) in near {
        let (_, text, everywhere) = HOT.iter().copied().find(|(hot, ..)| *hot == name).unwrap();
        let opened = |lines: Vec<String>| {
            lines.iter().filter(|line| line.contains("_p20") && line.contains(" on ")).count()
        };
        let near = opened(plan_of(&fixture.sql, name, text, &arguments).await);
        assert!((1..=3).contains(&near), "{name} opens {near} partitions");
        if name != "insert_jobs" {
            let all = opened(plan_of(&fixture.sql, name, text, everywhere).await);
            assert!(all > 10, "{name} without days opens {all}");
        }
    }
}

/// Tables that grow, and what they consist of.
const GROWING: &str = "SELECT relname::text FROM pg_class
    WHERE relkind = 'r' AND relname ~ '^(jobs|events|outcomes|attempts|deliveries|effects)($|_p)'";

/// Statements that read all that runs, and those that people ask on connections which plan otherwise.
const OTHERWISE: [&str; 6] =
    ["forsaken_jobs", "cancel_request", "lane_jobs", "select_keys", "find_event", "find_events"];

/// A plan is kept for as long as its connection lives, and may be older than all rows.
#[tokio::test]
async fn a_plan_made_over_empty_tables_looks_by_index() {
    let fixture = Fixture::new().await;
    let mut config: Config = fixture.database.url().parse().unwrap();
    let (client, connection) = config.options(PLANNED_ONCE).connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let growing = fixture.texts(GROWING).await;
    assert!(growing.len() >= 6, "with TimescaleDB there are no partitions yet: {growing:?}");
    let mut scans = Vec::new();
    let hot = HOT.iter().chain(durable_plans::HOT).copied();
    let hot = hot.filter(|(name, _, _)| !OTHERWISE.contains(name));
    for (name, text, arguments) in hot {
        let lines = plan_of(&client, name, text, arguments).await;
        let of_growing = |line: &str| {
            let table = line.split(" on ").nth(1).and_then(|rest| rest.split(' ').next());
            table.is_some_and(|table| growing.iter().any(|one| one == table))
        };
        // A look by index has its condition right below.
        let whole = lines.windows(2).find(|pair| {
            pair[0].contains(" Scan ")
                && of_growing(&pair[0])
                && !pair[1].contains("Index Cond")
                && !pair[1].contains("TID Cond")
        });
        scans.extend(whole.map(|pair| format!("{name}: {}\n{}", pair[0], lines.join("\n"))));
    }
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
}

/// The plan, when it reads a large table from end to end.
pub async fn scans_of(
    sql: &Client,
    large: &[String],
    name: &str,
    text: &str,
    arguments: &str,
    mode: &str,
) -> Option<String> {
    let lines = plan_of(sql, name, text, arguments).await;
    let scan = |line: &str| {
        let scanned = line.split("Seq Scan on ").nth(1).and_then(|rest| rest.split(' ').next());
        scanned.is_some_and(|scanned| large.iter().any(|table| table == scanned))
    };
    let found = lines.iter().any(|line| scan(line));
    found.then(|| format!("{name} ({mode}):\n{}", lines.join("\n")))
}

async fn plan_of(sql: &Client, name: &str, text: &str, arguments: &str) -> Vec<String> {
    sql.batch_execute(&format!("PREPARE hot AS {text}")).await.unwrap();
    let rows = sql.query(&format!("EXPLAIN EXECUTE hot({arguments})"), &[]).await;
    let rows = rows.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    sql.batch_execute("DEALLOCATE hot").await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
