//! Between the vocabulary's types and the database's.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event::limits::{KEY_BYTES_MAX, LANE_NAME_BYTES_MAX, NAME_BYTES_MAX};
use event::{NewEvent, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::database;
use crate::{QueueError, mutants};

/// The last microsecond of the year 9999: later times are a source's mistake and are cut to it.
const LATEST: i64 = 253_402_300_799_999_999;

/// A moment as the driver sends it, cut to the years 1970 to 9999.
pub(crate) fn to_sql(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.0.clamp(0, LATEST)).unwrap_or_default()
}

/// A moment as the driver reads it.
pub(crate) fn from_sql(at: DateTime<Utc>) -> Timestamp {
    Timestamp(at.timestamp_micros())
}

/// The longest that anything may be put off, in microseconds: a year and a day.
const MICROS_MAX: i64 = 366 * 86_400 * 1_000_000;

/// A duration as microseconds, cut to a year and a day.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(MICROS_MAX).min(MICROS_MAX)
}

/// One column of a row.
pub(crate) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: &str) -> Result<T, QueueError> {
    row.try_get(column).map_err(database("return the columns that were asked for"))
}

/// A moment from a row.
pub(crate) fn get_time(row: &Row, column: &str) -> Result<Timestamp, QueueError> {
    get(row, column).map(from_sql)
}

/// A moment from a row, if there is one.
pub(crate) fn get_time_option(row: &Row, column: &str) -> Result<Option<Timestamp>, QueueError> {
    Ok(get::<Option<DateTime<Utc>>>(row, column)?.map(from_sql))
}

/// A count from a row; the schema keeps counts from falling below zero.
pub(crate) fn get_count(row: &Row, column: &str) -> Result<u64, QueueError> {
    get::<i64>(row, column).map(|count| u64::try_from(count).unwrap_or_default())
}

/// A small count from a row.
pub(crate) fn get_small(row: &Row, column: &str) -> Result<u32, QueueError> {
    get::<i32>(row, column).map(|count| u32::try_from(count).unwrap_or_default())
}

/// An error chain from a row.
pub(crate) fn get_chain(row: &Row, column: &str) -> Result<Option<Vec<String>>, QueueError> {
    let value: Option<Value> = get(row, column)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

/// Makes an event storable, whatever its source put into it: no NUL in any text, no text beyond its
/// bound, no time beyond the calendar. An event is never refused for its looks.
pub(crate) fn clean(mut event: NewEvent) -> NewEvent {
    mutants::forget_keys(&mut event);
    for text in [&mut event.source, &mut event.kind, &mut event.tenant] {
        *text = bounded(text, NAME_BYTES_MAX);
    }
    event.actor = event.actor.map(|actor| bounded(&actor, NAME_BYTES_MAX));
    event.lane = event.lane.map(|lane| bounded(&lane, LANE_NAME_BYTES_MAX));
    event.delivery_key = bounded(&event.delivery_key, KEY_BYTES_MAX);
    event.logical_key = event.logical_key.map(|key| bounded(&key, KEY_BYTES_MAX));
    event.twin_key = event.twin_key.map(|key| bounded(&key, KEY_BYTES_MAX));
    event.quarantine = event.quarantine.map(|reason| bounded(&reason, REASON_BYTES_MAX));
    event.occurred_at = from_sql(to_sql(event.occurred_at));
    event
}

/// The longest that a quarantine's reason may be, in bytes.
const REASON_BYTES_MAX: usize = 2_000;

/// The text without NUL and no longer than `bytes_max`; what is cut is marked by its hash, so that
/// different texts stay different.
fn bounded(text: &str, bytes_max: usize) -> String {
    let text = without_nul(text);
    if text.len() <= bytes_max {
        return text;
    }
    let digest = Sha256::digest(text.as_bytes());
    let mark: String = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let end = (0..=bytes_max - mark.len() - 1).rev().find(|&end| text.is_char_boundary(end));
    format!("{}~{mark}", &text[..end.unwrap_or_default()])
}

/// Postgres takes no NUL in a text.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Nor in a JSONB.
pub(crate) fn json_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(&text)),
        Value::Array(items) => Value::Array(items.into_iter().map(json_without_nul).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (without_nul(&name), json_without_nul(value)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_and_stay_different() {
        let (a, b) = (format!("{}a", "ä".repeat(300)), format!("{}b", "ä".repeat(300)));
        assert!(bounded(&a, NAME_BYTES_MAX).len() <= NAME_BYTES_MAX);
        assert_ne!(bounded(&a, NAME_BYTES_MAX), bounded(&b, NAME_BYTES_MAX));
        assert_eq!(bounded("short", NAME_BYTES_MAX), "short");
    }

    #[test]
    fn no_nul_reaches_the_database() {
        assert_eq!(bounded("a\0b", 10), "a\u{fffd}b");
        let json = serde_json::json!({"a\0": ["\0", 1]});
        assert_eq!(json_without_nul(json), serde_json::json!({"a\u{fffd}": ["\u{fffd}", 1]}));
    }

    #[test]
    fn a_time_beyond_the_calendar_is_cut_to_it() {
        for (given, kept) in [(i64::MIN, 0), (-1, 0), (7, 7), (i64::MAX, LATEST)] {
            assert_eq!(from_sql(to_sql(Timestamp(given))), Timestamp(kept));
        }
    }
}
