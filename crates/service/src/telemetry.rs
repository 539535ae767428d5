//! Logs on stderr: text when a person watches, one JSON object a line otherwise.

use std::fmt;
use std::io::{self, IsTerminal};

use serde_json::{Map, Value};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt as layer};

mod aside;
mod fields;

pub use aside::Aside;

/// What libraries may say at most, whatever `RUST_LOG` asks for: below these levels they print
/// message texts, tokens, socket tickets, or the parameters of every query.
const CAPS: &[(&str, LevelFilter)] = &[
    ("async_openai", LevelFilter::OFF),
    ("h2", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("hyper_util", LevelFilter::INFO),
    ("reqwest", LevelFilter::INFO),
    ("rmcp", LevelFilter::WARN),
    ("rustls", LevelFilter::INFO),
    ("slack_morphism", LevelFilter::INFO),
    ("slack_morphism_hyper", LevelFilter::INFO),
    ("sqlx", LevelFilter::WARN),
    ("tokio_postgres", LevelFilter::INFO),
    ("tokio_tungstenite", LevelFilter::INFO),
    ("tungstenite", LevelFilter::INFO),
    ("tungstenite_wss_client", LevelFilter::OFF),
];

/// Starts logging. `process` stands in every JSON line. A second call changes nothing.
///
/// `RUST_LOG` chooses what is logged (`info` when unset or unreadable); `NO_COLOR` is respected.
pub fn init(process: &'static str) {
    init_with(process, io::stderr);
}

/// [`init`] for a process that may never wait: lines are written by a thread of their own, and lost
/// while the reader of stderr stands still.
#[must_use = "the last lines are written by `finish`"]
pub fn init_aside(process: &'static str) -> Aside {
    let aside = Aside::start();
    let writer = aside.clone();
    init_with(process, move || writer.clone());
    aside
}

fn init_with<W>(process: &'static str, writer: W)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let (filter, fault) = filter(std::env::var("RUST_LOG").ok().as_deref());
    let registry = tracing_subscriber::registry().with(caps()).with(filter);
    let terminal = io::stderr().is_terminal();
    let layer = if terminal {
        let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        layer::layer().with_writer(writer).with_ansi(color).boxed()
    } else {
        layer::layer()
            .with_writer(writer)
            .fmt_fields(JsonFields::new())
            .event_format(JsonLines { process })
            .boxed()
    };
    // Tests start several processes' worth of code in one process; the first one wins.
    let _ = registry.with(layer).try_init();
    if let Some(fault) = fault {
        tracing::warn!(%fault, "RUST_LOG is unreadable; logging at info");
    }
}

fn filter(directives: Option<&str>) -> (EnvFilter, Option<String>) {
    let directives = directives.filter(|text| !text.trim().is_empty()).unwrap_or("info");
    match EnvFilter::try_new(directives) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error.to_string())),
    }
}

fn caps() -> Targets {
    Targets::new().with_default(LevelFilter::TRACE).with_targets(CAPS.iter().copied())
}

/// One flat JSON object a line: time, level, target, message, then the fields of the event and of
/// every span around it, so that a line reads alone. An inner field hides an outer one of its name.
struct JsonLines {
    process: &'static str,
}

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<JsonFields>>();
            if let Some(Ok(Value::Object(fields))) = fields.map(|f| serde_json::from_str(f)) {
                line.extend(fields);
            }
        }
        fields::read(event, &mut line);
        let metadata = event.metadata();
        line.insert("timestamp".to_owned(), fields::now().into());
        line.insert("level".to_owned(), level(*metadata.level()).into());
        line.insert("process".to_owned(), self.process.into());
        line.insert("target".to_owned(), metadata.target().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

#[cfg(test)]
mod tests;
