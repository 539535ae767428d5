//! The parts of `service` that need a server or a socket.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use service::health::{self, Probes};
use service::migrate::{self, SchemaError};
use service::testing::Database;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;
use url::Url;

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_database_without_a_schema_is_told_to_migrate() {
    let database = Database::create_empty().await;
    let error = migrate::check(database.url()).await.unwrap_err();
    assert!(matches!(error, SchemaError::Unmigrated { .. }), "{error:?}");
    assert!(error.to_string().contains("run `athenaeum migrate`"));
    assert!(!error.may_heal());
}

#[tokio::test]
async fn migrating_twice_changes_nothing() {
    let database = Database::create_empty().await;
    let first = migrate::run(database.url()).await.unwrap();
    assert_eq!(first.version, migrate::built_for());
    assert_eq!(first.applied.last().copied().unwrap_or_default(), first.version);
    let second = migrate::run(database.url()).await.unwrap();
    assert_eq!(second.applied, Vec::<i64>::new());
    assert_eq!(second.version, first.version);
    migrate::check(database.url()).await.unwrap();
}

#[tokio::test]
async fn of_two_who_migrate_at_once_one_does_the_work() {
    let database = Database::create_empty().await;
    let url = database.url();
    let runs = tokio::join!(migrate::run(url), migrate::run(url), migrate::run(url));
    let applied = [runs.0.unwrap(), runs.1.unwrap(), runs.2.unwrap()].map(|run| run.applied.len());
    assert_eq!(applied.iter().filter(|count| **count > 0).count(), 1, "{applied:?}");
    migrate::check(url).await.unwrap();
}

#[tokio::test]
async fn a_schema_from_the_future_is_left_alone() {
    let database = Database::create().await;
    let future = "INSERT INTO _sqlx_migrations (version, description, success, checksum, \
                  execution_time) VALUES (99990101000000, 'later', true, '\\x00', 0)";
    execute(database.url(), future).await;
    for error in [
        migrate::check(database.url()).await.unwrap_err(),
        migrate::run(database.url()).await.unwrap_err(),
    ] {
        assert!(matches!(error, SchemaError::Newer { found: 99990101000000, .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_schema_from_the_past_is_told_to_migrate() {
    let database = Database::create().await;
    let past = "DELETE FROM _sqlx_migrations \
                WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    execute(database.url(), past).await;
    let error = migrate::check(database.url()).await.unwrap_err();
    assert!(matches!(error, SchemaError::Older { .. }), "{error:?}");
    assert!(error.to_string().contains("run `athenaeum migrate`"));
}

#[tokio::test]
async fn a_migration_that_was_rewritten_is_noticed() {
    let database = Database::create().await;
    execute(database.url(), "UPDATE _sqlx_migrations SET checksum = '\\x00'").await;
    let error = migrate::check(database.url()).await.unwrap_err();
    assert!(matches!(error, SchemaError::Changed { .. }), "{error:?}");
}

#[tokio::test]
async fn each_way_to_miss_the_database_has_its_own_sentence() {
    let database = Database::create_empty().await;
    let with = |change: &dyn Fn(&mut Url)| {
        let mut url = Url::parse(database.url()).unwrap();
        change(&mut url);
        url.to_string()
    };
    let absent = with(&|url| url.set_path("no_such_database"));
    let error = migrate::check(&absent).await.unwrap_err();
    assert!(matches!(error, SchemaError::NoDatabase { .. }), "{error:?}");
    assert!(error.to_string().contains("createdb no_such_database"));

    let stranger = with(&|url| url.set_username("no_such_user").unwrap());
    let error = migrate::check(&stranger).await.unwrap_err();
    assert!(matches!(error, SchemaError::Credentials { .. }), "{error:?}");

    // A port that was free a moment ago: nobody answers there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = format!("postgres://ada:hunter2@127.0.0.1:{port}/athenaeum");
    let error = migrate::check(&silent).await.unwrap_err();
    assert!(matches!(error, SchemaError::Unreachable { .. }), "{error:?}");
    assert!(error.may_heal());
    assert!(!format!("{error} {error:?}").contains("hunter2"));

    let error = migrate::check("not a url").await.unwrap_err();
    assert!(matches!(error, SchemaError::Url(_)), "{error:?}");
}

#[tokio::test]
async fn waiting_for_a_database_ends_with_the_shutdown() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    let error = migrate::wait(&format!("postgres://127.0.0.1:{port}/x"), &shutdown).await;
    assert!(matches!(error.unwrap_err(), SchemaError::Unreachable { .. }));
}

/// Waits until somebody waits for a lock in the watcher's database, or until nobody does. The
/// watcher holds no transaction: inside one, `pg_stat_activity` stands still.
async fn until_waiting(watcher: &mut PgConnection, expected: bool) {
    let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() \
                   AND wait_event_type = 'Lock')";
    let deadline = Instant::now() + Duration::from_secs(20);
    while sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut *watcher).await.unwrap() != expected
    {
        assert!(Instant::now() < deadline, "waiting for a lock is not {expected}");
    }
}

#[tokio::test]
async fn a_migration_that_cannot_have_a_lock_lets_go_and_tries_again() {
    let database = Database::create_empty().await;
    let mut holder = PgConnection::connect(database.url()).await.unwrap();
    let mut watcher = PgConnection::connect(database.url()).await.unwrap();
    // The migrator's first act is to make its own table; this one is in the way.
    let lock = "BEGIN; CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY)";
    holder.execute(lock).await.unwrap();
    let url = database.url().to_owned();
    let running = tokio::spawn(async move { migrate::run(&url).await });
    until_waiting(&mut watcher, true).await;
    until_waiting(&mut watcher, false).await;
    holder.execute("ROLLBACK").await.unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_test_database_is_gone() {
    let database = Database::create_empty().await;
    let url = database.url().to_owned();
    drop(database);
    let error = migrate::check(&url).await.unwrap_err();
    assert!(matches!(error, SchemaError::NoDatabase { .. }), "{error:?}");
}

async fn get(url: &str) -> (u16, String) {
    let response = reqwest::get(url).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn readiness_names_what_is_missing_and_health_does_not_mind() {
    service::tls::install();
    let up = Arc::new(AtomicBool::new(false));
    let database = Arc::clone(&up);
    let soft = CancellationToken::new();
    let stop = CancellationToken::new();
    let probes = Probes::default()
        .ready("database", move || {
            let up = database.load(Ordering::SeqCst);
            async move { if up { Ok(()) } else { Err("no Postgres answers".to_owned()) } }
        })
        .draining(soft.clone());
    let server = health::serve(([127, 0, 0, 1], 0).into(), probes, stop.clone()).await.unwrap();
    let at = |path: &str| format!("http://{}{path}", server.addr);

    let (status, body) = get(&at("/readyz")).await;
    assert_eq!(status, 503);
    assert!(body.contains(r#"{"name":"database","ok":false,"reason":"no Postgres answers"}"#));
    assert_eq!(get(&at("/healthz")).await.0, 200);

    up.store(true, Ordering::SeqCst);
    let ready =
        r#"{"ok":true,"checks":[{"name":"database","ok":true},{"name":"shutdown","ok":true}]}"#;
    assert_eq!(get(&at("/readyz")).await, (200, ready.to_owned()));

    soft.cancel();
    let (status, body) = get(&at("/readyz")).await;
    assert!(status == 503 && body.contains("draining"), "{body}");

    metrics::counter!("test_events_total").increment(3);
    metrics::histogram!("test_seconds").record(0.15);
    let (status, body) = get(&at("/metrics")).await;
    assert_eq!(status, 200);
    assert!(body.contains("test_events_total 3"), "{body}");
    assert!(body.contains(r#"test_seconds_bucket{le="0.2"} 1"#), "{body}");

    stop.cancel();
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_ends_its_request_does_not_keep_the_server() {
    let stop = CancellationToken::new();
    let addr = ([127, 0, 0, 1], 0).into();
    let server = health::serve(addr, Probes::default(), stop.clone()).await.unwrap();
    let mut client = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    let whole_and_half = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\nGET /healthz HTTP/1.1\r\n";
    client.write_all(whole_and_half).await.unwrap();
    // The first answer proves that the connection is served.
    client.readable().await.unwrap();
    stop.cancel();
    let deadline = health::LEAVE_TIMEOUT + Duration::from_secs(10);
    tokio::time::timeout(deadline, server.task).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_taken_address_is_told_with_a_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let error = health::serve(addr, Probes::default(), CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains("set ATHENAEUM_HEALTH_ADDR"), "{error}");
}
