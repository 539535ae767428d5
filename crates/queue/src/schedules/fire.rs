//! Firing what is due.

use chrono::{DateTime, Utc};
use event::{NewEvent, Timestamp};
use tokio_postgres::Row;

use super::calendar::Calendar;
use super::{Schedule, When, occasion};
use crate::commit::Store;
use crate::statements::{ADVANCE_SCHEDULES, DUE_SCHEDULES, REMOVE_FIRED};
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get_time, to_sql};
use crate::{Committed, Queue, QueueError};

/// Schedules fired in one call; more wait for the next.
const FIRE_MAX: i64 = 100;

/// A schedule that this version cannot read is looked at again after this many microseconds, by
/// newer code perhaps.
const UNREADABLE_RETRY_MICROS: i64 = 60_000_000;

impl Queue {
    /// Fires the schedules that are due, at most 100 of them. Returns how many events it made.
    ///
    /// A chore for every process, once a second: the rows are locked and those that others have
    /// locked are skipped. Of the runs that nobody fired in time only the latest is made up for. A
    /// process that dies between the event's commit and the schedule's leaves both runs the same
    /// delivery key, and the log knows it.
    ///
    /// # Errors
    /// Those of the database. A schedule whose event is refused does not hold up the others: it
    /// moves on and keeps the reason.
    pub async fn fire_due(&self) -> Result<u64, QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let due = transaction.step(DUE_SCHEDULES, vec![&FIRE_MAX]).await?;
        let answers = transaction.pipeline(&[due], Ends::Begin).await?;
        let mut runs = answers.iter().flatten().map(Run::read).collect::<Result<Vec<_>, _>>()?;
        if runs.is_empty() {
            transaction.rollback().await?;
            return Ok(0);
        }
        // The events' own transaction, on a connection of its own; the rows stay locked meanwhile.
        let fired = fire(&Store::new(self), &mut runs).await?;
        advance(transaction, &runs).await?;
        if fired > 0 {
            metrics::counter!("queue_schedules_fired_total").increment(fired);
            self.rouse().await;
        }
        Ok(fired)
    }
}

/// Commits the runs' events and notes in each run what came of it.
async fn fire(store: &Store, runs: &mut [Run]) -> Result<u64, QueueError> {
    let events: Vec<NewEvent> = runs.iter().filter_map(Run::event).collect();
    if events.is_empty() {
        return Ok(0);
    }
    let mut fired = 0;
    let answers = store.commit(events).await.answers;
    let firing = runs.iter_mut().filter(|run| run.due.is_some());
    for (run, answer) in firing.zip(answers) {
        match answer {
            Ok(committed) => {
                fired += u64::from(committed.job);
                run.committed = Some(committed);
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                let name = run.schedule.plan.name.as_str();
                tracing::error!(name, %error, "a scheduled event was refused");
                run.error = Some(error.to_string());
            }
        }
    }
    Ok(fired)
}

/// Writes what came of the runs, and forgets those that were to fire once.
async fn advance(mut transaction: Transaction, runs: &[Run]) -> Result<(), QueueError> {
    let names: Vec<&str> = runs.iter().map(|run| run.schedule.plan.name.as_str()).collect();
    let next: Vec<Option<DateTime<Utc>>> = runs.iter().map(|run| run.next.map(to_sql)).collect();
    let dealt: Vec<DateTime<Utc>> = runs.iter().map(|run| to_sql(run.dealt_until)).collect();
    let fired = |run: &Run| run.committed.and(run.due);
    let last: Vec<Option<DateTime<Utc>>> = runs.iter().map(|run| fired(run).map(to_sql)).collect();
    let event = |run: &Run| run.committed.map(|committed| committed.event);
    let ids: Vec<Option<i64>> = runs.iter().map(|run| event(run).map(|at| at.id.0)).collect();
    let times: Vec<Option<DateTime<Utc>>> =
        runs.iter().map(|run| event(run).map(|at| to_sql(at.occurred_at))).collect();
    let errors: Vec<Option<&str>> = runs.iter().map(|run| run.error.as_deref()).collect();
    let parameters: Params<'_> = vec![&names, &next, &dealt, &last, &times, &ids, &errors];
    let advance = transaction.step(ADVANCE_SCHEDULES, parameters).await?;
    let remove = transaction.step(REMOVE_FIRED, vec![&names]).await?;
    transaction.pipeline(&[advance, remove], Ends::Commit).await.map(drop)
}

/// A due schedule and what is to be done with it.
struct Run {
    schedule: Schedule,
    now: Timestamp,
    /// The run that is owed.
    due: Option<Timestamp>,
    next: Option<Timestamp>,
    dealt_until: Timestamp,
    committed: Option<Committed>,
    error: Option<String>,
}

impl Run {
    fn read(row: &Row) -> Result<Self, QueueError> {
        Ok(Run::of(Schedule::read(row)?, get_time(row, "now")?))
    }

    fn of(schedule: Schedule, now: Timestamp) -> Self {
        let (since, planned) = (schedule.dealt_until, schedule.next_at);
        let mut run = Run {
            now,
            due: planned,
            next: None,
            dealt_until: now,
            committed: None,
            error: None,
            schedule,
        };
        if let When::Cron { line, zone } = &run.schedule.plan.when {
            match Calendar::read(line, zone) {
                Ok(calendar) => {
                    run.due = calendar.latest(since, now).or(planned);
                    run.next = calendar.after(now);
                }
                Err(error) => {
                    tracing::error!(name = run.schedule.plan.name, %error, "a schedule is passed over");
                    run.error = Some(error.to_string());
                    run.due = None;
                    run.next = Some(Timestamp(now.0.saturating_add(UNREADABLE_RETRY_MICROS)));
                    run.dealt_until = since;
                }
            }
        }
        run
    }

    fn event(&self) -> Option<NewEvent> {
        self.due.map(|due| self.schedule.plan.event(due, self.now, &occasion(due)))
    }
}
