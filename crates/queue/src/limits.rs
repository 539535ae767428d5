//! Rate limits that all processes share, by the database's clock.

use std::time::Duration;

use event::Refusal;
use event::limits::NAME_BYTES_MAX;
use event::refusal::within;

use crate::statements::{REFUSE, REFUSED, TAKE};
use crate::wire::get;
use crate::{Queue, QueueError};

/// A bucket that fills at a rate: what it holds may be taken at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Whose rate: all who give this name share it. 1 to 200 bytes.
    pub name: String,
    /// How many units come back each second.
    pub per_second: f64,
    /// How many units it holds when it is full.
    pub burst: f64,
}

/// Whether something may be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It may; its units are taken.
    Granted,
    /// Not yet; nothing was taken.
    RetryAfter(Duration),
}

/// When something may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// After this long, for which its units are taken; whoever asked before comes before.
    In(Duration),
    /// Not within the time that was offered; nothing was taken. So long until a unit is free.
    RetryAfter(Duration),
}

/// Why a limit cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// Its name cannot be one.
    #[error("the limit cannot be named so")]
    Name(#[source] Refusal),
    /// A rate or a bucket that is none.
    #[error(
        "a limit of {per_second} a second with a burst of {burst} is none: expected both above 0, \
         and a bucket that fills within a year"
    )]
    Odd {
        /// What was given.
        per_second: f64,
        /// What was given.
        burst: f64,
    },
    /// More than the bucket ever holds, or less than nothing.
    #[error("{cost} units can never be taken: expected 0 to the burst of {burst}")]
    OutOfReach {
        /// What was asked for.
        cost: f64,
        /// What the bucket holds.
        burst: f64,
    },
    /// The database said no.
    #[error("the limit cannot be asked")]
    Queue(#[source] QueueError),
}

/// The longest that a bucket may take to fill.
const FILL_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

impl Queue {
    /// Takes `cost` units from a shared bucket, or says how long to wait for them. Safe from any
    /// number of processes: each name is one row.
    ///
    /// # Errors
    /// [`LimitError`]; what could never be granted is an error, not a wait.
    pub async fn take(&self, limit: &Limit, cost: f64) -> Result<Taken, LimitError> {
        Ok(match self.reserve(limit, cost, Duration::ZERO).await? {
            Reserved::In(_) => Taken::Granted,
            Reserved::RetryAfter(wait) => Taken::RetryAfter(wait),
        })
    }

    /// Takes `cost` units that will be there within `patience`, or says how long to wait for them.
    /// Who reserves first is served first, in whichever process. Several limits of one name are one
    /// bucket: one with a smaller burst leaves the rest of it to the others.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub async fn reserve(
        &self,
        limit: &Limit,
        cost: f64,
        patience: Duration,
    ) -> Result<Reserved, LimitError> {
        let (cost, fill) = limit.times(cost)?;
        let patience = micros(patience.min(FILL_MAX).as_secs_f64()).unwrap_or_default();
        let rows = self.query(TAKE, vec![&limit.name, &cost, &fill, &patience]).await;
        let rows = rows.map_err(LimitError::Queue)?;
        // No row: someone else made the bucket at this very moment, and emptied it.
        let Some(row) = rows.first() else {
            return Ok(Reserved::RetryAfter(duration(cost)));
        };
        let granted: bool = get(row, "granted").map_err(LimitError::Queue)?;
        let wait = duration(get(row, "wait_micros").map_err(LimitError::Queue)?);
        Ok(if granted { Reserved::In(wait) } else { Reserved::RetryAfter(wait) })
    }

    /// Notes that whoever is limited was refused all the same and is to ask for nothing meanwhile:
    /// nobody gets a unit before then, and afterwards only as they come back.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub async fn refuse(&self, limit: &Limit, meanwhile: Duration) -> Result<(), LimitError> {
        let (unit, fill) = limit.times(limit.burst.min(1.0))?;
        let rest = fill.saturating_sub(unit);
        let meanwhile = micros(meanwhile.min(FILL_MAX).as_secs_f64()).unwrap_or_default();
        let noted = self.execute(REFUSE, vec![&limit.name, &meanwhile, &rest]).await;
        noted.map(drop).map_err(LimitError::Queue)
    }

    /// How much longer a refusal of this limit stands, if one does: for who waited for a reserved
    /// unit meanwhile.
    ///
    /// # Errors
    /// As [`Queue::take`].
    pub async fn refused(&self, limit: &Limit) -> Result<Option<Duration>, LimitError> {
        let rows = self.query(REFUSED, vec![&limit.name]).await.map_err(LimitError::Queue)?;
        let left = rows.first().map(|row| get::<i64>(row, "left_micros")).transpose();
        Ok(left.map_err(LimitError::Queue)?.map(duration))
    }
}

impl Limit {
    /// How long the bucket takes to win back `cost`, and to fill, in microseconds.
    fn times(&self, cost: f64) -> Result<(i64, i64), LimitError> {
        within("the limit's name", &self.name, NAME_BYTES_MAX).map_err(LimitError::Name)?;
        let Limit { per_second, burst, .. } = *self;
        let positive = |number: f64| number.is_finite() && number > 0.0;
        let fill = Some(burst / per_second).filter(|_| positive(per_second) && positive(burst));
        let fill = fill.and_then(micros).ok_or(LimitError::Odd { per_second, burst })?;
        let reach = (0.0..=burst).contains(&cost);
        let taken = Some(cost / per_second).filter(|_| reach).and_then(micros);
        Ok((taken.ok_or(LimitError::OutOfReach { cost, burst })?, fill))
    }
}

/// Seconds as whole microseconds, if they are not beyond [`FILL_MAX`].
fn micros(seconds: f64) -> Option<i64> {
    let duration = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= FILL_MAX)?;
    i64::try_from(duration.as_micros()).ok()
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_second: f64, burst: f64) -> Limit {
        Limit { name: "slack.post:C1".to_owned(), per_second, burst }
    }

    #[test]
    fn a_rate_and_a_bucket_become_times() {
        assert_eq!(limit(2.0, 10.0).times(1.0).unwrap(), (500_000, 5_000_000));
        assert_eq!(limit(2.0, 10.0).times(0.0).unwrap(), (0, 5_000_000));
    }

    #[test]
    fn what_is_no_limit_and_what_could_never_be_taken_are_told_apart() {
        for (per_second, burst) in [
            (0.0, 1.0),
            (-1.0, 1.0),
            (1.0, 0.0),
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
            (1e-9, 1.0),
        ] {
            let odd = limit(per_second, burst).times(1.0);
            assert!(matches!(odd, Err(LimitError::Odd { .. })), "{per_second} {burst}: {odd:?}");
        }
        for cost in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let far = limit(1.0, 1.0).times(cost);
            assert!(matches!(far, Err(LimitError::OutOfReach { .. })), "{cost}: {far:?}");
        }
        let nameless = Limit { name: String::new(), ..limit(1.0, 1.0) };
        assert!(matches!(nameless.times(1.0), Err(LimitError::Name(_))));
    }
}
