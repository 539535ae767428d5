//! Identities and times, as the database counts them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An event's number: unique in the log, rising roughly with arrival. Gaps mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub i64);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for EventId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(EventId)
    }
}

/// The fencing token of one claim. Tokens strictly rise over the whole database; a write that
/// carries an older token than the job's is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(pub i64);

/// A moment in microseconds since the Unix epoch (UTC): Postgres' own resolution.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From Slack's `ts` or `event_ts` form, `"1700000000.123456"`: seconds, a dot, microseconds.
    ///
    /// Returns `None` for anything else, negative times included.
    #[must_use]
    pub fn from_slack(ts: &str) -> Option<Self> {
        let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if seconds.is_empty() || !digits(seconds) || !digits(fraction) || fraction.len() > 6 {
            return None;
        }
        let seconds: i64 = seconds.parse().ok()?;
        let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
        seconds.checked_mul(1_000_000)?.checked_add(micros).map(Timestamp)
    }

    /// In Slack's `ts` form, six decimals.
    #[must_use]
    pub fn to_slack(self) -> String {
        format!("{}.{:06}", self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000))
    }
}

/// Where an event lies in the log: its number and the time that its partition is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventRef {
    /// When it happened, by its source's clock.
    pub occurred_at: Timestamp,
    /// Its number.
    pub id: EventId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slack_ts_survives_the_round_trip() {
        for ts in ["1700000000.123456", "0.000001", "1700000000.000000"] {
            assert_eq!(Timestamp::from_slack(ts).unwrap().to_slack(), ts);
        }
        assert_eq!(Timestamp::from_slack("1700000000.5"), Some(Timestamp(1_700_000_000_500_000)));
        assert_eq!(Timestamp::from_slack("1700000000"), Some(Timestamp(1_700_000_000_000_000)));
    }

    #[test]
    fn what_is_no_slack_ts_is_refused() {
        for ts in ["", ".", ".5", "-1.0", "1.1234567", "soon", "99999999999999999999.0", "1.2.3"] {
            assert_eq!(Timestamp::from_slack(ts), None, "{ts:?}");
        }
    }
}
