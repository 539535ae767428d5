//! `athenaeum hold`, `athenaeum release` and `athenaeum incidents`.

use crate::arguments::{Hold, Incidents, Release};
use crate::exit::Exit;
use crate::moment::short;
use crate::output::{Output, note, table};
use crate::store;
use crate::view::{Held, IncidentLine, IncidentList, Released};

pub(crate) async fn run(hold: Hold, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    let new = queue.hold(&store::actor(), &hold.reason).await?;
    output.result(&Held { held: true, new }, || {
        let already = if new { "" } else { " already" };
        format!("Everything is held{already}: nothing starts and nothing is posted before `athenaeum release`.")
    })?;
    Ok(Exit::Done)
}

pub(crate) async fn release(release: Release, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    if !queue.release(&store::actor(), &release.reason).await? {
        note("Nothing is held.");
        return Ok(Exit::Nothing);
    }
    output.result(&Released { released: true }, || {
        "Released. What happened before is looked up in Slack before it is posted.".to_owned()
    })?;
    Ok(Exit::Done)
}

pub(crate) async fn incidents(incidents: Incidents, output: &Output) -> anyhow::Result<Exit> {
    let listed = store::open().await?.incidents(incidents.limit).await?;
    let list = IncidentList { incidents: listed.into_iter().map(IncidentLine::from).collect() };
    let empty = list.incidents.is_empty();
    if !empty || output.is_json() {
        output.result(&list, || lines(&list.incidents))?;
    }
    if empty {
        note("No incident was filed.");
        return Ok(Exit::Nothing);
    }
    Ok(Exit::Done)
}

fn lines(incidents: &[IncidentLine]) -> String {
    let row = |incident: &IncidentLine| {
        [
            incident.id.to_string(),
            short(incident.at.0),
            incident.kind.clone(),
            incident.resolved_at.0.map_or_else(|| "open".to_owned(), short),
            incident.subject.to_string(),
        ]
    };
    let rows: Vec<_> = incidents.iter().map(row).collect();
    table(["ID", "FILED (UTC)", "KIND", "PUT RIGHT (UTC)", "WHAT"], &rows)
}
