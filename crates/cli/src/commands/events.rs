//! `athenaeum events list` and `athenaeum events show`.

use std::fmt::Write;

use event::EventId;

use crate::arguments::Filter;
use crate::exit::Exit;
use crate::moment::short;
use crate::output::{Output, note, table};
use crate::store;
use crate::view::{EventFull, EventLine, EventList, Moment};

pub(crate) async fn list(filter: &Filter, limit: u32, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    let found = queue.events(&filter.to_queue(), limit).await?;
    let list = EventList { events: found.into_iter().map(EventLine::from).collect() };
    let empty = list.events.is_empty();
    if !empty || output.is_json() {
        output.result(&list, || lines(&list.events))?;
    }
    if empty {
        note("No event matches.");
        return Ok(Exit::Nothing);
    }
    if usize::try_from(limit).is_ok_and(|limit| list.events.len() >= limit) {
        note(&format!("Only the newest {limit} are shown; --limit and --until show others."));
    }
    Ok(Exit::Done)
}

pub(crate) async fn show(id: EventId, raw: bool, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    let Some(detail) = queue.event(id).await? else {
        note(&format!("The log holds no event {id}."));
        return Ok(Exit::Nothing);
    };
    let event = EventFull::of(detail, raw);
    output.result(&event, || page(&event))?;
    Ok(Exit::Done)
}

fn lines(events: &[EventLine]) -> String {
    let row = |event: &EventLine| {
        [
            event.head.id.to_string(),
            short(event.head.occurred_at.0),
            event.head.kind.clone(),
            event.state.to_string(),
            event.attempts.to_string(),
            or_dash(event.head.user.as_deref()),
            event.error.clone().unwrap_or_default(),
        ]
    };
    let head = ["ID", "OCCURRED (UTC)", "KIND", "STATE", "ATTEMPTS", "USER", "ERROR"];
    table(head, &events.iter().map(row).collect::<Vec<_>>())
}

/// One event on a page: what it is, then its life in order.
fn page(event: &EventFull) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(page, "{name:<14} {value}");
        }
    };
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    let head = &event.head;
    line("Event", head.id.to_string());
    line("State", event.state.to_string());
    line("Kind", head.kind.clone());
    line("Source", head.source.clone());
    line("Tenant", head.tenant.clone());
    line("User", optional(&head.user));
    line("Lane", optional(&head.lane));
    line("Occurred", time(head.occurred_at));
    line("Received", time(head.received_at));
    line("Correlation", event.correlation_id.clone());
    line("Quarantined", optional(&event.quarantine_reason));
    line("Deliveries", event.deliveries.join(", "));
    let feedback = event.feedback.iter().map(|given| {
        let opinion = format!("{} by {}", if given.good { "good" } else { "bad" }, given.actor);
        given.remark.as_ref().map_or(opinion.clone(), |remark| format!("{opinion}: {remark}"))
    });
    line("Feedback", feedback.collect::<Vec<_>>().join(", "));
    line("Raw", format!("{} bytes", event.raw_bytes));
    page + &job(event) + &attempts(event) + &effects(event) + &outcomes(event) + &raw(event)
}

fn job(event: &EventFull) -> String {
    let Some(job) = &event.job else { return String::new() };
    let held = job.worker.as_ref().map(|worker| format!(", held by {worker}")).unwrap_or_default();
    let cancel = if job.cancel_requested { ", asked to stop" } else { "" };
    let after = job.run_at.0.map(|at| format!(", not before {}", time(Moment(at))));
    format!(
        "\nLive job: generation {}, {}, {} attempts{}{held}{cancel}\n",
        job.generation,
        job.state.as_str(),
        job.attempts,
        after.unwrap_or_default(),
    )
}

fn attempts(event: &EventFull) -> String {
    if event.attempts.is_empty() {
        return String::new();
    }
    let rows = event.attempts.iter().map(|attempt| {
        [
            attempt.generation.to_string(),
            attempt.number.to_string(),
            short(attempt.started_at.0),
            short(attempt.ended_at.0),
            attempt.outcome.clone(),
            or_dash(attempt.worker.as_deref()),
            chain(attempt.error.as_ref()),
        ]
    });
    let head = ["GENERATION", "ATTEMPT", "STARTED", "ENDED", "OUTCOME", "WORKER", "ERROR"];
    format!("\n{}\n", table(head, &rows.collect::<Vec<_>>()))
}

fn effects(event: &EventFull) -> String {
    if event.effects.is_empty() {
        return String::new();
    }
    let rows = event.effects.iter().map(|effect| {
        [
            effect.generation.to_string(),
            effect.slot.clone(),
            short(effect.intended_at.0),
            effect.done_at.0.map_or_else(|| "unknown".to_owned(), short),
            effect.result.clone().unwrap_or_default(),
        ]
    });
    let head = ["GENERATION", "EFFECT", "INTENDED", "DONE", "RESULT"];
    format!("\n{}\n", table(head, &rows.collect::<Vec<_>>()))
}

fn outcomes(event: &EventFull) -> String {
    let mut text = String::new();
    for outcome in &event.outcomes {
        let _ = writeln!(
            text,
            "\nGeneration {} ended as {} at {} after {} attempts",
            outcome.generation,
            outcome.state.as_str(),
            time(outcome.ended_at),
            outcome.attempts
        );
        for cause in outcome.error.iter().flatten() {
            let _ = writeln!(text, "  {cause}");
        }
        if let Some(answer) = outcome.reply.as_ref().and_then(|reply| reply["text"].as_str()) {
            let _ = writeln!(text, "{answer}");
        }
    }
    text
}

fn raw(event: &EventFull) -> String {
    event.raw.as_ref().map(|raw| format!("\n{raw}\n")).unwrap_or_default()
}

fn time(at: Moment) -> String {
    format!("{} UTC", short(at.0))
}

fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

fn chain(error: Option<&Vec<String>>) -> String {
    error.map(|chain| chain.join(": ")).unwrap_or_default()
}
