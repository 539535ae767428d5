//! Moments as operators write and read them.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use event::Timestamp;

/// Reads RFC 3339 (`2026-11-21T08:00:00Z`) or an age (`90s`, `30m`, `2h`, `7d`): so long ago.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_at(text, Utc::now())
}

/// Reads RFC 3339, or how long from now: `90s`, `30m`, `2h`, `7d`.
pub(crate) fn parse_ahead(text: &str) -> Result<Timestamp, String> {
    match age(text).and_then(|time| Utc::now().checked_add_signed(time)) {
        Some(time) => Ok(Timestamp(time.timestamp_micros())),
        None => parse(text),
    }
}

/// In RFC 3339, UTC, to the millisecond.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    match DateTime::from_timestamp_micros(at.0) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::Millis, true),
        None => format!("{} µs", at.0),
    }
}

/// As a person reads it in a table.
pub(crate) fn short(at: Timestamp) -> String {
    match DateTime::from_timestamp_micros(at.0) {
        Some(time) => time.format("%Y-%m-%d %H:%M:%S").to_string(),
        None => format!("{} µs", at.0),
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp(Utc::now().timestamp_micros())
}

fn parse_at(text: &str, now: DateTime<Utc>) -> Result<Timestamp, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Timestamp(time.timestamp_micros()));
    }
    age(text)
        .and_then(|age| now.checked_sub_signed(age))
        .map(|time| Timestamp(time.timestamp_micros()))
        .ok_or_else(|| {
            "expected a time such as 2026-11-21T08:00:00Z, or a span such as 90s, 30m, 2h or 7d"
                .to_owned()
        })
}

fn age(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().next_back()?;
    let count: i64 =
        text[..text.len() - unit.len_utf8()].parse().ok().filter(|count| *count >= 0)?;
    match unit {
        's' => TimeDelta::try_seconds(count),
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Result<String, String> {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        parse_at(text, now).map(rfc3339)
    }

    #[test]
    fn a_time_or_an_age_is_read() {
        assert_eq!(at("2h").unwrap(), "2027-01-15T06:00:00.000Z");
        assert_eq!(at("90s").unwrap(), "2027-01-15T07:58:30.000Z");
        assert_eq!(at("7d").unwrap(), "2027-01-08T08:00:00.000Z");
        assert_eq!(at("2026-11-21T08:00:00+02:00").unwrap(), "2026-11-21T06:00:00.000Z");
    }

    #[test]
    fn a_span_ahead_lies_in_the_future() {
        let (before, ahead) = (now(), parse_ahead("2h").unwrap());
        assert!(ahead.0 - before.0 >= 7_200_000_000);
        assert_eq!(parse_ahead("2026-11-21T08:00:00Z"), parse("2026-11-21T08:00:00Z"));
        assert!(parse_ahead("tomorrow").is_err());
    }

    #[test]
    fn anything_else_is_refused_with_examples() {
        for text in ["", "h", "2", "-2h", "2w", "yesterday", "2ä", "99999999999999999d"] {
            assert!(at(text).unwrap_err().contains("2h"), "{text:?}");
        }
    }
}
