//! The database as the operator's commands use it.

use std::path::Path;

use anyhow::Context;
use queue::{Options, Queue};
use secrecy::ExposeSecret;
use service::config::{CliConfig, DatabaseConfig};
use service::migrate;

/// One command needs few.
const CONNECTIONS_MAX: usize = 4;

/// Reads the configuration, checks the schema and opens the queue.
pub(crate) async fn open() -> anyhow::Result<Queue> {
    let config = CliConfig::from_env()?;
    migrate::check(config.database.url.expose_secret()).await?;
    connect(&config.database).await
}

/// Opens the queue as it is.
pub(crate) async fn connect(database: &DatabaseConfig) -> anyhow::Result<Queue> {
    let options = Options {
        database_url: database.url.expose_secret().to_owned(),
        listen_url: database.listen_url.as_ref().map(|url| url.expose_secret().to_owned()),
        pool_connections_max: CONNECTIONS_MAX,
        application_name: "athenaeum",
        allow_unsafe: database.allow_unsafe,
    };
    Ok(Queue::connect(options).await?)
}

/// Who acts, for the audit: the user of the shell.
pub(crate) fn actor() -> String {
    std::env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or_else(|| "cli".to_owned())
}

/// A file's bytes, to be worked on.
pub(crate) fn payload(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("cannot read the payload {}", file.display()))
}
