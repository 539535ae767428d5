//! What was measured, gathered over the rounds and shown.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::percentile;

/// One value of one round.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measure {
    /// What was measured, its size in the name: `burn_down_50k`.
    pub(crate) case: String,
    /// In what unit.
    pub(crate) unit: &'static str,
    /// How much.
    pub(crate) value: f64,
}

impl Measure {
    pub(crate) fn new(case: impl Into<String>, unit: &'static str, value: f64) -> Self {
        Measure { case: case.into(), unit, value }
    }
}

/// One line of the result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Line {
    /// The rounds' values.
    Figure {
        /// What was measured.
        case: String,
        /// Whose it is; `athenaeum` for ours.
        system: &'static str,
        /// The middle round's value.
        median: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// In what unit.
        unit: &'static str,
    },
    /// Why there are none; never a zero.
    Unavailable {
        /// What was to be measured.
        case: String,
        /// Whose it would be.
        system: &'static str,
        /// Why not.
        unavailable: String,
    },
}

/// All rounds of one case, in the order in which figures first came.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    order: Vec<(String, &'static str)>,
    values: BTreeMap<(String, &'static str), (&'static str, Vec<f64>)>,
    failed: BTreeMap<&'static str, String>,
}

impl Rounds {
    /// Keeps one round's values.
    pub(crate) fn add(&mut self, system: &'static str, measures: Vec<Measure>) {
        for Measure { case, unit, value } in measures {
            let key = (case, system);
            if !self.values.contains_key(&key) {
                self.order.push(key.clone());
            }
            self.values.entry(key).or_insert((unit, Vec::new())).1.push(value);
        }
    }

    /// Keeps why a system cannot run this case; it is not asked again.
    pub(crate) fn fail(&mut self, system: &'static str, why: String) {
        self.failed.insert(system, why);
    }

    /// Whether the system failed before.
    pub(crate) fn failed(&self, system: &str) -> bool {
        self.failed.contains_key(system)
    }

    /// The lines, case by case; `names` are those that the case promises.
    pub(crate) fn lines(&self, names: &[String]) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for key in &self.order {
            let Some((unit, values)) = self.values.get(key) else { continue };
            // A system that failed in a later round has no honest figure.
            if self.failed(key.1) {
                continue;
            }
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            lines.push(Line::Figure {
                case: key.0.clone(),
                system: key.1,
                median: middle(&sorted),
                min: percentile(&sorted, 0.0),
                max: percentile(&sorted, 100.0),
                unit,
            });
        }
        for (system, why) in &self.failed {
            lines.extend(names.iter().map(|case| Line::Unavailable {
                case: case.clone(),
                system,
                unavailable: why.clone(),
            }));
        }
        let place = |line: &Line| {
            let case = line.case();
            names.iter().position(|name| name == case).unwrap_or(names.len())
        };
        lines.sort_by_key(place);
        lines
    }
}

impl Line {
    fn case(&self) -> &str {
        match self {
            Line::Figure { case, .. } | Line::Unavailable { case, .. } => case,
        }
    }
}

/// The median of sorted values: of an even number, the mean of the two in the middle.
pub(crate) fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

/// Prints lines on stdout, one JSON object each.
#[expect(clippy::print_stdout, reason = "figures are this program's result")]
pub(crate) fn print_json(lines: &[Line]) -> anyhow::Result<()> {
    for line in lines {
        println!("{}", serde_json::to_string(line)?);
    }
    Ok(())
}

/// Prints a table on stdout.
#[expect(clippy::print_stdout, reason = "figures are this program's result")]
pub(crate) fn print_table(lines: &[Line]) {
    println!("{:<34} {:<18} {:>12} {:>12} {:>12}  unit", "case", "system", "median", "min", "max");
    for line in lines {
        match line {
            Line::Figure { case, system, median, min, max, unit } => {
                let [median, min, max] = [*median, *min, *max].map(shown);
                println!("{case:<34} {system:<18} {median:>12} {min:>12} {max:>12}  {unit}");
            }
            Line::Unavailable { case, system, unavailable } => {
                println!("{case:<34} {system:<18} unavailable: {unavailable}");
            }
        }
    }
}

/// Three digits that count, whole numbers from a hundred on.
fn shown(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(values: &[f64]) -> Rounds {
        let mut rounds = Rounds::default();
        for value in values {
            rounds.add("athenaeum", vec![Measure::new("burn_down", "jobs/s", *value)]);
        }
        rounds
    }

    #[test]
    fn a_figure_is_the_median_with_its_spread() {
        let names = ["burn_down".to_owned()];
        let lines = rounds(&[3.0, 1.0, 2.0]).lines(&names);
        let json = serde_json::to_value(&lines[0]).expect("JSON");
        let expected = serde_json::json!({
            "case": "burn_down", "system": "athenaeum", "median": 2.0, "min": 1.0, "max": 3.0,
            "unit": "jobs/s"
        });
        assert_eq!(json, expected);
        assert_eq!(middle(&[1.0, 2.0]), 1.5);
        assert!(middle(&[]).is_nan());
    }

    #[test]
    fn what_cannot_run_says_so_and_shows_no_figure() {
        let names = ["burn_down".to_owned(), "burn_down_left".to_owned()];
        let mut rounds = rounds(&[3.0]);
        rounds.fail("athenaeum", "it did not finish".to_owned());
        let lines = rounds.lines(&names);
        assert_eq!(lines.len(), 2, "each promised name is answered: {lines:?}");
        let json = serde_json::to_value(&lines[0]).expect("JSON");
        let expected = serde_json::json!({
            "case": "burn_down", "system": "athenaeum", "unavailable": "it did not finish"
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn figures_keep_three_digits() {
        assert_eq!(shown(52_345.6), "52346");
        assert_eq!(shown(12.34), "12.3");
        assert_eq!(shown(0.2944), "0.294");
    }
}
