//! The plans of the statements for steps, sleepers, signals and families: none reads a large table
//! from end to end.

use crate::aids::Fixture;
use crate::plans::{FEW, LARGE, fill, scans_of};

/// On top of the jobs: two thousand sleepers, ten thousand children in two hundred groups, a record
/// of steps and signals for everyone.
const FAMILIES: &str = r#"
    UPDATE jobs SET state = 's', head = false, token = event_id,
           position = micros(clock_timestamp() + INTERVAL '1 hour')
     WHERE state = 'r' AND event_id % 2 = 0;
    UPDATE jobs SET expires_at = clock_timestamp() + INTERVAL '1 day' WHERE event_id % 3 = 0;
    UPDATE jobs SET child = event_id > 10000;
    INSERT INTO waits (event_id, token, signal) SELECT event_id, token, 'go' FROM jobs WHERE state = 's';
    INSERT INTO steps (occurred_at, event_id, generation, number, token, kind, name, input, result, done_at)
    SELECT occurred_at, id, 0, 1, id, 'model', 'm', '{}', '{}', occurred_at FROM events;
    INSERT INTO signals (occurred_at, event_id, generation, number, key, name, payload)
    SELECT occurred_at, id, 0, 1, 'k', 'go', '{}' FROM events;
    INSERT INTO fan_ins (occurred_at, event_id, generation, child_group, total, done, cancel_rest,
                         first_at, last_at, deadline_at, completed_at, completed_by, continued_at)
    SELECT occurred_at, id, 0, 'g', 50, CASE WHEN id <= 10 THEN 0 ELSE 50 END, true,
           occurred_at - INTERVAL '1 day', occurred_at, occurred_at,
           CASE WHEN id > 10 THEN occurred_at END, CASE WHEN id > 10 THEN 'children' END,
           CASE WHEN id > 10 THEN occurred_at END
      FROM events WHERE id <= 10000;
    INSERT INTO children (occurred_at, event_id, parent_id, generation, child_group, number, state)
    SELECT occurred_at, id, 1 + id % 200, 0, 'g', id / 200, CASE WHEN 1 + id % 200 > 10 THEN 'done' END
      FROM events WHERE id > 10000;
"#;

/// Statements and arguments.
pub const HOT: &[(&str, &str, &str)] = &[
    (
        "intend_step",
        include_str!("../../src/sql/intend_step.sql"),
        "10, 10, now(), 0, 1, 'model', 'm', '{}'",
    ),
    (
        "record_step",
        include_str!("../../src/sql/record_step.sql"),
        "10, 10, now(), 0, 1, '{}', 1, 1, 1",
    ),
    ("select_steps", include_str!("../../src/sql/select_steps.sql"), "now(), 10, 0, 1"),
    ("copy_steps", include_str!("../../src/sql/copy_steps.sql"), "now(), 10, 0, 1, 5"),
    (
        "suspend_job",
        include_str!("../../src/sql/suspend_job.sql"),
        "10, 10, 1000, 'go', 'g', 'suspended', NULL",
    ),
    ("knows_group", include_str!("../../src/sql/knows_group.sql"), "10, 0, 'g'"),
    ("due_sleepers", include_str!("../../src/sql/due_sleepers.sql"), "500"),
    ("wake_due", include_str!("../../src/sql/wake_due.sql"), "'{10,20}'"),
    ("live_job", include_str!("../../src/sql/live_job.sql"), "10, now()"),
    ("hold_live", include_str!("../../src/sql/hold_live.sql"), "10, now()"),
    ("send_signal", include_str!("../../src/sql/send_signal.sql"), "10, 'go', 'k', '{}', 1000"),
    ("read_signals", include_str!("../../src/sql/read_signals.sql"), "10, 10"),
    ("select_fan_in", include_str!("../../src/sql/select_fan_in.sql"), "10, 0, 'g'"),
    (
        "select_children",
        include_str!("../../src/sql/select_children.sql"),
        "10, 0, 'g', now(), now()",
    ),
    (
        "lock_families",
        include_str!("../../src/sql/lock_families.sql"),
        "'{10,20}', ARRAY[now(), now()]",
    ),
    (
        "end_children",
        include_str!("../../src/sql/end_children.sql"),
        "'{10,20}', ARRAY[now(), now()]",
    ),
    ("complete_late", include_str!("../../src/sql/complete_late.sql"), "100"),
    ("orphan_groups", include_str!("../../src/sql/orphan_groups.sql"), "100"),
    ("groups_to_continue", include_str!("../../src/sql/groups_to_continue.sql"), "100"),
    ("continue_parent", include_str!("../../src/sql/continue_parent.sql"), "10, 0, 'g'"),
    ("rest_of_families", include_str!("../../src/sql/rest_of_families.sql"), "500"),
    ("cancel_children", include_str!("../../src/sql/cancel_children.sql"), "'{10,20}', '[]'"),
    ("missed_ends", include_str!("../../src/sql/missed_ends.sql"), "500"),
    ("expired_jobs", include_str!("../../src/sql/expired_jobs.sql"), "500"),
    ("expire_jobs", include_str!("../../src/sql/expire_jobs.sql"), "'{10,20}'"),
];

#[tokio::test]
async fn no_statement_of_the_durable_part_reads_a_table_from_end_to_end() {
    let fixture = Fixture::new().await;
    fixture.sql.batch_execute(&fill(FEW)).await.unwrap();
    fixture.sql.batch_execute(FAMILIES).await.unwrap();
    fixture.sql.batch_execute("ANALYZE").await.unwrap();
    let large = fixture.texts(LARGE).await;
    assert!(["fan_ins", "waits"].iter().all(|table| large.iter().any(|name| name == table)));
    let mut scans = Vec::new();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        fixture.sql.batch_execute(&format!("SET plan_cache_mode = {mode}")).await.unwrap();
        for (name, text, arguments) in HOT.iter().copied() {
            scans.extend(scans_of(&fixture.sql, &large, name, text, arguments, mode).await);
        }
    }
    assert!(scans.is_empty(), "{}", scans.join("\n\n"));
}

#[tokio::test]
async fn looking_for_chores_reads_no_table_from_end_to_end() {
    let fixture = Fixture::new().await;
    fixture.sql.batch_execute(&fill(FEW)).await.unwrap();
    fixture.sql.batch_execute(FAMILIES).await.unwrap();
    fixture.sql.batch_execute("ANALYZE").await.unwrap();
    let large = fixture.texts(LARGE).await;
    let text = include_str!("../../src/sql/chores.sql");
    let rows = fixture.sql.query(&format!("EXPLAIN {text}"), &[]).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let scanned =
        |line: &String| large.iter().any(|name| line.contains(&format!("Seq Scan on {name} ")));
    assert!(!lines.iter().any(scanned), "{}", lines.join("\n"));
}
