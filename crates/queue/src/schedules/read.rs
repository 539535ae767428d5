//! Schedules as they are kept.

use event::{EventId, EventRef, NewEvent, Priority, Raw, Timestamp, Work};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{NewSchedule, When};
use crate::QueueError;
use crate::wire::{get, get_time, get_time_option};

/// A schedule with what became of it so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What was asked for.
    pub plan: NewSchedule,
    /// When it fires next; `None` when it never will again.
    pub next_at: Option<Timestamp>,
    /// When the run that was fired last was due.
    pub last_at: Option<Timestamp>,
    /// The event of that run.
    pub last_event: Option<EventRef>,
    /// Why the run that was due last made no event.
    pub error: Option<String>,
    /// Since when it is kept.
    pub created_at: Timestamp,
    /// Who keeps it.
    pub created_by: String,
    /// What was due up to here is dealt with.
    pub(super) dealt_until: Timestamp,
}

impl Schedule {
    pub(super) fn read(row: &Row) -> Result<Self, QueueError> {
        let when = match get::<Option<String>>(row, "cron")? {
            Some(line) => When::Cron { line, zone: get(row, "zone")? },
            None => When::Once(match get_time_option(row, "next_at")? {
                Some(at) => at,
                None => get_time(row, "dealt_until")?,
            }),
        };
        let last_event = match get::<Option<i64>>(row, "last_event_id")? {
            Some(id) => {
                let occurred_at = get_time(row, "last_event_at")?;
                Some(EventRef { occurred_at, id: EventId(id) })
            }
            None => None,
        };
        let plan = NewSchedule {
            name: get(row, "name")?,
            when,
            kind: get(row, "kind")?,
            tenant: get(row, "tenant")?,
            actor: get(row, "actor")?,
            lane: get(row, "lane")?,
            priority: Priority::from_i16(get(row, "priority")?).unwrap_or_default(),
            raw: get(row, "raw")?,
        };
        Ok(Schedule {
            plan,
            next_at: get_time_option(row, "next_at")?,
            last_at: get_time_option(row, "last_at")?,
            last_event,
            error: get(row, "error")?,
            created_at: get_time(row, "created_at")?,
            created_by: get(row, "created_by")?,
            dealt_until: get_time(row, "dealt_until")?,
        })
    }
}

/// What fires by itself, as its events' source names it.
const SOURCE: &str = "schedule";

impl NewSchedule {
    /// The event of one run. It happens when it is fired: a run that was due before the log's
    /// retention would be gone before it is worked on. `occasion` makes the key: the run's time.
    pub(super) fn event(&self, due: Timestamp, now: Timestamp, occasion: &str) -> NewEvent {
        NewEvent {
            source: SOURCE.to_owned(),
            kind: self.kind.clone(),
            tenant: self.tenant.clone(),
            actor: self.actor.clone(),
            lane: self.lane.clone(),
            lane_order: due.0,
            occurred_at: now,
            correlation_id: Uuid::now_v7(),
            delivery_key: format!("{SOURCE}:{}:{occasion}", self.name),
            logical_key: None,
            twin_key: None,
            raw: Raw::keep(self.raw.clone()),
            quarantine: None,
            work: Some(Work { priority: self.priority, ..Work::default() }),
        }
    }
}
