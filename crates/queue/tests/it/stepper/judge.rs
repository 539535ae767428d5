//! Whether all is well: after a play, between plays, and how a database is set up for it.

use std::sync::Arc;

use event::{Outcome, Policy};
use queue::stepping::behind;
use queue::{Finished, Queue};
use tokio_postgres::Client;

use super::play::Record;
use super::stage::Open;
use super::watcher::Watcher;

/// Rounds of claiming until all work must have ended: more than any lane is long.
const ROUNDS_MAX: usize = 60;

/// Makes a database watch itself, and keeps everything off it that a schedule does not choose.
pub async fn prepare(sql: &Client, guarded: bool) {
    sql.batch_execute(include_str!("watch.sql")).await.unwrap();
    if !guarded {
        sql.batch_execute(include_str!("unguarded.sql")).await.unwrap();
    }
    // Commits need not last here; partitions only cost planning; vacuum would come by chance.
    let quiet = "DO $$
    DECLARE name text;
    BEGIN
        EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database());
        EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_generic_plan', current_database());
        FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits
                     WHERE inhrelid::regclass::text ~ '_p[0-9]{8}$' LOOP
            EXECUTE format('DROP TABLE %s', name);
        END LOOP;
        FOR name IN SELECT oid::regclass::text FROM pg_class
                     WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace LOOP
            EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', name);
        END LOOP;
    END $$";
    sql.batch_execute(quiet).await.unwrap();
}

/// Empties the tables, and lets a play be the same whichever came before: numbers begin anew.
pub async fn wipe(sql: &Client, altogether: bool) {
    empty(sql, altogether).await;
    let numbers = "SELECT setval('event_ids', 1), setval('job_tokens', 1), setval('job_line', 1)";
    sql.batch_execute(numbers).await.unwrap();
}

/// Empties the tables: row by row, which is fast for a few, or altogether, which is worth it from time
/// to time.
pub async fn empty(sql: &Client, altogether: bool) {
    // Without its row in uptime the engine takes this for the return from an outage, and spares
    // whoever is silent.
    let all = "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class
                WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
                  AND NOT relispartition
                  AND relname NOT IN ('storage', 'job_totals', 'uptime', '_sqlx_migrations')";
    let wipe = match altogether {
        true => {
            let all: String = sql.query_one(all, &[]).await.unwrap().get(0);
            format!("TRUNCATE {all}")
        }
        // The trigger writes down what is deleted, so jobs go first.
        false => TOUCHED.map(|table| format!("DELETE FROM {table}")).join("; "),
    };
    let totals = "UPDATE job_totals SET made = 0, done = 0, dead = 0, cancelled = 0, expired = 0";
    sql.batch_execute(&format!("{wipe}; {totals}")).await.unwrap();
}

/// The tables in which a play leaves rows.
const TOUCHED: [&str; 11] = [
    "jobs",
    "waits",
    "events",
    "deliveries",
    "attempts",
    "outcomes",
    "workers",
    "audit",
    "job_flow",
    "changes",
    "wrongs",
];

/// Works until nothing is left to do; what stays is stuck.
pub async fn drain(sql: &Watcher, queue: &Queue, policy: Policy) {
    let drain = async {
        let end = "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 s'
                    WHERE fenced_at IS NULL AND stopped_at IS NULL";
        sql.rows(end, &[]).await;
        let who = queue.register("last", "1", 64).await.unwrap();
        while queue.reap(&|_| policy).await.unwrap() > 0 {}
        let due = "UPDATE jobs SET position = 1 WHERE state IN ('w', 's') AND position > 1";
        let mut finished: Vec<Finished> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            if finished.is_empty() {
                sql.rows(due, &[]).await;
                queue.sweep().await.unwrap();
            }
            let done = finished.len();
            let claims = queue.exchange(who, &finished, 64).await.unwrap().claims;
            let outcome = Outcome::Done(None);
            let finish = |claim| Finished { claim, outcome: outcome.clone(), policy };
            finished = claims.into_iter().map(finish).collect();
            if finished.is_empty() && done == 0 {
                return;
            }
        }
    };
    behind(Arc::new(Open), drain).await;
}

/// All that is wrong between two transactions, in words.
pub async fn breaches(sql: &Watcher, attempts_max: u32) -> Vec<String> {
    let attempts_max = i32::try_from(attempts_max).unwrap();
    let rows = sql.rows(include_str!("at_rest.sql"), &[&attempts_max]).await;
    rows.iter().map(|row| row.get(0)).collect()
}

/// What is wrong at the end of a play.
pub async fn verdict(sql: &Watcher, record: &Record, attempts_max: u32) -> Vec<String> {
    let mut wrong = breaches(sql, attempts_max).await;
    wrong.extend(record.strange.iter().cloned());
    let stuck = "SELECT format('event %s is stuck: %s', event_id, j) FROM jobs j";
    wrong.extend(sql.rows(stuck, &[]).await.iter().map(|row| row.get::<_, String>(0)));
    let lost = "SELECT format('%s was kept and is gone', key) FROM unnest($1::text[]) AS key
                 WHERE NOT EXISTS (SELECT FROM deliveries d WHERE d.key = unnest.key)";
    let lost = lost.replace("AS key", "AS unnest (key)");
    let lost = sql.rows(&lost, &[&record.kept]).await;
    wrong.extend(lost.iter().map(|row| row.get::<_, String>(0)));
    // An accepted settle is what the attempt's record says; a lost attempt's would be a stale write.
    let (mut events, mut tokens, mut words) = (vec![], vec![], vec![]);
    for (event, token, word) in &record.accepted {
        events.push(*event);
        tokens.push(*token);
        words.push(*word);
    }
    let stale =
        "SELECT format('event %s: token %s said %s and the record says %s', a.event, a.token,
                               a.word, coalesce(h.outcome, 'nothing'))
                   FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS a (event, token, word)
                   LEFT JOIN attempt_history h ON h.event_id = a.event AND h.token = a.token
                  WHERE h.outcome IS DISTINCT FROM a.word";
    let stale = sql.rows(stale, &[&events, &tokens, &words]).await;
    wrong.extend(stale.iter().map(|row| row.get::<_, String>(0)));
    wrong
}
