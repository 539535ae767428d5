//! `athenaeum replay`.

use std::io::{self, BufRead, IsTerminal, Write};

use event::EventId;
use queue::{Queue, Refusal, ReplayOptions, ReplayReport, Selection};

use crate::arguments::Replay;
use crate::exit::{Exit, Usage};
use crate::output::{Output, note};
use crate::store;
use crate::view::Replayed;

/// More than this many are replayed only after a confirmation.
const UNCONFIRMED_MAX: usize = 20;

pub(crate) async fn run(replay: Replay, output: &Output) -> anyhow::Result<Exit> {
    let by_id = !replay.ids.is_empty();
    if !by_id && replay.filter.is_empty() {
        let why = "say which events: by their numbers, or by --state, --since, --until, --kind, \
                   --user or --error";
        return Err(Usage(why.to_owned()).into());
    }
    let queue = store::open().await?;
    let selection = match by_id {
        true => Selection::Ids(replay.ids.clone()),
        false => Selection::Filter(replay.filter.to_queue()),
    };
    // What was shown and confirmed is what is replayed, and nothing that matched later.
    let plan = queue.replay(&selection, &options(&replay, true)).await?;
    let report = match replay.dry_run {
        true => plan,
        false if plan.replayed.is_empty() => plan,
        false => {
            confirm(plan.replayed.len(), replay.yes)?;
            carry_out(&queue, &replay, plan).await?
        }
    };
    let exit = exit(&report, by_id);
    let view = Replayed::of(report, replay.dry_run);
    if exit != Exit::Nothing || output.is_json() {
        output.result(&view, || people(&view))?;
    }
    if view.more {
        note(&format!("More match than --limit {}; repeat the command.", replay.limit));
    }
    if exit == Exit::Nothing {
        note("Nothing to replay matches.");
    }
    Ok(exit)
}

fn options(replay: &Replay, dry_run: bool) -> ReplayOptions {
    ReplayOptions {
        actor: store::actor(),
        reason: replay.reason.clone(),
        dry_run,
        limit: replay.limit,
    }
}

async fn carry_out(
    queue: &Queue,
    replay: &Replay,
    plan: ReplayReport,
) -> anyhow::Result<ReplayReport> {
    let ids: Vec<EventId> = plan.replayed.iter().map(|(id, _)| *id).collect();
    let done = queue.replay(&Selection::Ids(ids), &options(replay, false)).await?;
    let refused = plan.refused.into_iter().chain(done.refused).collect();
    Ok(ReplayReport { replayed: done.replayed, refused, more: plan.more })
}

/// Asks a person; a program must have said `--yes`.
fn confirm(count: usize, yes: bool) -> anyhow::Result<()> {
    if yes || count <= UNCONFIRMED_MAX {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        let why = format!(
            "{count} events would be replayed, more than {UNCONFIRMED_MAX}: confirm with --yes, or \
             look at them with --dry-run"
        );
        return Err(Usage(why).into());
    }
    let mut stderr = io::stderr().lock();
    write!(stderr, "Replay {count} events? [y/N] ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => anyhow::bail!("nothing was replayed"),
    }
}

/// A named event that was not replayed is a failure; one that merely matched is not.
fn exit(report: &ReplayReport, by_id: bool) -> Exit {
    let known = report.refused.iter().any(|(_, refusal)| *refusal != Refusal::Unknown);
    match (report.replayed.is_empty(), report.refused.is_empty()) {
        (true, _) if !known => Exit::Nothing,
        (true, _) => Exit::Failed,
        (false, false) if by_id => Exit::Failed,
        (false, _) => Exit::Done,
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_tells_nothing_matched_from_refused() {
        let report = |replayed: &[i64], refused: &[Refusal]| ReplayReport {
            replayed: replayed.iter().map(|id| (EventId(*id), 1)).collect(),
            refused: refused.iter().map(|refusal| (EventId(9), *refusal)).collect(),
            more: false,
        };
        assert_eq!(exit(&report(&[1], &[]), true), Exit::Done);
        assert_eq!(exit(&report(&[], &[]), false), Exit::Nothing);
        assert_eq!(exit(&report(&[], &[Refusal::Unknown]), true), Exit::Nothing);
        assert_eq!(exit(&report(&[], &[Refusal::Running]), true), Exit::Failed);
        assert_eq!(exit(&report(&[1], &[Refusal::Running]), true), Exit::Failed);
        assert_eq!(exit(&report(&[1], &[Refusal::Running]), false), Exit::Done);
    }

    #[test]
    fn many_are_not_replayed_unasked() {
        assert!(confirm(UNCONFIRMED_MAX, false).is_ok());
        assert!(confirm(UNCONFIRMED_MAX + 1, true).is_ok());
    }
}
