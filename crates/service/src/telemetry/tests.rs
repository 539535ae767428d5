use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::with_default;

use super::*;

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What `work` logs as JSON under the directives of `RUST_LOG`.
fn logged(directives: &str, work: impl FnOnce()) -> Vec<Value> {
    let sink = Sink::default();
    let writer = sink.clone();
    let lines = layer::layer()
        .with_writer(move || writer.clone())
        .fmt_fields(JsonFields::new())
        .event_format(JsonLines { process: "test" });
    let subscriber =
        tracing_subscriber::registry().with(caps()).with(filter(Some(directives)).0).with(lines);
    with_default(subscriber, work);
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_line_carries_the_fields_of_its_spans() {
    let lines = logged("info", || {
        let outer = tracing::info_span!("envelope", correlation_id = "c-1", attempt = 1);
        let _outer = outer.enter();
        let inner = tracing::info_span!("attempt", attempt = 2);
        let _inner = inner.enter();
        tracing::info!(lag_seconds = 0.5, "claimed");
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["message"], "claimed");
    assert_eq!(line["correlation_id"], "c-1");
    assert_eq!(line["attempt"], 2);
    assert_eq!(line["lag_seconds"], 0.5);
    assert_eq!(line["level"], "info");
    assert_eq!(line["process"], "test");
}

#[test]
fn a_library_that_prints_secrets_stays_quiet_whatever_is_asked() {
    let lines = logged("trace", || {
        tracing::debug!(target: "tokio_postgres::query", "parameters");
        tracing::error!(target: "async_openai::client", "body");
        tracing::debug!(target: "slack_morphism::socket", "ticket");
        tracing::trace!(target: "queue", "ours");
    });
    let targets: Vec<_> = lines.iter().map(|line| line["target"].clone()).collect();
    assert_eq!(targets, ["queue"]);
}

#[test]
fn an_unreadable_filter_falls_back_to_info_and_says_so() {
    let (_, fault) = filter(Some("info,queue=loud"));
    assert!(fault.is_some());
    assert!(filter(None).1.is_none());
}
