//! Configuration: environment variables, parsed once at the edge into one struct per process, with
//! all faults told at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

mod parse;
mod reader;
mod variables;

pub use reader::{EXIT_CONFIGURATION, Fault, Faults, Lookup};
pub use variables::{Process, VARIABLES, Variable};

use parse::{POSTGRES_URL, address, file, flag, folder, postgres_url, web_url};
use reader::Reader;

/// The shortest `ATHENAEUM_SECRET`, in characters.
pub const SECRET_CHARS_MIN: usize = 16;

/// The most `ATHENAEUM_WORKER_SLOTS`.
pub const WORKER_SLOTS_MAX: u32 = 1024;

const INGEST_HEALTH_PORT: u16 = 8081;
const WORKER_HEALTH_PORT: u16 = 8082;
const DRAIN_SECONDS_MAX: u32 = 3600;
const REPLY_GRACE_SECONDS_MAX: u32 = 600;

/// How the database is reached.
#[derive(Clone, Debug)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`.
    pub url: SecretString,
    /// `ATHENAEUM_LISTEN_URL`, where it differs.
    pub listen_url: Option<SecretString>,
    /// `ATHENAEUM_UNSAFE_DATABASE`.
    pub allow_unsafe: bool,
}

/// How the model server is reached.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// `OPENAI_BASE_URL`, without the slash at its end.
    pub base_url: String,
    /// `OPENAI_API_KEY`.
    pub api_key: Option<SecretString>,
    /// `ATHENAEUM_MODEL`.
    pub model: String,
}

/// What `athenaeum-ingest` is told.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The database.
    pub database: DatabaseConfig,
    /// `SLACK_APP_TOKEN`.
    pub app_token: SecretString,
    /// `SLACK_BOT_TOKEN`.
    pub bot_token: SecretString,
    /// `SLACK_API_URL`, without the slash at its end.
    pub slack_api_url: String,
    /// `ATHENAEUM_HEALTH_ADDR`.
    pub health_addr: SocketAddr,
    /// `ATHENAEUM_DRAIN_SECONDS`.
    pub drain: Duration,
}

/// What `athenaeum-worker` is told.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// The database.
    pub database: DatabaseConfig,
    /// `SLACK_BOT_TOKEN`.
    pub bot_token: SecretString,
    /// `SLACK_API_URL`, without the slash at its end.
    pub slack_api_url: String,
    /// The model server.
    pub model: ModelConfig,
    /// `ATHENAEUM_SECRET`.
    pub secret: SecretString,
    /// `ATHENAEUM_WORKER_SLOTS`, 1 to [`WORKER_SLOTS_MAX`].
    pub slots: u32,
    /// `ATHENAEUM_PROMPTS_DIR`; a folder that exists.
    pub prompts_dir: PathBuf,
    /// `ATHENAEUM_MCP_CONFIG`; a file that exists, or `None` without tools.
    pub mcp_config: Option<PathBuf>,
    /// `ATHENAEUM_HEALTH_ADDR`.
    pub health_addr: SocketAddr,
    /// `ATHENAEUM_DRAIN_SECONDS`.
    pub drain: Duration,
    /// `ATHENAEUM_REPLY_GRACE_SECONDS`.
    pub reply_grace: Duration,
}

/// What the operator's commands are told; each needs the database and nothing else.
#[derive(Clone, Debug)]
pub struct CliConfig {
    /// The database.
    pub database: DatabaseConfig,
}

/// What `athenaeum doctor` examines: whatever is set and readable, and the faults of the rest.
#[derive(Clone, Debug)]
pub struct DoctorConfig {
    /// The database.
    pub database: Option<DatabaseConfig>,
    /// `SLACK_APP_TOKEN`.
    pub app_token: Option<SecretString>,
    /// `SLACK_BOT_TOKEN`.
    pub bot_token: Option<SecretString>,
    /// `SLACK_API_URL`, without the slash at its end.
    pub slack_api_url: Option<String>,
    /// The model server.
    pub model: Option<ModelConfig>,
    /// `ATHENAEUM_PROMPTS_DIR`.
    pub prompts_dir: Option<PathBuf>,
    /// `ATHENAEUM_MCP_CONFIG`.
    pub mcp_config: Option<PathBuf>,
    /// What ingest or a worker would refuse to start with.
    pub faults: Faults,
}

impl IngestConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, Faults> {
        Self::read(&environment)
    }

    /// Reads from `lookup`.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let config = ingest(&mut reader);
        finish(reader, config)
    }
}

impl WorkerConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, Faults> {
        Self::read(&environment)
    }

    /// Reads from `lookup`.
    ///
    /// # Errors
    /// All faults at once.
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Faults> {
        let mut reader = Reader::new(lookup);
        let config = worker(&mut reader);
        finish(reader, config)
    }
}

impl CliConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// All faults at once.
    pub fn from_env() -> Result<Self, Faults> {
        let mut reader = Reader::new(&environment);
        let config = database(&mut reader).map(|database| CliConfig { database });
        finish(reader, config)
    }
}

impl DoctorConfig {
    /// Reads the process's environment. Does not fail: faults are findings.
    #[must_use]
    pub fn from_env() -> Self {
        Self::read(&environment)
    }

    /// Reads from `lookup`.
    #[must_use]
    pub fn read(lookup: Lookup<'_>) -> Self {
        let mut reader = Reader::new(lookup);
        ingest(&mut reader);
        worker(&mut reader);
        // Each process names a shared variable; the operator hears of it once.
        let mut faults: Vec<Fault> = Vec::new();
        for fault in reader.faults {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        let mut reader = Reader::new(lookup);
        DoctorConfig {
            database: database(&mut reader),
            app_token: app_token(&mut reader),
            bot_token: bot_token(&mut reader),
            slack_api_url: reader.or_default(&variables::SLACK_API_URL, web_url),
            model: model(&mut reader),
            prompts_dir: reader.or_default(&variables::ATHENAEUM_PROMPTS_DIR, folder),
            mcp_config: mcp_config(&mut reader),
            faults: Faults(faults),
        }
    }
}

fn environment(name: &str) -> Option<String> {
    // A value that is not UTF-8 cannot be right for any of ours; its faulty form says so.
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

fn finish<T>(reader: Reader<'_>, config: Option<T>) -> Result<T, Faults> {
    match config {
        Some(config) if reader.faults.is_empty() => Ok(config),
        _ => Err(Faults(reader.faults)),
    }
}

/// Every variable is read before the first missing one ends it, so that all faults are told.
fn ingest(reader: &mut Reader<'_>) -> Option<IngestConfig> {
    let database = database(reader);
    let app_token = app_token(reader);
    let bot_token = bot_token(reader);
    let slack_api_url = reader.or_default(&variables::SLACK_API_URL, web_url);
    let health_addr = health_addr(reader, INGEST_HEALTH_PORT);
    let drain = drain(reader);
    Some(IngestConfig {
        database: database?,
        app_token: app_token?,
        bot_token: bot_token?,
        slack_api_url: slack_api_url?,
        health_addr: health_addr?,
        drain: drain?,
    })
}

/// As [`ingest`].
fn worker(reader: &mut Reader<'_>) -> Option<WorkerConfig> {
    let database = database(reader);
    let bot_token = bot_token(reader);
    let slack_api_url = reader.or_default(&variables::SLACK_API_URL, web_url);
    let model = model(reader);
    let secret = reader.required(
        &variables::ATHENAEUM_SECRET,
        &format!("{SECRET_CHARS_MIN} characters or more"),
        parse::secret(SECRET_CHARS_MIN),
    );
    let slots =
        reader.or_default(&variables::ATHENAEUM_WORKER_SLOTS, parse::number(1..=WORKER_SLOTS_MAX));
    let prompts_dir = reader.or_default(&variables::ATHENAEUM_PROMPTS_DIR, folder);
    let mcp_config = mcp_config(reader);
    let health_addr = health_addr(reader, WORKER_HEALTH_PORT);
    let drain = drain(reader);
    let grace = parse::seconds(0..=REPLY_GRACE_SECONDS_MAX);
    let reply_grace = reader.or_default(&variables::ATHENAEUM_REPLY_GRACE_SECONDS, grace);
    Some(WorkerConfig {
        database: database?,
        bot_token: bot_token?,
        slack_api_url: slack_api_url?,
        model: model?,
        secret: secret?,
        slots: slots?,
        prompts_dir: prompts_dir?,
        mcp_config,
        health_addr: health_addr?,
        drain: drain?,
        reply_grace: reply_grace?,
    })
}

fn database(reader: &mut Reader<'_>) -> Option<DatabaseConfig> {
    let url = reader.required(&variables::DATABASE_URL, POSTGRES_URL, postgres_url);
    let listen_url = reader.optional(&variables::ATHENAEUM_LISTEN_URL, postgres_url);
    let allow_unsafe = reader.or_default(&variables::ATHENAEUM_UNSAFE_DATABASE, flag);
    Some(DatabaseConfig { url: url?, listen_url, allow_unsafe: allow_unsafe? })
}

fn app_token(reader: &mut Reader<'_>) -> Option<SecretString> {
    let expected = "a token that starts with xapp-";
    reader.required(&variables::SLACK_APP_TOKEN, expected, parse::token("xapp-"))
}

fn bot_token(reader: &mut Reader<'_>) -> Option<SecretString> {
    let expected = "a token that starts with xoxb-";
    reader.required(&variables::SLACK_BOT_TOKEN, expected, parse::token("xoxb-"))
}

/// The public server needs a key; one of your own may not.
fn model(reader: &mut Reader<'_>) -> Option<ModelConfig> {
    let api_key = reader.optional(&variables::OPENAI_API_KEY, parse::secret(1));
    if api_key.is_none() && reader.text(&variables::OPENAI_BASE_URL).is_none() {
        let expected = "a key, as OPENAI_BASE_URL is unset".to_owned();
        reader.fault(&variables::OPENAI_API_KEY, expected, "nothing".to_owned());
        return None;
    }
    let base_url = reader.or_default(&variables::OPENAI_BASE_URL, web_url);
    let model = reader.or_default(&variables::ATHENAEUM_MODEL, parse::text);
    Some(ModelConfig { base_url: base_url?, api_key, model: model? })
}

/// A file that was named must exist; the default one may be absent.
fn mcp_config(reader: &mut Reader<'_>) -> Option<PathBuf> {
    let variable = &variables::ATHENAEUM_MCP_CONFIG;
    match reader.text(variable) {
        Some(_) => reader.optional(variable, file),
        None => variable.default.map(PathBuf::from).filter(|path| path.is_file()),
    }
}

fn health_addr(reader: &mut Reader<'_>, port: u16) -> Option<SocketAddr> {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match reader.text(&variables::ATHENAEUM_HEALTH_ADDR) {
        Some(_) => reader.optional(&variables::ATHENAEUM_HEALTH_ADDR, address),
        None => Some(default),
    }
}

fn drain(reader: &mut Reader<'_>) -> Option<Duration> {
    let parse = parse::seconds(0..=DRAIN_SECONDS_MAX);
    reader.or_default(&variables::ATHENAEUM_DRAIN_SECONDS, parse)
}

#[cfg(test)]
mod tests;
