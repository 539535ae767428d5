//! Events to come: once, or again and again by a cron line.
//!
//! A schedule is a row with the time of its next run. Any process may look for what is due; a run's
//! event carries a delivery key made of the schedule's name and the run's time, so that whoever
//! fires a run a second time finds its event in the log.

mod calendar;
mod error;
mod fire;
mod read;

pub use error::ScheduleError;
pub use read::Schedule;

use chrono::{DateTime, Utc};
use event::limits::NAME_BYTES_MAX;
use event::refusal::within;
use event::{EventRef, NewEvent, Priority, Timestamp};
use serde_json::json;
use tokio_postgres::Row;

use crate::statements::{
    ADD_SCHEDULE, INSERT_AUDIT, LIST_SCHEDULES, NOW, REMOVE_SCHEDULE, SELECT_SCHEDULE,
};
use crate::transaction::{Ends, Transaction};
use crate::wire::{from_sql, get, to_sql, without_nul};
use crate::{Queue, QueueError};
use calendar::Calendar;

/// Schedules at most.
pub const SCHEDULES_MAX: i64 = 10_000;

/// When a schedule fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// At every time that a cron line matches: five fields, minute first; or six, second first; or
    /// seven, the year last.
    Cron {
        /// The line.
        line: String,
        /// The IANA name of the time zone that it is read in.
        zone: String,
    },
    /// Once.
    Once(Timestamp),
}

/// A schedule to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSchedule {
    /// Its name.
    pub name: String,
    /// When it fires.
    pub when: When,
    /// The kind of its events, which decides who works on them.
    pub kind: String,
    /// Whose they are.
    pub tenant: String,
    /// Who does them.
    pub actor: Option<String>,
    /// What they stay in order with.
    pub lane: Option<String>,
    /// Which go first.
    pub priority: Priority,
    /// Their bytes.
    pub raw: Vec<u8>,
}

/// What makes the key of a run's event: the time at which it was due.
fn occasion(due: Timestamp) -> String {
    due.0.to_string()
}

impl Queue {
    /// Keeps a schedule, in place of one of the same name only if `replace`. Returns when it fires
    /// first. Audited.
    ///
    /// # Errors
    /// [`ScheduleError`], before anything is written.
    pub async fn add_schedule(
        &self,
        schedule: &NewSchedule,
        replace: bool,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<Timestamp, ScheduleError> {
        let now = self.now().await.map_err(ScheduleError::Queue)?;
        let (cron, zone, next) = schedule.first(now)?;
        let (next_at, now) = (to_sql(next), to_sql(now));
        let NewSchedule { name, kind, tenant, actor: subject_actor, lane, raw, .. } = schedule;
        let priority = schedule.priority.as_i16();
        let by = without_nul(actor);
        let added = self
            .audited(
                ADD_SCHEDULE,
                vec![
                    name,
                    &cron,
                    &zone,
                    &next_at,
                    &now,
                    kind,
                    tenant,
                    subject_actor,
                    lane,
                    &priority,
                    raw,
                    &by,
                    &replace,
                    &SCHEDULES_MAX,
                ],
                ("add_schedule", &by, reason, name),
            )
            .await?;
        match added {
            true => Ok(next),
            false => Err(self.not_added(name).await?),
        }
    }

    /// The schedules, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn schedules(&self) -> Result<Vec<Schedule>, ScheduleError> {
        let rows = self.query(LIST_SCHEDULES, vec![&SCHEDULES_MAX]).await;
        let rows = rows.map_err(ScheduleError::Queue)?;
        rows.iter().map(Schedule::read).collect::<Result<_, _>>().map_err(ScheduleError::Queue)
    }

    /// Forgets a schedule; the events that it made stay. Audited.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], or those of the database.
    pub async fn remove_schedule(
        &self,
        name: &str,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<(), ScheduleError> {
        let (name, by) = (without_nul(name), without_nul(actor));
        let about = ("remove_schedule", by.as_str(), reason, name.as_str());
        match self.audited(REMOVE_SCHEDULE, vec![&name], about).await? {
            true => Ok(()),
            false => Err(ScheduleError::Unknown { name }),
        }
    }

    /// Fires a schedule now, besides its own times. Audited.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`], or those of the database.
    pub async fn run_schedule(
        &self,
        name: &str,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<EventRef, ScheduleError> {
        let (name, by) = (without_nul(name), without_nul(actor));
        let rows = self.query(SELECT_SCHEDULE, vec![&name]).await;
        let rows = rows.map_err(ScheduleError::Queue)?;
        let Some(row) = rows.first() else { return Err(ScheduleError::Unknown { name }) };
        let schedule = Schedule::read(row).map_err(ScheduleError::Queue)?;
        let now = self.now().await.map_err(ScheduleError::Queue)?;
        let occasion = format!("now:{}", uuid::Uuid::now_v7());
        let event = schedule.plan.event(now, now, &occasion);
        let committed = self.append(event).await.map_err(ScheduleError::Queue)?;
        let subject = json!({"schedule": name, "event": committed.event});
        let reason = reason.map(without_nul);
        let audit = self.execute(INSERT_AUDIT, vec![&by, &"run_schedule", &reason, &subject]).await;
        audit.map_err(ScheduleError::Queue)?;
        Ok(committed.event)
    }

    /// One change with its audit row, if it changed anything.
    async fn audited(
        &self,
        sql: crate::transaction::Sql,
        params: crate::transaction::Params<'_>,
        (action, by, reason, name): (&'static str, &str, Option<&str>, &str),
    ) -> Result<bool, ScheduleError> {
        let change = async {
            let mut transaction = Transaction::on(&self.pool).await?;
            let change = transaction.step(sql, params).await?;
            let answers = transaction.pipeline(&[change], Ends::Begin).await?;
            if answers.iter().all(Vec::is_empty) {
                transaction.rollback().await?;
                return Ok(false);
            }
            let (subject, reason) = (json!({"schedule": name}), reason.map(without_nul));
            let audit =
                transaction.step(INSERT_AUDIT, vec![&by, &action, &reason, &subject]).await?;
            transaction.pipeline(&[audit], Ends::Commit).await?;
            Ok(true)
        };
        change.await.map_err(ScheduleError::Queue)
    }

    /// Why nothing was added.
    async fn not_added(&self, name: &str) -> Result<ScheduleError, ScheduleError> {
        let rows = self.query(SELECT_SCHEDULE, vec![&name]).await;
        let rows = rows.map_err(ScheduleError::Queue)?;
        Ok(match rows.is_empty() {
            true => ScheduleError::TooMany,
            false => ScheduleError::Exists { name: name.to_owned() },
        })
    }

    /// The moment, by the database's clock.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn now(&self) -> Result<Timestamp, QueueError> {
        let rows = self.query(NOW, vec![]).await?;
        let now: DateTime<Utc> =
            rows.first().map_or(Ok(Utc::now()), |row: &Row| get(row, "now"))?;
        Ok(from_sql(now))
    }
}

impl NewSchedule {
    /// Its cron line and zone, and its first run after `now`.
    fn first(&self, now: Timestamp) -> Result<(Option<&str>, &str, Timestamp), ScheduleError> {
        let refused = ScheduleError::Event;
        within("the schedule's name", &self.name, NAME_BYTES_MAX).map_err(refused)?;
        let first = match &self.when {
            When::Once(at) if !(0..=NewEvent::LATEST.0).contains(&at.0) => {
                return Err(ScheduleError::Year { year: format!("of {} µs since 1970", at.0) });
            }
            When::Once(at) if *at <= now => return Err(ScheduleError::Past),
            When::Once(at) => (None, "UTC", *at),
            When::Cron { line, zone } => {
                let next = Calendar::read(line, zone)?.after(now);
                let next = next.ok_or_else(|| ScheduleError::NeverFires { line: line.clone() })?;
                (Some(line.as_str()), zone.as_str(), next)
            }
        };
        self.event(first.2, now, &occasion(first.2)).validate().map_err(refused)?;
        Ok(first)
    }
}
