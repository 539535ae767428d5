//! Figures and how they are shown: a table for people, one JSON object a line for programs.

use serde::Serialize;

/// One measured case over several rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured, `mention_to_ack_p95_ms`.
    case: String,
    /// Whose it is; `athenaeum` for ours.
    system: &'static str,
    median: f64,
    min: f64,
    max: f64,
    unit: &'static str,
}

impl Figure {
    /// From the rounds' values, one or more.
    pub(crate) fn over(case: &str, unit: &'static str, rounds: &[f64]) -> Self {
        let mut sorted = rounds.to_vec();
        sorted.sort_by(f64::total_cmp);
        let case = case.to_owned();
        let (min, max) = (percentile(&sorted, 0.0), percentile(&sorted, 100.0));
        Figure { case, system: "athenaeum", median: percentile(&sorted, 50.0), min, max, unit }
    }
}

/// The nearest-rank percentile of sorted values; NaN of none.
pub(crate) fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank lies between zero and the number of values"
    )]
    let rank = (percent / 100.0 * last as f64).round() as usize;
    sorted[rank.min(last)]
}

/// Prints the figures on stdout.
#[expect(clippy::print_stdout, reason = "figures are this program's result")]
pub(crate) fn print(figures: &[Figure], json: bool) -> anyhow::Result<()> {
    if json {
        for figure in figures {
            println!("{}", serde_json::to_string(figure)?);
        }
        return Ok(());
    }
    println!("{:<34} {:>10} {:>10} {:>10}  unit", "case", "median", "min", "max");
    for Figure { case, median, min, max, unit, .. } in figures {
        println!("{case:<34} {median:>10.1} {min:>10.1} {max:>10.1}  {unit}");
    }
    Ok(())
}

/// Tells the person who waits.
#[expect(clippy::print_stderr, reason = "progress is for people")]
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<f64> = (1..=101).map(f64::from).collect();
        assert_eq!(percentile(&sorted, 50.0), 51.0);
        assert_eq!(percentile(&sorted, 99.0), 100.0);
        assert_eq!(percentile(&sorted, 100.0), 101.0);
        assert!(percentile(&[], 50.0).is_nan());
    }
}
