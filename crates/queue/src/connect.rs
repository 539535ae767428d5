//! Connections, each with every bound set from its first packet on.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{
    CONNECT_TIMEOUT, IDLE_IN_TRANSACTION_TIMEOUT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL,
    KEEPALIVE_RETRIES, LOCK_TIMEOUT, POOL_WAIT_TIMEOUT, STATEMENT_TIMEOUT, TCP_USER_TIMEOUT,
};
use crate::tls::{TlsMode, connector};
use crate::{QueueError, stepping};

/// The server-side bounds of one kind of connection.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) statement: Duration,
    pub(crate) lock: Duration,
    pub(crate) idle_in_transaction: Duration,
    pub(crate) plans: Plans,
}

/// How the server plans prepared statements.
#[derive(Clone, Copy)]
pub(crate) enum Plans {
    /// As it thinks best: questions with many optional conditions differ from call to call.
    Chosen,
    /// Once: the statements of a job's life are written for one plan, and planning one of them over
    /// every partition costs more than a hundred jobs do. Each looks by its index, whatever the tables
    /// held when it was planned: a plan made over an empty table reads it from end to end, for as long
    /// as the connection lives.
    Once,
}

impl Bounds {
    /// For callers whose statements a test lets through when it likes.
    const NONE: Bounds = Bounds {
        statement: Duration::ZERO,
        lock: Duration::ZERO,
        idle_in_transaction: Duration::ZERO,
        plans: Plans::Once,
    };

    /// Those of ordinary work.
    pub(crate) const ORDINARY: Bounds = Bounds {
        statement: STATEMENT_TIMEOUT,
        lock: LOCK_TIMEOUT,
        idle_in_transaction: IDLE_IN_TRANSACTION_TIMEOUT,
        plans: Plans::Chosen,
    };

    /// Those of a job's life.
    pub(crate) const WORK: Bounds = Bounds { plans: Plans::Once, ..Bounds::ORDINARY };
}

/// Where and how to connect.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: Option<MakeRustlsConnect>,
}

impl Target {
    /// Reads a connection string and adds our bounds.
    pub(crate) fn new(
        url: &str,
        application_name: &str,
        bounds: Bounds,
    ) -> Result<Self, QueueError> {
        let (url, mode) = split_tls(url);
        // The driver's words may quote the string's parts, but never its password.
        let mut config =
            Config::from_str(&url).map_err(|error| QueueError::Url { found: error.to_string() })?;
        config
            .application_name(application_name)
            .connect_timeout(CONNECT_TIMEOUT)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .ssl_mode(if mode == TlsMode::Plain { SslMode::Disable } else { SslMode::Require });
        let given = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
        config.options(format!("{given}{}", session_options(bounds)));
        Ok(Target { config, tls: connector(&mode)? })
    }

    /// A pool of such connections; opens none before the first use.
    pub(crate) fn pool(&self, connections_max: usize) -> Result<Pool, QueueError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &self.tls {
            None => Manager::from_config(self.config.clone(), NoTls, recycling),
            Some(tls) => Manager::from_config(self.config.clone(), tls.clone(), recycling),
        };
        Pool::builder(manager)
            .max_size(connections_max.max(1))
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(POOL_WAIT_TIMEOUT),
                create: Some(CONNECT_TIMEOUT),
                recycle: Some(CONNECT_TIMEOUT),
            })
            .build()
            .map_err(|error| QueueError::Url { found: error.to_string() })
    }
}

/// The settings of [`Plans::Once`].
pub(crate) const ONCE_BY_INDEX: &str = "-c plan_cache_mode=force_generic_plan \
    -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off \
    -c enable_material=off";

/// Sent in the startup packet, so that no connection is ever without them and none costs a round
/// trip. JIT compiles for longer than any statement here runs.
fn session_options(bounds: Bounds) -> String {
    let bounds = if stepping::is_gated() { Bounds::NONE } else { bounds };
    let Bounds { statement, lock, idle_in_transaction, plans } = bounds;
    let plans = match plans {
        Plans::Chosen => "-c plan_cache_mode=auto",
        Plans::Once => ONCE_BY_INDEX,
    };
    format!(
        "-c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} \
         -c default_transaction_isolation=read\\ committed -c timezone=UTC -c jit=off \
         {plans}",
        statement.as_millis(),
        lock.as_millis(),
        idle_in_transaction.as_millis(),
    )
}

/// Takes `sslmode` and `sslrootcert` out of a connection URL: the driver knows neither the checked
/// modes nor the file.
fn split_tls(url: &str) -> (String, TlsMode) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), TlsMode::Plain) };
    let (mut mode, mut roots) = ("", None);
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", value)) => roots = Some(value.replace("%2F", "/")),
            _ => rest.push(pair),
        }
    }
    let mode = match mode {
        "require" if roots.is_none() => TlsMode::Encrypted,
        "require" | "verify-ca" | "verify-full" => TlsMode::Checked { roots },
        _ => TlsMode::Plain,
    };
    let joined = rest.join("&");
    (if joined.is_empty() { base.to_owned() } else { format!("{base}?{joined}") }, mode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_of_tls_are_told_apart() {
        for (query, expected) in [
            ("", TlsMode::Plain),
            ("?sslmode=disable", TlsMode::Plain),
            ("?sslmode=prefer", TlsMode::Plain),
            ("?sslmode=require", TlsMode::Encrypted),
            ("?sslmode=verify-full", TlsMode::Checked { roots: None }),
            (
                "?sslrootcert=%2Fca.pem&sslmode=verify-ca",
                TlsMode::Checked { roots: Some("/ca.pem".to_owned()) },
            ),
        ] {
            let (url, mode) = split_tls(&format!("postgres://u@h/d{query}"));
            assert_eq!((url.as_str(), mode), ("postgres://u@h/d", expected), "{query}");
        }
    }

    #[test]
    fn other_parameters_stay() {
        let (url, _) = split_tls("postgres://u@h/d?sslmode=require&connect_timeout=3");
        assert_eq!(url, "postgres://u@h/d?connect_timeout=3");
    }

    #[test]
    fn a_wrong_string_is_refused_without_its_password() {
        let target = Target::new("postgres://u:secret@h:port/d", "t", Bounds::ORDINARY);
        let Err(error) = target else { panic!("that is no port") };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
