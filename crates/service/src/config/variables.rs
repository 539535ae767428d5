//! Every environment variable that Athenaeum reads. `.env.sample` repeats this list; a test
//! compares the two.

/// An environment variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What stands when it is unset, where one value serves all processes.
    pub default: Option<&'static str>,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Who reads it. Nobody: the name is reserved for a feature to come.
    pub read_by: &'static [Process],
    /// What it is for, in a sentence.
    pub description: &'static str,
    /// What to do when it is missing or wrong.
    pub advice: &'static str,
}

/// A process that reads variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// `athenaeum-ingest`.
    Ingest,
    /// `athenaeum-worker`.
    Worker,
    /// `athenaeum`.
    Cli,
}

use Process::{Cli, Ingest, Worker};

macro_rules! variables {
    ($($name:ident { $($field:ident: $value:expr),+ $(,)? })+) => {
        $(
            #[doc = concat!("`", stringify!($name), "`.")]
            pub static $name: Variable = Variable {
                name: stringify!($name),
                $($field: $value,)+
                ..NONE
            };
        )+
        /// All of them, in the order of `.env.sample`.
        pub static VARIABLES: &[&Variable] = &[$(&$name),+];
    };
}

const NONE: Variable =
    Variable { name: "", default: None, secret: false, read_by: &[], description: "", advice: "" };

variables! {
    DATABASE_URL {
        secret: true,
        read_by: &[Ingest, Worker, Cli],
        description: "The Postgres database (15 to 18).",
        advice: "set it to postgres://USER:PASSWORD@HOST:5432/DATABASE",
    }
    ATHENAEUM_LISTEN_URL {
        secret: true,
        read_by: &[Ingest, Worker, Cli],
        description: "A direct connection for LISTEN, when DATABASE_URL leads to a pooler. \
                      Without it, DATABASE_URL is used.",
        advice: "set it to postgres://USER:PASSWORD@HOST:5432/DATABASE, or leave it unset",
    }
    SLACK_APP_TOKEN {
        secret: true,
        read_by: &[Ingest, Cli],
        description: "The app-level token that opens Socket Mode (scope connections:write). Not \
                      needed where ATHENAEUM_EVENTS_ADDR is set.",
        advice: "copy it from api.slack.com/apps › your app › Basic Information › App-Level Tokens",
    }
    SLACK_BOT_TOKEN {
        secret: true,
        read_by: &[Ingest, Worker, Cli],
        description: "The bot's token.",
        advice: "copy it from api.slack.com/apps › your app › OAuth & Permissions",
    }
    SLACK_API_URL {
        default: Some("https://slack.com/api"),
        read_by: &[Ingest, Worker, Cli],
        description: "Where Slack's Web API is; a local Slack's base for trying things out.",
        advice: "set it to http://HOST:PORT/api for a local Slack, or leave it unset",
    }
    SLACK_SIGNING_SECRET {
        secret: true,
        read_by: &[Ingest, Cli],
        description: "By which the HTTP Events API's requests are known to be Slack's; needed with \
                      ATHENAEUM_EVENTS_ADDR.",
        advice: "copy it from api.slack.com/apps › your app › Basic Information › App Credentials",
    }
    ATHENAEUM_EVENTS_ADDR {
        read_by: &[Ingest, Cli],
        description: "Where Slack's signed requests come in, for the HTTP Events API beside or \
                      instead of Socket Mode. Unset, nothing is served there.",
        advice: "set it to ADDRESS:PORT, 0.0.0.0:8083 say, or leave it unset",
    }
    ATHENAEUM_BACKFILL_HOURS {
        default: Some("24"),
        read_by: &[Ingest, Cli],
        description: "How far back to read, after nobody listened to Slack for a while, what was said \
                      to the bot meanwhile. 0 reads nothing.",
        advice: "set it to a whole number of hours from 0 to 168",
    }
    ATHENAEUM_BOTS {
        read_by: &[Ingest, Cli],
        description: "The bots that are answered as people are, by user id or bot id; five answers a \
                      day in one thread at most. Unset, no bot is answered.",
        advice: "set it to ids such as B0123456789,U0123456789, or leave it unset",
    }
    OPENAI_API_KEY {
        secret: true,
        read_by: &[Worker, Cli],
        description: "The model server's key. Servers of your own may need none.",
        advice: "set it, or set OPENAI_BASE_URL to a server that needs no key",
    }
    OPENAI_BASE_URL {
        default: Some("https://api.openai.com/v1"),
        read_by: &[Worker, Cli],
        description: "Any OpenAI-compatible server.",
        advice: "set it to the URL that ends before /chat/completions, http://HOST:PORT/v1 say",
    }
    ATHENAEUM_MODEL {
        default: Some("gpt-5-mini"),
        read_by: &[Worker, Cli],
        description: "The model that answers.",
        advice: "set it to a name that the model server lists",
    }
    ATHENAEUM_MODEL_SEES {
        default: Some("true"),
        read_by: &[Worker],
        description: "Whether the model is shown the pictures that are sent with a question. Not every \
                      model takes them.",
        advice: "set it to true or false",
    }
    ATHENAEUM_EMBEDDING_MODEL {
        default: Some("text-embedding-3-small"),
        description: "Reserved for semantic search; nothing reads it yet.",
        advice: "leave it unset",
    }
    ATHENAEUM_SECRET {
        secret: true,
        read_by: &[Worker],
        description: "Keys the idempotency of what the workers do in Slack. The same for all \
                      workers, kept for good: a new one would not recognise earlier replies.",
        advice: "set it to 16 characters or more, as `openssl rand -hex 32` prints them",
    }
    ATHENAEUM_WORKER_SLOTS {
        default: Some("16"),
        read_by: &[Worker],
        description: "How many events one worker works on at a time.",
        advice: "set it to a whole number from 1 to 1024",
    }
    ATHENAEUM_PROMPTS_DIR {
        default: Some("prompts"),
        read_by: &[Worker, Cli],
        description: "The folder of the prompts.",
        advice: "set it to the folder that holds the prompts, or start in the folder above it",
    }
    ATHENAEUM_MCP_CONFIG {
        default: Some("prompts/mcp.json"),
        read_by: &[Worker, Cli],
        description: "The tool servers, in the common mcpServers shape. Unset, and without such a \
                      file, there are no tools.",
        advice: "set it to a file of the shape {\"mcpServers\": {\"NAME\": {\"command\": \"…\"}}}",
    }
    ATHENAEUM_HEALTH_ADDR {
        read_by: &[Ingest, Worker],
        description: "Where /healthz, /readyz and /metrics are served: 127.0.0.1:8081 for ingest \
                      and 127.0.0.1:8082 for a worker when unset. Port 0 takes a free one.",
        advice: "set it to ADDRESS:PORT, 127.0.0.1:8081 say",
    }
    ATHENAEUM_DRAIN_SECONDS {
        default: Some("25"),
        read_by: &[Ingest, Worker],
        description: "How long running work may take to finish after SIGTERM.",
        advice: "set it to a whole number of seconds from 0 to 3600",
    }
    ATHENAEUM_REPLY_GRACE_SECONDS {
        default: Some("15"),
        read_by: &[Worker],
        description: "How long a worker waits, after a post whose result is unknown, before it \
                      looks whether the reply stands.",
        advice: "leave it unset; tests lower it",
    }
    ATHENAEUM_SLACK_LIMITS {
        default: Some("true"),
        read_by: &[Worker],
        description: "Whether the workers keep to Slack's rate limits together. A local Slack without \
                      limits needs none.",
        advice: "leave it unset; measurements set it to false",
    }
    ATHENAEUM_USER_MESSAGES_PER_MINUTE {
        default: Some("60"),
        read_by: &[Worker],
        description: "How many questions of one person are answered in a minute; 0 is no limit.",
        advice: "set it to a whole number from 0 to 100000",
    }
    ATHENAEUM_USER_TOKENS_PER_DAY {
        default: Some("100000"),
        read_by: &[Worker],
        description: "How many of the model's tokens one person's answers may take in a day (UTC), \
                      read and written; 0 is no limit.",
        advice: "set it to a whole number from 0 to 4000000000",
    }
    ATHENAEUM_USER_TOOL_CALLS_PER_DAY {
        read_by: &[Worker],
        description: "How often one person's answers may call each tool in a day (UTC), as \
                      TOOL=COUNT pairs; * stands for every tool that is not named. Unset, as often \
                      as they like.",
        advice: "set it to pairs such as search_docs=200,*=1000, or leave it unset",
    }
    ATHENAEUM_ADMINS {
        read_by: &[Worker, Cli],
        description: "The Slack users who may command the bot by /athenaeum and let others do so. \
                      Unset, nobody may.",
        advice: "set it to user ids such as U0123456789,U9876543210, or leave it unset",
    }
    ATHENAEUM_REACTIONS {
        default: Some("-1=ask_why,thumbsdown=ask_why,wastebasket=delete"),
        read_by: &[Worker, Cli],
        description: "What reactions under the bot's answers do: EMOJI=ACTION, separated by commas. \
                      ask_why asks in the thread what was wrong; delete deletes the answer, for whoever \
                      asked. none for nothing at all.",
        advice: "set it to pairs such as -1=ask_why,wastebasket=delete, to none, or leave it unset",
    }
    ATHENAEUM_UNSAFE_DATABASE {
        default: Some("false"),
        read_by: &[Ingest, Worker, Cli],
        description: "For tests only: accept a server that may lose commits (fsync=off).",
        advice: "leave it unset, and set fsync, full_page_writes and synchronous_commit to on",
    }
    RUST_LOG {
        default: Some("info"),
        read_by: &[Ingest, Worker, Cli],
        description: "What is logged, in tracing's directives: info, or info,queue=debug.",
        advice: "set it to a level (error, warn, info, debug, trace), or leave it unset",
    }
    OTEL_EXPORTER_OTLP_ENDPOINT {
        description: "Reserved for OpenTelemetry traces; nothing reads it yet.",
        advice: "leave it unset",
    }
}
