//! P14: death in the middle of a migration.

use service::testing::Database;
use sim::link::{CommitKind, Cut, Link};

use super::rig::raw;

/// Everything that a schema is made of, as text.
const SCHEMA: &str = "SELECT string_agg(line, chr(10) ORDER BY line) FROM (
    SELECT format('%s %s %s', c.relkind, c.relname, pg_get_expr(d.adbin, d.adrelid)) AS line
      FROM pg_class c LEFT JOIN pg_attrdef d ON d.adrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod))
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
     WHERE c.relnamespace = 'public'::regnamespace AND attnum > 0
    UNION ALL
    SELECT format('%s %s', proname, prosrc) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace) AS parts";

/// Dying at every commit would take a minute; the migrations differ in nothing that matters here.
const COMMITS_APART: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn p14_a_migration_that_dies_anywhere_is_run_again() {
    let whole = Database::create().await;
    let expected = schema(whole.url()).await;
    let mut died = 0;
    for cut in [Cut::Before, Cut::After] {
        for skip in (0..).step_by(COMMITS_APART) {
            let database = Database::create_empty().await;
            let link = Link::to(database.url()).await.expect("a line");
            link.arm(cut, skip, |commit| commit.kind == CommitKind::Explicit);
            let first = service::migrate::run(&link.url(database.url())).await;
            if link.disarm() {
                first.expect("nobody cut its line");
                break;
            }
            died += 1;
            service::migrate::run(database.url()).await.expect("it goes on where it was");
            service::migrate::check(database.url()).await.expect("it is whole");
            let found = schema(database.url()).await;
            assert_eq!(found, expected, "{cut:?} of commit {skip}");
        }
    }
    assert!(died >= 4, "each migration is a transaction: only {died} deaths");
}

async fn schema(url: &str) -> String {
    raw(url).await.query_one(SCHEMA, &[]).await.expect("it answers").get(0)
}
