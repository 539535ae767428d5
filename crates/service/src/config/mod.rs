//! Configuration: environment variables, parsed once at the edge into one struct per process, with
//! all faults told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

mod parse;
mod processes;
mod reader;
mod variables;

pub use reader::{EXIT_CONFIGURATION, Fault, Faults, Lookup};
pub use variables::{Process, VARIABLES, Variable};

use parse::{folder, web_url};
use processes::{admins, app_token, bot_token, database, ingest, mcp_config, model, worker};
use reader::Reader;

/// The shortest `ATHENAEUM_SECRET`, in characters.
pub const SECRET_CHARS_MIN: usize = 16;

/// The most `ATHENAEUM_WORKER_SLOTS`.
pub const WORKER_SLOTS_MAX: u32 = 1024;

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

/// How Slack's signed requests come in.
#[derive(Clone, Debug)]
pub struct RequestsConfig {
    /// `ATHENAEUM_EVENTS_ADDR`.
    pub addr: SocketAddr,
    /// `SLACK_SIGNING_SECRET`.
    pub signing_secret: SecretString,
}

/// What a reaction under an answer of the bot does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReactionAction {
    /// Asks in the thread what was wrong.
    AskWhy,
    /// Deletes the answer, if whoever asked for it reacts.
    Delete,
}

impl ReactionAction {
    /// All.
    pub const ALL: &[ReactionAction] = &[ReactionAction::AskWhy, ReactionAction::Delete];

    /// Its word in `ATHENAEUM_REACTIONS`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ReactionAction::AskWhy => "ask_why",
            ReactionAction::Delete => "delete",
        }
    }
}

/// What `athenaeum-ingest` is told.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The database.
    pub database: DatabaseConfig,
    /// `SLACK_APP_TOKEN`; without it there are [`IngestConfig::requests`].
    pub app_token: Option<SecretString>,
    /// The HTTP Events API, where it is used.
    pub requests: Option<RequestsConfig>,
    /// `SLACK_BOT_TOKEN`.
    pub bot_token: SecretString,
    /// `SLACK_API_URL`, without the slash at its end.
    pub slack_api_url: String,
    /// `ATHENAEUM_BACKFILL_HOURS`; zero reads nothing.
    pub backfill: Duration,
    /// `ATHENAEUM_BOTS`: user ids and bot ids.
    pub bots: BTreeSet<String>,
    /// `ATHENAEUM_HEALTH_ADDR`.
    pub health_addr: SocketAddr,
    /// `ATHENAEUM_DRAIN_SECONDS`.
    pub drain: Duration,
}

/// What one person may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserLimits {
    /// `ATHENAEUM_USER_MESSAGES_PER_MINUTE`, where there is a limit.
    pub messages_per_minute: Option<u32>,
    /// `ATHENAEUM_USER_TOKENS_PER_DAY`, where there is a limit.
    pub tokens_per_day: Option<u32>,
    /// `ATHENAEUM_USER_TOOL_CALLS_PER_DAY`.
    pub tool_calls_per_day: ToolCaps,
}

/// How often each tool may be called, by its name; `*` stands for those that are not named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCaps(pub BTreeMap<String, u32>);

impl ToolCaps {
    /// How often a tool may be called, where there is a limit.
    #[must_use]
    pub fn of(&self, tool: &str) -> Option<u32> {
        self.0.get(tool).or_else(|| self.0.get("*")).copied()
    }
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
    /// `ATHENAEUM_MODEL_SEES`.
    pub model_sees: bool,
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
    /// `ATHENAEUM_ADMINS`: user ids.
    pub admins: BTreeSet<String>,
    /// `ATHENAEUM_REACTIONS`, by the emoji's name.
    pub reactions: BTreeMap<String, ReactionAction>,
    /// `ATHENAEUM_SLACK_LIMITS`.
    pub slack_limits: bool,
    /// What one person may use.
    pub user_limits: UserLimits,
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
    /// `ATHENAEUM_ADMINS`.
    pub admins: BTreeSet<String>,
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
            admins: admins(&mut reader),
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

#[cfg(test)]
mod tests;
