//! A migrated database of its own for each test.
//!
//! The schema is migrated once per start of a cluster and set of migrations, into a template; each test
//! copies that, which takes some 50 ms. A template of an earlier start would hold what its restart left
//! behind, an outage in the engine's eyes.

use std::thread;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use crate::migrate;

/// The advisory lock under which the template is made (any number that nobody else takes).
const TEMPLATE_LOCK: i64 = 0x61_74_68_65_6e_61;

/// How long a copy waits for whoever is still connected to the template.
const COPY_PATIENCE: Duration = Duration::from_secs(20);

const COPY_PAUSE: Duration = Duration::from_millis(50);

/// A migrated database that is dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// Makes one on the server of `DATABASE_URL`, whose user must be allowed to.
    ///
    /// # Panics
    /// When `DATABASE_URL` is unset or its server does not do what it should: a test cannot go on.
    pub async fn create() -> Self {
        Self::make(Source::Migrated).await
    }

    /// Makes one without any schema.
    ///
    /// # Panics
    /// As [`Database::create`].
    pub async fn create_empty() -> Self {
        Self::make(Source::Empty).await
    }

    /// Where it is, superuser and password included.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Drops it now, whoever is connected.
    pub async fn close(self) {
        drop_database(&self.server, &self.name).await;
        std::mem::forget(self);
    }

    async fn make(source: Source) -> Self {
        crate::tls::install();
        let server = server_url();
        let mut admin = connect(&server).await;
        let template = match source {
            Source::Migrated => template(&server, &mut admin).await,
            Source::Empty => "template1".to_owned(),
        };
        let name = format!("athenaeum_test_{}", Uuid::new_v4().simple());
        copy(&mut admin, &template, &name).await;
        let url = with_database(&server, &name);
        Database { server, name, url }
    }
}

impl Drop for Database {
    /// Drops the database on a thread of its own: the test's runtime may be ending.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(drop_database(&server, &name));
            }
        });
        // Best effort: the cluster of the tests goes away anyhow.
        let _ = dropping.join();
    }
}

enum Source {
    Migrated,
    Empty,
}

fn server_url() -> String {
    match std::env::var("DATABASE_URL") {
        Ok(url) if !url.is_empty() => url,
        _ => panic!(
            "DATABASE_URL is unset, and this test needs a Postgres where it may make databases: \
             run scripts/test, or export DATABASE_URL=$(scripts/postgres start .athenaeum/test)"
        ),
    }
}

fn with_database(server: &str, name: &str) -> String {
    match Url::parse(server) {
        Ok(mut url) => {
            url.set_path(name);
            url.into()
        }
        Err(error) => panic!("DATABASE_URL is no URL: {error}"),
    }
}

async fn connect(url: &str) -> PgConnection {
    match migrate::connect(url).await {
        Ok(connection) => connection,
        Err(error) => panic!("DATABASE_URL does not serve the tests: {error}: {error:?}"),
    }
}

/// The name of the migrated template, made first if need be. `datistemplate` is set last, so a
/// template that carries it is whole.
async fn template(server: &str, admin: &mut PgConnection) -> String {
    let family = format!("athenaeum_template_{}", migrate::fingerprint());
    let name = format!("{family}_{}", started(admin).await);
    if is_template(admin, &name).await {
        return name;
    }
    execute(admin, format!("SELECT pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if !is_template(admin, &name).await {
        for earlier in earlier_templates(admin, &family).await {
            execute(admin, format!("ALTER DATABASE {earlier} IS_TEMPLATE false")).await;
            execute(admin, format!("DROP DATABASE {earlier} WITH (FORCE)")).await;
        }
        execute(admin, format!("CREATE DATABASE {name}")).await;
        if let Err(error) = migrate::run(&with_database(server, &name)).await {
            panic!("the migrations do not run: {error}: {error:?}");
        }
        let finished = format!("ALTER DATABASE {name} IS_TEMPLATE true ALLOW_CONNECTIONS false");
        execute(admin, finished).await;
        // TimescaleDB's scheduler stays connected, and nobody can copy a database in use.
        let leave = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname =";
        execute(admin, format!("{leave} '{name}'")).await;
    }
    execute(admin, format!("SELECT pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

/// When the server was started, in seconds since 1970.
async fn started(admin: &mut PgConnection) -> i64 {
    let query = "SELECT extract(epoch FROM pg_postmaster_start_time())::bigint";
    answer(sqlx::query_scalar(query).fetch_one(admin)).await
}

async fn is_template(admin: &mut PgConnection, name: &str) -> bool {
    let query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate)";
    answer(sqlx::query_scalar(query).bind(name).fetch_one(admin)).await
}

/// Templates of earlier starts, and one that was not finished.
async fn earlier_templates(admin: &mut PgConnection, family: &str) -> Vec<String> {
    let query = "SELECT datname::text FROM pg_database WHERE starts_with(datname::text, $1)";
    answer(sqlx::query_scalar(query).bind(family).fetch_all(admin)).await
}

async fn answer<T>(asked: impl Future<Output = sqlx::Result<T>>) -> T {
    match asked.await {
        Ok(answer) => answer,
        Err(error) => panic!("the server of DATABASE_URL does not answer: {error}"),
    }
}

/// Copies, and tries again while a session that just ended still counts as connected.
async fn copy(admin: &mut PgConnection, template: &str, name: &str) {
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    let deadline = Instant::now() + COPY_PATIENCE;
    loop {
        let error = match admin.execute(AssertSqlSafe(statement.clone())).await {
            Ok(_) => return,
            Err(error) => error,
        };
        let in_use = error.as_database_error().and_then(|e| e.code()).as_deref() == Some("55006");
        if !in_use || Instant::now() > deadline {
            panic!("{statement}: {error}");
        }
        // A background worker of an extension may linger in the template; nobody else may be there.
        let linger = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{template}'"
        );
        execute(admin, linger).await;
        tokio::time::sleep(COPY_PAUSE).await;
    }
}

async fn execute(connection: &mut PgConnection, statement: String) {
    if let Err(error) = connection.execute(AssertSqlSafe(statement.clone())).await {
        panic!("{statement}: {error}");
    }
}

async fn drop_database(server: &str, name: &str) {
    let Ok(mut admin) = migrate::connect(server).await else { return };
    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    // A database that stays behind harms nobody; a panic while dropping would abort.
    let _ = admin.execute(AssertSqlSafe(statement)).await;
    let _ = admin.close().await;
}
