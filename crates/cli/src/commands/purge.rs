//! `athenaeum purge`.

use event::EventId;
use queue::{PurgeOptions, PurgeReport, Queue, Selection};

use super::bulk::{self, Pace, STEP_EVENTS};
use crate::arguments::Purge;
use crate::exit::{Exit, Usage};
use crate::output::{Output, note};
use crate::store;
use crate::view::Purged;

pub(crate) async fn run(purge: Purge, output: &Output) -> anyhow::Result<Exit> {
    let by_id = !purge.ids.is_empty();
    if !by_id && purge.filter.is_empty() {
        let why = "say which events: by their numbers, or by --until, --user, --state, --since, \
                   --kind or --error";
        return Err(Usage(why.to_owned()).into());
    }
    let queue = store::open().await?;
    let selection = match by_id {
        true => Selection::Ids(purge.ids.clone()),
        false => Selection::Filter(purge.filter.to_queue()),
    };
    let options = |dry_run| PurgeOptions {
        actor: store::actor(),
        reason: purge.bulk.reason.clone(),
        dry_run,
        limit: purge.bulk.limit,
        cancel: purge.cancel,
    };
    let plan = queue.purge(&selection, &options(true)).await?;
    let idle = plan.purged.is_empty() && !purge.cancel;
    let report = match purge.bulk.dry_run || idle {
        true => plan,
        false => {
            bulk::confirm_many("Delete", plan.purged.len(), &purge.bulk)?;
            carry_out(&queue, &purge, plan, &options(false)).await?
        }
    };
    let exit = bulk::exit(report.purged.len(), &report.refused, by_id);
    let view = Purged::of(report, purge.bulk.dry_run);
    if exit != Exit::Nothing || output.is_json() {
        output.result(&view, || people(&view))?;
    }
    if view.more {
        note(&format!("More match than --limit {}; repeat the command.", purge.bulk.limit));
    }
    if exit == Exit::Nothing {
        note("Nothing to delete matches.");
    }
    Ok(exit)
}

/// Those refused in the plan come along: `--cancel` asks what runs to stop.
async fn carry_out(
    queue: &Queue,
    purge: &Purge,
    plan: PurgeReport,
    options: &PurgeOptions,
) -> anyhow::Result<PurgeReport> {
    let refused = plan.refused.iter().map(|(id, _)| *id);
    let ids: Vec<EventId> = plan.purged.iter().copied().chain(refused).collect();
    let mut report = PurgeReport { more: plan.more, ..PurgeReport::default() };
    let mut pace = Pace::new(queue, "deleted", purge.bulk.rate, ids.len());
    for step in ids.chunks(STEP_EVENTS) {
        pace.take(step.len()).await?;
        let done = queue.purge(&Selection::Ids(step.to_vec()), options).await?;
        report.purged.extend(done.purged);
        report.refused.extend(done.refused);
    }
    Ok(report)
}

fn people(view: &Purged) -> String {
    let verb = if view.dry_run { "would delete" } else { "deleted" };
    let mut lines: Vec<String> = view.purged.iter().map(|id| format!("{verb} {id}")).collect();
    lines.extend(view.refused.iter().map(|event| format!("left {}: {}", event.id, event.message)));
    lines.push(format!("{verb} {}, left {}", view.purged.len(), view.refused.len()));
    lines.join("\n")
}
