//! `athenaeum schedule`.

use anyhow::Context;
use queue::{NewSchedule, Queue, When};
use serde_json::json;

use crate::arguments::{Add, Schedule};
use crate::exit::Exit;
use crate::moment::short;
use crate::output::{Output, note, table};
use crate::store;
use crate::view::{ScheduleChanged, ScheduleLine, ScheduleList};

pub(crate) async fn run(schedule: Schedule, output: &Output) -> anyhow::Result<Exit> {
    let queue = store::open().await?;
    match schedule {
        Schedule::List => list(&queue, output).await,
        Schedule::Add(add) => keep(&queue, add, output).await,
        Schedule::Remove { name, reason } => {
            queue.remove_schedule(&name, &store::actor(), reason.as_deref()).await?;
            let changed = ScheduleChanged::of(&name, "removed", None, None);
            output.result(&changed, || format!("{name} is removed."))?;
            Ok(Exit::Done)
        }
        Schedule::Run { name, reason } => {
            let event = queue.run_schedule(&name, &store::actor(), reason.as_deref()).await?;
            let changed = ScheduleChanged::of(&name, "fired", None, Some(event.id));
            output.result(&changed, || format!("{name} made event {}.", event.id))?;
            Ok(Exit::Done)
        }
    }
}

async fn list(queue: &Queue, output: &Output) -> anyhow::Result<Exit> {
    let schedules = queue.schedules().await?.into_iter().map(ScheduleLine::from).collect();
    let list = ScheduleList { schedules };
    let empty = list.schedules.is_empty();
    if !empty || output.is_json() {
        output.result(&list, || lines(&list.schedules))?;
    }
    if empty {
        note("There are no schedules; `athenaeum schedule add` keeps one.");
        return Ok(Exit::Nothing);
    }
    Ok(Exit::Done)
}

async fn keep(queue: &Queue, add: Add, output: &Output) -> anyhow::Result<Exit> {
    let (replace, reason) = (add.replace, add.reason.clone());
    let schedule = plan(add)?;
    let next = queue.add_schedule(&schedule, replace, &store::actor(), reason.as_deref()).await?;
    let changed = ScheduleChanged::of(&schedule.name, "added", Some(next), None);
    output.result(&changed, || {
        format!("{} fires at {} UTC for the first time.", schedule.name, short(next))
    })?;
    Ok(Exit::Done)
}

fn plan(add: Add) -> anyhow::Result<NewSchedule> {
    let user = store::actor();
    let raw = match (&add.ask, &add.payload) {
        (Some(text), _) => json!({ "text": text, "user": user }).to_string().into_bytes(),
        (None, Some(file)) => store::payload(file)?,
        (None, None) => vec![],
    };
    let when = match (add.at, add.cron) {
        (Some(at), _) => When::Once(at),
        (None, line) => When::Cron { line: line.context("a cron line or a time")?, zone: add.zone },
    };
    Ok(NewSchedule {
        name: add.name,
        when,
        kind: add.kind.unwrap_or_else(|| "ask".to_owned()),
        tenant: add.tenant,
        actor: Some(user),
        lane: add.lane,
        priority: add.priority.into(),
        raw,
    })
}

fn lines(schedules: &[ScheduleLine]) -> String {
    let time = |at: Option<event::Timestamp>| at.map_or_else(|| "-".to_owned(), short);
    let row = |schedule: &ScheduleLine| {
        let zone = schedule.zone.as_deref().map(|zone| format!(" {zone}")).unwrap_or_default();
        [
            schedule.name.clone(),
            schedule.cron.as_ref().map_or_else(|| "once".to_owned(), |line| line.clone() + &zone),
            time(schedule.next_at.0),
            time(schedule.last_at.0),
            schedule.kind.clone(),
            schedule.error.clone().unwrap_or_default(),
        ]
    };
    let head = ["NAME", "WHEN", "NEXT (UTC)", "LAST (UTC)", "KIND", "ERROR"];
    table(head, &schedules.iter().map(row).collect::<Vec<_>>())
}
