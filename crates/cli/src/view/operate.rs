//! What commands did.

use event::{EventId, Priority, Timestamp};
use queue::{
    CancelReport, Incident, PauseRecord, PurgeReport, Refusal, ReplayReport, Schedule, Scope, When,
};
use serde::Serialize;
use serde_json::Value;

use super::{Maybe, Moment, views};

#[derive(Serialize)]
pub(crate) struct Replayed {
    pub dry_run: bool,
    pub replayed: Vec<Generation>,
    pub refused: Vec<Refused>,
    pub more: bool,
}

#[derive(Serialize)]
pub(crate) struct Generation {
    pub id: EventId,
    pub generation: i32,
}

#[derive(Serialize)]
pub(crate) struct Refused {
    pub id: EventId,
    pub reason: Refusal,
    pub message: String,
}

impl From<(EventId, Refusal)> for Refused {
    fn from((id, reason): (EventId, Refusal)) -> Self {
        Refused { id, reason, message: reason.to_string() }
    }
}

impl Replayed {
    pub fn of(report: ReplayReport, dry_run: bool) -> Self {
        let replayed =
            report.replayed.into_iter().map(|(id, generation)| Generation { id, generation });
        Replayed {
            dry_run,
            replayed: replayed.collect(),
            refused: report.refused.into_iter().map(Refused::from).collect(),
            more: report.more,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Purged {
    pub dry_run: bool,
    pub purged: Vec<EventId>,
    pub refused: Vec<Refused>,
    pub more: bool,
}

impl Purged {
    pub fn of(report: PurgeReport, dry_run: bool) -> Self {
        let refused = report.refused.into_iter().map(Refused::from).collect();
        Purged { dry_run, purged: report.purged, refused, more: report.more }
    }
}

views! {
    Cancelled of CancelReport {
        cancelled: Vec<EventId>,
        requested: Vec<EventId>,
        not_live: Vec<EventId>,
    }
    PauseLine of PauseRecord {
        #[serde(flatten)]
        scope: Scope,
        at: Moment,
        actor: String,
        reason: String,
    }
    IncidentLine of Incident {
        id: i64,
        at: Moment,
        kind: String,
        name: String,
        subject: Value,
        resolved_at: Maybe,
    }
}

#[derive(Serialize)]
pub(crate) struct IncidentList {
    pub incidents: Vec<IncidentLine>,
}

#[derive(Serialize)]
pub(crate) struct Held {
    pub held: bool,
    pub new: bool,
}

#[derive(Serialize)]
pub(crate) struct Released {
    pub released: bool,
}

#[derive(Serialize)]
pub(crate) struct PauseList {
    pub pauses: Vec<PauseLine>,
}

#[derive(Serialize)]
pub(crate) struct Paused {
    pub paused: Scope,
    pub new: bool,
}

#[derive(Serialize)]
pub(crate) struct Resumed {
    pub resumed: Scope,
    pub freed: u64,
}

#[derive(Serialize)]
pub(crate) struct ScheduleList {
    pub schedules: Vec<ScheduleLine>,
}

#[derive(Serialize)]
pub(crate) struct ScheduleLine {
    pub name: String,
    pub cron: Option<String>,
    pub zone: Option<String>,
    pub next_at: Maybe,
    pub last_at: Maybe,
    pub last_event: Option<EventId>,
    pub error: Option<String>,
    pub kind: String,
    pub tenant: String,
    pub user: Option<String>,
    pub lane: Option<String>,
    pub priority: Priority,
    pub created_at: Moment,
    pub created_by: String,
}

impl From<Schedule> for ScheduleLine {
    fn from(schedule: Schedule) -> Self {
        let plan = schedule.plan;
        let (cron, zone) = match plan.when {
            When::Cron { line, zone } => (Some(line), Some(zone)),
            When::Once(_) => (None, None),
        };
        ScheduleLine {
            name: plan.name,
            cron,
            zone,
            next_at: Maybe(schedule.next_at),
            last_at: Maybe(schedule.last_at),
            last_event: schedule.last_event.map(|event| event.id),
            error: schedule.error,
            kind: plan.kind,
            tenant: plan.tenant,
            user: plan.actor,
            lane: plan.lane,
            priority: plan.priority,
            created_at: Moment(schedule.created_at),
            created_by: schedule.created_by,
        }
    }
}

/// What became of one schedule: `added` with its next run, `removed`, or `fired` with its event.
#[derive(Serialize)]
pub(crate) struct ScheduleChanged {
    pub name: String,
    pub change: &'static str,
    pub next_at: Maybe,
    pub event: Option<EventId>,
}

impl ScheduleChanged {
    pub fn of(
        name: &str,
        change: &'static str,
        next: Option<Timestamp>,
        event: Option<EventId>,
    ) -> Self {
        ScheduleChanged { name: name.to_owned(), change, next_at: Maybe(next), event }
    }
}
