//! How long a server wants us to wait: `Retry-After` in its several forms (RFC 9110 §10.2.3).

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;

/// The wait when a server asks for one without saying how long, or nonsense.
pub const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);

/// The longest wait that a server may ask for.
pub const RETRY_AFTER_MAX: Duration = event::limits::RATE_LIMIT_WAIT_MAX;

/// Reads `retry-after-ms` (milliseconds) or `retry-after` (seconds or a date).
pub(super) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Duration {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let wait = match (header("retry-after-ms").and_then(number), header("retry-after")) {
        (Some(milliseconds), _) => duration(milliseconds / 1e3),
        (None, Some(text)) => match number(text) {
            Some(seconds) => duration(seconds),
            None => date(text, now),
        },
        (None, None) => None,
    };
    wait.unwrap_or(RETRY_AFTER_DEFAULT).min(RETRY_AFTER_MAX)
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A negative wait is nonsense; one that no `Duration` holds is the longest there is.
fn duration(seconds: f64) -> Option<Duration> {
    (seconds >= 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn date(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    (at.with_timezone(&Utc) - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood_and_bounded() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let date = |seconds: i64| {
            (now + chrono::Duration::seconds(seconds)).format("%a, %d %b %Y %H:%M:%S GMT")
        };
        for (name, value, seconds) in [
            ("retry-after", "30".to_owned(), 30.0),
            ("retry-after", "0".to_owned(), 0.0),
            ("retry-after", "1.5".to_owned(), 1.5),
            ("retry-after-ms", "250".to_owned(), 0.25),
            ("retry-after", date(90).to_string(), 90.0),
            ("retry-after", date(-90).to_string(), RETRY_AFTER_DEFAULT.as_secs_f64()),
            ("retry-after", "-1".to_owned(), RETRY_AFTER_DEFAULT.as_secs_f64()),
            ("retry-after", "soon".to_owned(), RETRY_AFTER_DEFAULT.as_secs_f64()),
            ("retry-after", "NaN".to_owned(), RETRY_AFTER_DEFAULT.as_secs_f64()),
            ("retry-after", "1e300".to_owned(), RETRY_AFTER_MAX.as_secs_f64()),
            ("retry-after", "86400".to_owned(), RETRY_AFTER_MAX.as_secs_f64()),
            ("unrelated", "7".to_owned(), RETRY_AFTER_DEFAULT.as_secs_f64()),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            let wait = retry_after(&headers, now);
            assert_eq!(wait, Duration::from_secs_f64(seconds), "{name}: {value}");
        }
    }
}
