//! `athenaeum cancel`.

use event::EventId;
use queue::{CancelReport, Queue};

use super::bulk;
use crate::arguments::Cancel;
use crate::exit::Exit;
use crate::output::{Output, note};
use crate::store;
use crate::view::Cancelled;

pub(crate) async fn run(cancel: Cancel, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    let view = Cancelled::from(carry_out(&queue, &cancel).await?);
    let nothing = view.cancelled.is_empty() && view.requested.is_empty();
    if !nothing || output.is_json() {
        output.result(&view, || people(&view))?;
    }
    if nothing {
        note("None of them has a job that could be called off.");
        return Ok(Exit::Nothing);
    }
    Ok(if view.not_live.is_empty() { Exit::Done } else { Exit::Failed })
}

async fn carry_out(queue: &Queue, cancel: &Cancel) -> anyhow::Result<CancelReport> {
    let actor = store::actor();
    let Some(scope) = cancel.scope() else {
        return Ok(queue.cancel(&cancel.ids, &actor, &cancel.reason).await?);
    };
    bulk::confirm(&format!("Call off every job of {scope}"), cancel.yes)?;
    let told = |report: &CancelReport| {
        let (cancelled, requested) = (report.cancelled.len(), report.requested.len());
        note(&format!("{cancelled} called off, {requested} asked to stop …"));
    };
    Ok(queue.cancel_all(&scope, &actor, &cancel.reason, told).await?)
}

fn people(view: &Cancelled) -> String {
    let say = |ids: &[EventId], what: &str| -> Vec<String> {
        ids.iter().map(|id| format!("{id} {what}")).collect()
    };
    let mut lines = say(&view.cancelled, "cancelled");
    lines.extend(say(&view.requested, "is running and was asked to stop"));
    lines.extend(say(&view.not_live, "has no job to call off"));
    lines.join("\n")
}
