//! How much of something was used within a minute or a day, counted for all processes by the
//! database's clock.

use std::time::Duration;

use event::limits::NAME_BYTES_MAX;
use event::refusal::within;
use event::{EventId, Timestamp};
use tokio_postgres::Row;

use crate::statements::{COUNT_USE, READ_USE};
use crate::wire::{get, get_count, get_time, to_sql};
use crate::{Queue, QueueError};

/// A stretch of time that begins and ends with the clock's, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// From second 0 to second 60.
    Minute,
    /// From midnight to midnight.
    Day,
}

/// What was used within the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// How much, what was just counted included.
    pub used: u64,
    /// The event that was counted first; `None` when nothing was.
    pub opened_by: Option<EventId>,
    /// When the window ends.
    pub ends_at: Timestamp,
    /// How long that is from now; zero when it has passed.
    pub left: Duration,
}

impl Queue {
    /// Counts a use on behalf of an event, in the window in which `at` lies; now, where it is `None`.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for a name that is empty or longer than 200 bytes.
    pub async fn count_use(
        &self,
        (name, window): (&str, Window),
        at: Option<Timestamp>,
        amount: u64,
        event: EventId,
    ) -> Result<Used, QueueError> {
        within("the quota's name", name, NAME_BYTES_MAX).map_err(QueueError::Refused)?;
        let (window, at) = (window.as_str(), at.map(to_sql));
        let amount = i64::try_from(amount).unwrap_or(AMOUNT_MAX).min(AMOUNT_MAX);
        let rows = self.query(COUNT_USE, vec![&name, &window, &at, &amount, &event.0]).await?;
        rows.first().map_or(Err(QueueError::Closed), read)
    }

    /// What was used so far, in the window in which `at` lies; now, where it is `None`.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn used(
        &self,
        (name, window): (&str, Window),
        at: Option<Timestamp>,
    ) -> Result<Used, QueueError> {
        let (window, at) = (window.as_str(), at.map(to_sql));
        let rows = self.query(READ_USE, vec![&name, &window, &at]).await?;
        rows.first().map_or(Err(QueueError::Closed), read)
    }
}

/// The most that is counted at once; far above any use, and safe to add to any sum.
const AMOUNT_MAX: i64 = 1_000_000_000_000;

impl Window {
    /// As `date_trunc` calls it.
    const fn as_str(self) -> &'static str {
        match self {
            Window::Minute => "minute",
            Window::Day => "day",
        }
    }
}

fn read(row: &Row) -> Result<Used, QueueError> {
    Ok(Used {
        used: get_count(row, "used")?,
        opened_by: get::<Option<i64>>(row, "opened_by")?.map(EventId),
        ends_at: get_time(row, "ends_at")?,
        left: Duration::from_micros(get_count(row, "left_micros")?),
    })
}
