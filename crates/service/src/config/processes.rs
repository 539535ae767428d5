//! Which variables each process reads.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::parse::{self, POSTGRES_URL, address, file, flag, folder, postgres_url, web_url};
use super::reader::Reader;
use super::variables;
use super::{
    DatabaseConfig, IngestConfig, ModelConfig, RequestsConfig, SECRET_CHARS_MIN, UserLimits,
    WORKER_SLOTS_MAX, WorkerConfig,
};

const INGEST_HEALTH_PORT: u16 = 8081;
const WORKER_HEALTH_PORT: u16 = 8082;
const DRAIN_SECONDS_MAX: u32 = 3600;
const REPLY_GRACE_SECONDS_MAX: u32 = 600;
const BACKFILL_HOURS_MAX: u32 = 168;
const MESSAGES_PER_MINUTE_MAX: u32 = 100_000;
const TOKENS_PER_DAY_MAX: u32 = 4_000_000_000;

/// Every variable is read before the first missing one ends it, so that all faults are told.
pub(super) fn ingest(reader: &mut Reader<'_>) -> Option<IngestConfig> {
    let database = database(reader);
    let app_token = app_token(reader);
    let requests = requests(reader);
    let bot_token = bot_token(reader);
    let slack_api_url = reader.or_default(&variables::SLACK_API_URL, web_url);
    let hours = parse::hours(0..=BACKFILL_HOURS_MAX);
    let backfill = reader.or_default(&variables::ATHENAEUM_BACKFILL_HOURS, hours);
    let bots = reader.optional(&variables::ATHENAEUM_BOTS, parse::ids(&['B', 'U', 'W']));
    let health_addr = health_addr(reader, INGEST_HEALTH_PORT);
    let drain = drain(reader);
    Some(IngestConfig {
        database: database?,
        app_token,
        requests,
        bot_token: bot_token?,
        slack_api_url: slack_api_url?,
        backfill: backfill?,
        bots: bots.unwrap_or_default(),
        health_addr: health_addr?,
        drain: drain?,
    })
}

/// As [`ingest`].
pub(super) fn worker(reader: &mut Reader<'_>) -> Option<WorkerConfig> {
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
    let admins = admins(reader);
    let reactions = reader.or_default(&variables::ATHENAEUM_REACTIONS, parse::reactions);
    let model_sees = reader.or_default(&variables::ATHENAEUM_MODEL_SEES, flag);
    let slack_limits = reader.or_default(&variables::ATHENAEUM_SLACK_LIMITS, flag);
    let user_limits = user_limits(reader);
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
        admins,
        reactions: reactions?,
        model_sees: model_sees?,
        slack_limits: slack_limits?,
        user_limits: user_limits?,
    })
}

fn user_limits(reader: &mut Reader<'_>) -> Option<UserLimits> {
    let messages = parse::number(0..=MESSAGES_PER_MINUTE_MAX);
    let messages = reader.or_default(&variables::ATHENAEUM_USER_MESSAGES_PER_MINUTE, messages);
    let tokens = parse::number(0..=TOKENS_PER_DAY_MAX);
    let tokens = reader.or_default(&variables::ATHENAEUM_USER_TOKENS_PER_DAY, tokens);
    let tools = reader.or_default(&variables::ATHENAEUM_USER_TOOL_CALLS_PER_DAY, parse::tool_caps);
    let limit = |number: u32| Some(number).filter(|number| *number > 0);
    Some(UserLimits {
        messages_per_minute: limit(messages?),
        tokens_per_day: limit(tokens?),
        tool_calls_per_day: tools?,
    })
}

pub(super) fn admins(reader: &mut Reader<'_>) -> BTreeSet<String> {
    let ids = parse::ids(&['U', 'W']);
    reader.optional(&variables::ATHENAEUM_ADMINS, ids).unwrap_or_default()
}

pub(super) fn database(reader: &mut Reader<'_>) -> Option<DatabaseConfig> {
    let url = reader.required(&variables::DATABASE_URL, POSTGRES_URL, postgres_url);
    let listen_url = reader.optional(&variables::ATHENAEUM_LISTEN_URL, postgres_url);
    let allow_unsafe = reader.or_default(&variables::ATHENAEUM_UNSAFE_DATABASE, flag);
    Some(DatabaseConfig { url: url?, listen_url, allow_unsafe: allow_unsafe? })
}

/// Without it, events must come as requests.
pub(super) fn app_token(reader: &mut Reader<'_>) -> Option<SecretString> {
    let (variable, parse) = (&variables::SLACK_APP_TOKEN, parse::token("xapp-"));
    match reader.text(&variables::ATHENAEUM_EVENTS_ADDR) {
        Some(_) => reader.optional(variable, parse),
        None => reader.required(variable, "a token that starts with xapp-", parse),
    }
}

fn requests(reader: &mut Reader<'_>) -> Option<RequestsConfig> {
    reader.text(&variables::ATHENAEUM_EVENTS_ADDR)?;
    let addr = reader.optional(&variables::ATHENAEUM_EVENTS_ADDR, address);
    let expected = "the app's signing secret, as ATHENAEUM_EVENTS_ADDR is set";
    let variable = &variables::SLACK_SIGNING_SECRET;
    let signing_secret = reader.required(variable, expected, parse::secret(1));
    Some(RequestsConfig { addr: addr?, signing_secret: signing_secret? })
}

pub(super) fn bot_token(reader: &mut Reader<'_>) -> Option<SecretString> {
    let expected = "a token that starts with xoxb-";
    reader.required(&variables::SLACK_BOT_TOKEN, expected, parse::token("xoxb-"))
}

/// The public server needs a key; one of your own may not.
pub(super) fn model(reader: &mut Reader<'_>) -> Option<ModelConfig> {
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
pub(super) fn mcp_config(reader: &mut Reader<'_>) -> Option<PathBuf> {
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
