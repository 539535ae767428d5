//! One connection, opened with patience for nothing and a clear word about what is wrong.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

use super::SERVER_VERSION_MIN;
use super::error::SchemaError;

/// How long the server has to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects and refuses a server that is too old.
pub(crate) async fn connect(url: &str) -> Result<PgConnection, SchemaError> {
    let options = PgConnectOptions::from_str(url)
        .map_err(SchemaError::Url)?
        .application_name("athenaeum-schema");
    let mut connection = tokio::time::timeout(CONNECT_TIMEOUT, options.connect())
        .await
        .map_err(|_| SchemaError::Silent { seconds: CONNECT_TIMEOUT.as_secs() })?
        .map_err(|error| SchemaError::connecting(error, &options))?;
    let found: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(&mut connection)
        .await
        .map_err(SchemaError::query)?;
    match found >= SERVER_VERSION_MIN {
        true => Ok(connection),
        false => Err(SchemaError::ServerTooOld { found: found / 10_000 }),
    }
}
