//! Cron lines on the calendar: pure, the time is given.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::CronParser;
use event::Timestamp;

use super::ScheduleError;

/// The years that a cron line may name and in which a run may lie. The upper end is croner's.
pub(super) const YEARS: RangeInclusive<i32> = 1970..=4999;

/// The longest that a cron line may be, in bytes.
const LINE_BYTES_MAX: usize = 500;

/// A cron line in its time zone.
#[derive(Debug)]
pub(super) struct Calendar {
    cron: Cron,
    zone: Tz,
}

impl Calendar {
    /// Reads five fields (minute first), six (second first), seven (and the year), or a nickname
    /// such as `@daily`.
    pub(super) fn read(line: &str, zone: &str) -> Result<Self, ScheduleError> {
        let zone = read_zone(zone)?;
        let refused = |found: String| ScheduleError::Cron { line: head(line), found };
        if line.len() > LINE_BYTES_MAX {
            return Err(refused(format!("it measures {} bytes", line.len())));
        }
        check_years(line)?;
        let cron = CronParser::new().parse(line).map_err(|error| refused(error.to_string()))?;
        Ok(Calendar { cron, zone })
    }

    /// The first run after a moment; `None` when there is none before the year 5000.
    pub(super) fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let run = self.cron.find_next_occurrence(&self.local(at)?, false).ok()?;
        let run = stamp(&run);
        // Whatever a zone's rules do to the clock, time moves on.
        (run > at).then_some(run)
    }

    /// The last run after `since` and up to `now`.
    pub(super) fn latest(&self, since: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let run = self.cron.find_previous_occurrence(&self.local(now)?, true).ok()?;
        let run = stamp(&run);
        (since < run && run <= now).then_some(run)
    }

    fn local(&self, at: Timestamp) -> Option<DateTime<Tz>> {
        DateTime::from_timestamp_micros(at.0).map(|at| at.with_timezone(&self.zone))
    }
}

fn stamp(run: &DateTime<Tz>) -> Timestamp {
    Timestamp(run.with_timezone(&Utc).timestamp_micros())
}

/// The zone of a name; a wrong one is answered with the one that may have been meant.
pub(super) fn read_zone(name: &str) -> Result<Tz, ScheduleError> {
    name.parse().map_err(|_| {
        let meant = name.trim().to_lowercase().replace(' ', "_");
        let close = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).find(|known| {
            let known = known.to_lowercase();
            known == meant || known.rsplit('/').next() == Some(meant.as_str())
        });
        ScheduleError::Zone { zone: head(name), close }
    })
}

/// Croner's own words for a year beyond its range name a bit set; ours name the year.
fn check_years(line: &str) -> Result<(), ScheduleError> {
    let Some(field) = line.split_whitespace().nth(6) else { return Ok(()) };
    // What follows a slash is a step, not a year.
    let years = field.split(',').filter_map(|part| part.split('/').next());
    let odd = years.flat_map(|part| part.split('-')).find(|year| {
        let digits = !year.is_empty() && year.bytes().all(|byte| byte.is_ascii_digit());
        digits && !year.parse().is_ok_and(|year| YEARS.contains(&year))
    });
    match odd {
        Some(year) => Err(ScheduleError::Year { year: head(year) }),
        None => Ok(()),
    }
}

/// As much of a wrong text as an error needs.
fn head(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
    }

    fn runs(line: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let calendar = Calendar::read(line, zone).unwrap();
        let mut moment = at(from);
        let mut runs = Vec::new();
        while runs.len() < count {
            let Some(next) = calendar.after(moment) else { break };
            moment = next;
            runs.push(DateTime::from_timestamp_micros(next.0).unwrap().to_rfc3339());
        }
        runs
    }

    #[test]
    fn a_line_is_read_in_its_own_zone() {
        let berlin = runs("0 9 * * MON-FRI", "Europe/Berlin", "2026-11-20T09:00:00Z", 2);
        assert_eq!(berlin, ["2026-11-23T08:00:00+00:00", "2026-11-24T08:00:00+00:00"]);
        let utc = runs("@daily", "UTC", "2026-11-20T09:00:00Z", 1);
        assert_eq!(utc, ["2026-11-21T00:00:00+00:00"]);
        let seconds = runs("*/20 * * * * *", "UTC", "2026-11-20T09:00:00Z", 1);
        assert_eq!(seconds, ["2026-11-20T09:00:20+00:00"]);
    }

    /// Clocks in Berlin skip 2:00 to 3:00 on 2027-03-28 and repeat it on 2027-10-31.
    #[test]
    fn a_daily_run_comes_once_on_the_days_when_the_clocks_change() {
        let spring = runs("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", 2);
        assert_eq!(spring, ["2027-03-28T01:00:00+00:00", "2027-03-29T00:30:00+00:00"]);
        let autumn = runs("30 2 * * *", "Europe/Berlin", "2027-10-30T12:00:00Z", 2);
        assert_eq!(autumn, ["2027-10-31T00:30:00+00:00", "2027-11-01T01:30:00+00:00"]);
    }

    #[test]
    fn of_all_that_was_missed_the_latest_run_is_found_and_nothing_older() {
        let calendar = Calendar::read("0 * * * *", "Asia/Kolkata").unwrap();
        let now = at("2026-11-21T10:45:00Z");
        assert_eq!(
            calendar.latest(at("2026-01-01T00:00:00Z"), now),
            Some(at("2026-11-21T10:30:00Z"))
        );
        assert_eq!(calendar.latest(at("2026-11-21T10:30:00Z"), now), None);
        assert_eq!(calendar.latest(now, now), None);
        let sharp = at("2026-11-21T10:30:00Z");
        assert_eq!(calendar.latest(at("2026-11-21T10:29:59Z"), sharp), Some(sharp));
    }

    #[test]
    fn looking_back_finds_the_runs_that_looking_ahead_finds() {
        for (line, zone) in [
            ("30 2 * * *", "Europe/Berlin"),
            ("*/15 * * * *", "Europe/Berlin"),
            ("0 */2 * * *", "America/Sao_Paulo"),
            ("15 1,2,3 * * *", "America/New_York"),
            ("0 0 * * *", "Australia/Lord_Howe"),
        ] {
            let calendar = Calendar::read(line, zone).unwrap();
            let mut run = calendar.after(at("2027-03-01T00:00:00Z")).unwrap();
            for _ in 0..400 {
                let next = calendar.after(run).unwrap();
                let just_before = Timestamp(next.0 - 1);
                assert_eq!(
                    calendar.latest(Timestamp(run.0 - 1), just_before),
                    Some(run),
                    "{line} {zone}"
                );
                run = next;
            }
        }
    }

    #[test]
    fn a_line_that_never_fires_has_no_next_run() {
        for line in ["0 0 30 2 *", "0 0 0 1 1 * 2020", "0 0 31 4,6,9,11 *"] {
            let calendar = Calendar::read(line, "Europe/Berlin").unwrap();
            assert_eq!(calendar.after(at("2026-11-21T00:00:00Z")), None, "{line}");
        }
        let leap = runs("0 0 29 2 *", "UTC", "2026-11-21T00:00:00Z", 1);
        assert_eq!(leap, ["2028-02-29T00:00:00+00:00"]);
    }

    #[test]
    fn a_wrong_line_zone_or_year_is_told_apart() {
        for line in ["", "soon", "60 * * * *", "* * * *", "* * * * * * * *", "0 0 1 13 *", "@never"]
        {
            let error = Calendar::read(line, "UTC").unwrap_err();
            assert!(matches!(error, ScheduleError::Cron { .. }), "{line:?}: {error}");
        }
        let long = "1,".repeat(LINE_BYTES_MAX);
        assert!(matches!(Calendar::read(&long, "UTC"), Err(ScheduleError::Cron { .. })));
        for years in ["294276", "2027-294276", "1969", "99999999999999999999", "2027,5000"] {
            let error = Calendar::read(&format!("0 0 0 1 1 * {years}"), "UTC").unwrap_err();
            assert!(matches!(error, ScheduleError::Year { .. }), "{years}: {error}");
        }
        assert!(Calendar::read("0 0 0 1 1 * 2027/500", "UTC").is_err(), "a step needs a range");
        let error = Calendar::read("@daily", "europe/berlin").unwrap_err();
        assert!(matches!(error, ScheduleError::Zone { close: Some("Europe/Berlin"), .. }));
        let error = Calendar::read("@daily", "New York").unwrap_err();
        assert!(matches!(error, ScheduleError::Zone { close: Some("America/New_York"), .. }));
        let error = Calendar::read("@daily", "Middle Earth").unwrap_err();
        assert!(error.to_string().contains("Europe/Berlin"), "{error}");
    }
}
