//! Why the engine will not take something, said before anything is written.

use std::time::Duration;

use serde::Serialize;

/// What is wrong with something that was handed in: what was expected, what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// A name that must be there is not.
    #[error("{what} is empty: expected 1 to {bytes_max} bytes")]
    Empty {
        /// Which.
        what: &'static str,
        /// Its bound, in bytes.
        bytes_max: usize,
    },
    /// A text is longer than its column is meant for.
    #[error("{what} measures {bytes} bytes: expected at most {bytes_max}")]
    TooLong {
        /// Which.
        what: &'static str,
        /// What it measures, in bytes.
        bytes: usize,
        /// Its bound, in bytes.
        bytes_max: usize,
    },
    /// A text holds a NUL, which Postgres does not take.
    #[error("{what} holds a NUL character: expected text without any")]
    Nul {
        /// Which.
        what: &'static str,
    },
    /// Work cannot be done on a payload of which only the head would be kept.
    #[error(
        "the payload measures {bytes} bytes: expected at most {bytes_max}; store it elsewhere and hand in where"
    )]
    PayloadTooLarge {
        /// What it measures in full, in bytes.
        bytes: usize,
        /// [`crate::limits::RAW_BYTES_MAX`].
        bytes_max: usize,
    },
    /// A time outside the calendar that every part of the system agrees on.
    #[error(
        "occurred_at lies {micros} microseconds from 1970: expected a time in the years 1970 to 9999"
    )]
    OutsideCalendar {
        /// What was given.
        micros: i64,
    },
    /// A delay that no one will live to see.
    #[error("{what} is {} s: expected at most {} s", given.as_secs(), max.as_secs())]
    TooFar {
        /// The delay or the expiry.
        what: &'static str,
        /// What was given.
        given: Duration,
        /// Its bound.
        max: Duration,
    },
    /// The work would expire before it may start.
    #[error(
        "the work expires after {} s but may not start for {} s: expected it to expire later",
        expires_after.as_secs_f64(), delay.as_secs_f64()
    )]
    ExpiresBeforeStart {
        /// The expiry.
        expires_after: Duration,
        /// The delay.
        delay: Duration,
    },
    /// A suspension without a time, a signal or children.
    #[error("nothing would end the wait: expected a time, a signal or a group of children")]
    EndlessWait,
    /// A family, a record or a mailbox beyond its bound.
    #[error("{what}: found {count}, expected at most {count_max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are or would be.
        count: usize,
        /// Its bound.
        count_max: usize,
    },
    /// A fan-in that the children could never reach.
    #[error("the fan-in needs {needed} of {children} children: expected 1 to {children}")]
    FanInOutOfReach {
        /// How many it needs.
        needed: usize,
        /// How many there are.
        children: usize,
    },
    /// Children without work would never end.
    #[error("child {index} is owed no work: expected every child to have some")]
    IdleChild {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// A child that is another's already, by its delivery or logical key.
    #[error("child {index} is an event that the log knows already: expected new delivery keys")]
    KnownChild {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// The group exists with another number of children.
    #[error("the group has {found} children, spawned before: expected the same, got {given}")]
    OtherFamily {
        /// How many the group has.
        found: usize,
        /// How many were handed in.
        given: usize,
    },
    /// A wait for children that were never spawned.
    #[error("the generation has no such group of children: expected spawn before the wait")]
    UnknownGroup,
    /// The parent was called off, so nothing may be begun on its behalf.
    #[error("the parent's cancellation was requested: it may have no further children")]
    ParentCancelled,
    /// A step's record says otherwise.
    #[error("step {number} is recorded as {found}: expected {given}")]
    OtherStep {
        /// Which step.
        number: i32,
        /// What the record has, kind and name.
        found: String,
        /// What was handed in.
        given: String,
    },
    /// A step that must be a natural number is not, or a result comes without its intent.
    #[error("step {number} was not intended: expected intend_step before record_step")]
    NotIntended {
        /// Which step.
        number: i32,
    },
}

/// Whether a name is there, fits and can be stored.
///
/// # Errors
/// [`Refusal::Empty`], [`Refusal::TooLong`] and [`Refusal::Nul`].
pub fn within(what: &'static str, text: &str, bytes_max: usize) -> Result<(), Refusal> {
    match text {
        "" => Err(Refusal::Empty { what, bytes_max }),
        text if text.len() > bytes_max => {
            Err(Refusal::TooLong { what, bytes: text.len(), bytes_max })
        }
        text if text.contains('\0') => Err(Refusal::Nul { what }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_there_fits_and_can_be_stored() {
        assert_eq!(within("it", "abc", 3), Ok(()));
        assert_eq!(within("it", "", 3), Err(Refusal::Empty { what: "it", bytes_max: 3 }));
        let long = Refusal::TooLong { what: "it", bytes: 4, bytes_max: 3 };
        assert_eq!(within("it", "abcd", 3), Err(long));
        assert_eq!(within("it", "a\0", 3), Err(Refusal::Nul { what: "it" }));
    }

    #[test]
    fn a_refusal_says_what_was_expected_and_what_was_found() {
        let said = within("the lane", &"x".repeat(10_000), 1024).unwrap_err().to_string();
        assert_eq!(said, "the lane measures 10000 bytes: expected at most 1024");
    }
}
