//! `athenaeum pause` and `athenaeum resume`.

use queue::Queue;

use crate::arguments::{Pause, Resume};
use crate::exit::{Exit, Usage};
use crate::moment::short;
use crate::output::{Output, note, table};
use crate::store;
use crate::view::{PauseLine, PauseList, Paused, Resumed};

pub(crate) async fn run(pause: Pause, output: &Output) -> anyhow::Result<Exit> {
    if pause.list {
        return list(&store::open().await?, output).await;
    }
    let scope = pause.target.scope().ok_or_else(nothing_named)?;
    let queue = store::open().await?;
    let reason = pause.reason.unwrap_or_default();
    let new = queue.pause(&scope, &store::actor(), &reason).await?;
    output.result(&Paused { paused: scope.clone(), new }, || {
        let already = if new { "" } else { " already" };
        format!("Nothing of {scope} starts any more: it is paused{already}. What runs goes on.")
    })?;
    Ok(Exit::Done)
}

pub(crate) async fn resume(resume: Resume, output: &Output) -> anyhow::Result<Exit> {
    let scope = resume.target.scope().ok_or_else(nothing_named)?;
    let queue = store::open().await?;
    let Some(freed) = queue.resume(&scope, &store::actor(), resume.reason.as_deref()).await? else {
        note(&format!("No pause of {scope} stands; `athenaeum pause --list` shows those that do."));
        return Ok(Exit::Nothing);
    };
    output.result(&Resumed { resumed: scope.clone(), freed }, || {
        format!("{scope} is resumed; {freed} jobs that were set aside are ready.")
    })?;
    Ok(Exit::Done)
}

async fn list(queue: &Queue, output: &Output) -> anyhow::Result<Exit> {
    let pauses = queue.pauses().await?.into_iter().map(PauseLine::from).collect();
    let list = PauseList { pauses };
    let empty = list.pauses.is_empty();
    if !empty || output.is_json() {
        output.result(&list, || lines(&list.pauses))?;
    }
    if empty {
        note("Nothing is paused.");
        return Ok(Exit::Nothing);
    }
    Ok(Exit::Done)
}

fn lines(pauses: &[PauseLine]) -> String {
    let row = |pause: &PauseLine| {
        [pause.scope.to_string(), short(pause.at.0), pause.actor.clone(), pause.reason.clone()]
    };
    table(["PAUSED", "SINCE (UTC)", "BY", "WHY"], &pauses.iter().map(row).collect::<Vec<_>>())
}

fn nothing_named() -> Usage {
    Usage("say what: --fleet, --kind KIND, --lane LANE or --event ID".to_owned())
}
