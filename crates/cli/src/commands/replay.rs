//! `athenaeum replay`.

use event::EventId;
use queue::{EventFilter, Queue, ReplayOptions, ReplayReport, Selection};

use super::bulk::{self, Pace, STEP_EVENTS};
use crate::arguments::Replay;
use crate::exit::{Exit, Usage};
use crate::moment;
use crate::output::{Output, note};
use crate::store;
use crate::view::Replayed;

pub(crate) async fn run(replay: Replay, output: &Output) -> anyhow::Result<Exit> {
    let by_id = !replay.ids.is_empty();
    if !by_id && replay.filter.is_empty() {
        let why = "say which events: by their numbers, or by --state, --since, --until, --kind, \
                   --user or --error";
        return Err(Usage(why.to_owned()).into());
    }
    let payload = replay.payload.as_deref().map(store::payload).transpose()?;
    let queue = store::open().await?;
    let selection = selection(&replay);
    let options = |dry_run| ReplayOptions {
        actor: store::actor(),
        reason: replay.bulk.reason.clone(),
        dry_run,
        limit: replay.bulk.limit,
        from_step: replay.from_step,
        payload: payload.clone(),
    };
    // What was shown and confirmed is what is replayed, and nothing that matched later.
    let plan = queue.replay(&selection, &options(true)).await?;
    let report = match replay.bulk.dry_run || plan.replayed.is_empty() {
        true => plan,
        false => {
            bulk::confirm_many("Replay", plan.replayed.len(), &replay.bulk)?;
            carry_out(&queue, &replay, plan, &options(false)).await?
        }
    };
    let exit = bulk::exit(report.replayed.len(), &report.refused, by_id);
    let view = Replayed::of(report, replay.bulk.dry_run);
    if exit != Exit::Nothing || output.is_json() {
        output.result(&view, || people(&view))?;
    }
    if view.more {
        note(&format!("More match than --limit {}; repeat the command.", replay.bulk.limit));
    }
    if exit == Exit::Nothing {
        note("Nothing to replay matches.");
    }
    Ok(exit)
}

fn selection(replay: &Replay) -> Selection {
    match replay.ids.is_empty() {
        true => Selection::Filter(EventFilter {
            ended_before: replay.ended_before,
            ..replay.filter.to_queue()
        }),
        false => Selection::Ids(replay.ids.clone()),
    }
}

async fn carry_out(
    queue: &Queue,
    replay: &Replay,
    plan: ReplayReport,
    options: &ReplayOptions,
) -> anyhow::Result<ReplayReport> {
    let mut report = ReplayReport { refused: plan.refused, more: plan.more, replayed: vec![] };
    let ids: Vec<EventId> = plan.replayed.iter().map(|(id, _)| *id).collect();
    if ids.len() > STEP_EVENTS {
        note(&format!(
            "If this is cut off, repeat the command with --ended-before {}: it goes on.",
            moment::rfc3339(queue.now().await?)
        ));
    }
    let mut pace = Pace::new(queue, "replayed", replay.bulk.rate, ids.len());
    for step in ids.chunks(STEP_EVENTS) {
        pace.take(step.len()).await?;
        let done = queue.replay(&Selection::Ids(step.to_vec()), options).await?;
        report.replayed.extend(done.replayed);
        report.refused.extend(done.refused);
    }
    Ok(report)
}

fn people(view: &Replayed) -> String {
    let verb = if view.dry_run { "would replay" } else { "replayed" };
    let mut lines: Vec<String> = view
        .replayed
        .iter()
        .map(|event| format!("{verb} {} as generation {}", event.id, event.generation))
        .collect();
    lines.extend(view.refused.iter().map(|event| format!("left {}: {}", event.id, event.message)));
    lines.push(format!("{verb} {}, left {}", view.replayed.len(), view.refused.len()));
    lines.join("\n")
}
