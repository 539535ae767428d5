//! `athenaeum ask`: a question straight to the workers, without Slack.

use std::time::Duration;

use anyhow::Context;
use event::{EventId, NewEvent, Raw, Reply, TerminalState, Work};
use queue::{EventState, OutcomeRecord, Queue};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use crate::arguments::Ask;
use crate::exit::Exit;
use crate::moment;
use crate::output::{Output, note};
use crate::store;
use crate::view::{Answered, ReplyView};

/// How often the outcome is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(150);

pub(crate) async fn run(ask: Ask, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    answer(&queue, &ask.text, ask.timeout, output).await
}

/// Asks, waits and prints.
pub(crate) async fn answer(
    queue: &Queue,
    text: &str,
    timeout: Duration,
    output: &Output,
) -> anyhow::Result<Exit> {
    if !queue.stats().await?.workers.iter().any(|worker| worker.live) {
        note("No worker is running; the question waits until one starts (athenaeum-worker).");
    }
    let id = queue.append(question(text)).await?.event.id;
    let deadline = Instant::now() + timeout;
    loop {
        let outcome = outcome(queue, id).await?;
        if let Some(outcome) = outcome {
            return report(id, outcome, output);
        }
        let now = Instant::now();
        if now >= deadline {
            anyhow::bail!(
                "no answer within {} s; the question is event {id} and stays in the queue: see \
                 `athenaeum events show {id}`, or `athenaeum cancel {id} --reason …`",
                timeout.as_secs()
            );
        }
        tokio::time::sleep(LOOK_INTERVAL.min(deadline - now)).await;
    }
}

/// How an event's newest job ended, once it has and no other lives.
pub(crate) async fn outcome(queue: &Queue, id: EventId) -> anyhow::Result<Option<OutcomeRecord>> {
    let detail = queue.event(id).await?.with_context(|| format!("event {id} left the log"))?;
    match detail.state {
        EventState::Waiting | EventState::Ready | EventState::Running | EventState::Suspended => {
            Ok(None)
        }
        EventState::Done | EventState::Dead | EventState::Cancelled | EventState::Expired => {
            Ok(detail.outcomes.into_iter().max_by_key(|outcome| outcome.generation))
        }
        EventState::Stored | EventState::Quarantined => {
            anyhow::bail!("event {id} is {} and gets no answer", detail.state)
        }
    }
}

/// Prints an answer and its sources; what did not go well goes to stderr with its reason.
pub(crate) fn report(id: EventId, outcome: OutcomeRecord, output: &Output) -> anyhow::Result<Exit> {
    let OutcomeRecord { state, error, reply, .. } = outcome;
    let reply: Option<Reply> =
        reply.map(serde_json::from_value).transpose().context("the reply cannot be read")?;
    let answered = Answered {
        id,
        state: state.as_str(),
        reply: reply.map(ReplyView::from),
        error: error.clone(),
    };
    if output.is_json() || answered.reply.is_some() {
        output.result(&answered, || answered.reply.as_ref().map(people).unwrap_or_default())?;
    }
    let why = error.map(|chain| format!(": {}", chain.join(": "))).unwrap_or_default();
    match (state, answered.reply.is_some()) {
        (TerminalState::Done, true) => return Ok(Exit::Done),
        (TerminalState::Done, false) => note(&format!("event {id} was done without an answer")),
        (TerminalState::Dead, _) => note(&format!("event {id} could not be answered{why}")),
        (TerminalState::Cancelled, _) => note(&format!("event {id} was called off{why}")),
        (TerminalState::Expired, _) => note(&format!("event {id} expired{why}")),
    }
    Ok(Exit::Failed)
}

fn people(reply: &ReplyView) -> String {
    let mut text = reply.text.trim_end().to_owned();
    if !reply.sources.is_empty() {
        text.push_str("\n\nSources:");
    }
    for (number, source) in (1..).zip(&reply.sources) {
        let link = source.link.as_ref().map(|link| format!(" <{link}>")).unwrap_or_default();
        text.push_str(&format!("\n[{number}] {}{link}", source.label));
    }
    text
}

fn question(text: &str) -> NewEvent {
    let id = Uuid::now_v7();
    let user = store::actor();
    let raw = json!({ "text": text, "user": user }).to_string().into_bytes();
    NewEvent {
        source: "cli".to_owned(),
        kind: "ask".to_owned(),
        tenant: "cli".to_owned(),
        actor: Some(user),
        lane: None,
        lane_order: 0,
        occurred_at: moment::now(),
        correlation_id: id,
        delivery_key: format!("cli:{id}"),
        logical_key: None,
        twin_key: None,
        raw: Raw::keep(raw),
        quarantine: None,
        work: Some(Work::default()),
    }
}

#[cfg(test)]
mod tests {
    use event::Source;

    use super::*;

    #[test]
    fn sources_are_numbered_as_the_text_cites_them() {
        let reply = ReplyView {
            text: "So [1], and so [2].\n".to_owned(),
            sources: vec![
                Source { label: "docs/replay.md › Replay".to_owned(), link: None },
                Source { label: "Guide".to_owned(), link: Some("https://example.com".to_owned()) },
            ],
        };
        assert_eq!(
            people(&reply),
            "So [1], and so [2].\n\nSources:\n[1] docs/replay.md › Replay\n\
             [2] Guide <https://example.com>"
        );
    }
}
