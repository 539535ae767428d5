//! Why a schedule is refused.

use event::Refusal;

use crate::QueueError;

/// What is wrong with a schedule, or what kept it from being kept.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The cron line is none.
    #[error(
        "the cron line {line:?} cannot be read ({found}): expected minute, hour, day of month, \
         month and day of week, such as \"0 9 * * MON-FRI\""
    )]
    Cron {
        /// What was given.
        line: String,
        /// What the parser says.
        found: String,
    },
    /// Nothing on the calendar matches the cron line from now on: 30 February, or a year gone by.
    #[error("the cron line {line:?} never fires: expected one that matches a day to come")]
    NeverFires {
        /// What was given.
        line: String,
    },
    /// A year beyond the calendar.
    #[error("the year {year} is out of range: expected {} to {}", super::calendar::YEARS.start(), super::calendar::YEARS.end())]
    Year {
        /// What was given.
        year: String,
    },
    /// The time zone is unknown.
    #[error("the time zone {zone:?} is unknown: expected {}", close.unwrap_or("a name of the IANA database, such as Europe/Berlin"))]
    Zone {
        /// What was given.
        zone: String,
        /// A zone whose name comes close.
        close: Option<&'static str>,
    },
    /// A single run whose time has passed.
    #[error("the time of the only run has passed: expected one to come")]
    Past,
    /// The event could not be stored as it would be made.
    #[error("the schedule's event would be refused")]
    Event(#[source] Refusal),
    /// The name is taken.
    #[error("a schedule named {name:?} exists: remove it first, or replace it")]
    Exists {
        /// Whose.
        name: String,
    },
    /// Nobody has that name.
    #[error("there is no schedule named {name:?}: list them to see their names")]
    Unknown {
        /// What was given.
        name: String,
    },
    /// There are too many.
    #[error("there are {} schedules already: remove some first", super::SCHEDULES_MAX)]
    TooMany,
    /// The database said no.
    #[error("the schedules cannot be read or written")]
    Queue(#[source] QueueError),
}
