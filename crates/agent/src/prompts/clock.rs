//! The time as the asker's clock shows it, for prompts and for what people are told.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

/// The time in words, in the asker's zone, else in UTC. A time that cannot be read is left as it
/// is: a prompt is no place to fail.
#[must_use]
pub fn local(now_utc: &str, timezone: Option<&str>) -> String {
    let Some(now) = read(now_utc) else { return now_utc.to_owned() };
    let zone: Tz = timezone.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC);
    let local = now.with_timezone(&zone).format("%A, %-d %B %Y, %H:%M");
    format!("{local} ({zone})")
}

fn read(now_utc: &str) -> Option<DateTime<Utc>> {
    let rfc3339 = DateTime::parse_from_rfc3339(now_utc).map(|now| now.with_timezone(&Utc));
    let plain = || {
        let text = now_utc.strip_suffix(" UTC")?;
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").ok().map(|now| now.and_utc())
    };
    rfc3339.ok().or_else(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_askers_clock_is_shown_where_it_is_known() {
        let berlin = Some("Europe/Berlin");
        for (now, timezone, shown) in [
            ("2026-11-21T23:30:00Z", berlin, "Sunday, 22 November 2026, 00:30 (Europe/Berlin)"),
            ("2026-11-21 08:30 UTC", None, "Saturday, 21 November 2026, 08:30 (UTC)"),
            ("2026-11-21 08:30 UTC", Some("Mars/X"), "Saturday, 21 November 2026, 08:30 (UTC)"),
            ("teatime", berlin, "teatime"),
        ] {
            assert_eq!(local(now, timezone), shown);
        }
    }
}
