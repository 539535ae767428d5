//! Slack's message timestamps: seconds and six digits, unique in a channel, used as an identity.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A message's timestamp in microseconds, written as `1732104723.000100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ts(pub i64);

/// The text is not a timestamp: expected digits, a point and one to six digits.
#[derive(Debug, thiserror::Error)]
#[error("expected a timestamp such as 1732104723.000100")]
pub struct NotATimestamp;

impl fmt::Display for Ts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

impl FromStr for Ts {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str, most: usize| {
            !s.is_empty() && s.len() <= most && s.bytes().all(|b| b.is_ascii_digit())
        };
        if !digits(seconds, 12) || !digits(fraction, 6) {
            return Err(NotATimestamp);
        }
        let seconds: i64 = seconds.parse().map_err(|_| NotATimestamp)?;
        let micros: i64 = format!("{fraction:0<6}").parse().map_err(|_| NotATimestamp)?;
        Ok(Self(seconds * 1_000_000 + micros))
    }
}

impl Serialize for Ts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_writing_and_reading() {
        let ts: Ts = "1732104723.000100".parse().unwrap();
        assert_eq!(ts, Ts(1_732_104_723_000_100));
        assert_eq!(ts.to_string(), "1732104723.000100");
        assert_eq!("17".parse::<Ts>().unwrap(), Ts(17_000_000));
        for wrong in ["", "x", "1.2.3", "1.", "-1.0", "1.0000001"] {
            assert!(wrong.parse::<Ts>().is_err(), "{wrong}");
        }
    }
}
