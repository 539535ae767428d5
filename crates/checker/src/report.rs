//! The verdict on a run, for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::facts::Facts;
use crate::finding::{Finding, Standing};
use crate::input::{Faults, Run};
use crate::refusal::Refusal;
use crate::total::Accounting;

/// The verdict on a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What the harness called the run.
    pub name: String,
    /// Jobs that ended.
    pub ended: u64,
    /// Attempts begun.
    pub attempts: u64,
    /// Faults that fired, by kind.
    pub faults: Vec<(String, u64)>,
    /// Workers' journals whose last line was torn.
    pub torn_journals: u64,
    /// The accounting of a total queue.
    pub accounting: Accounting,
    /// Each invariant's verdict, by number.
    pub findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn new(
        run: &Run,
        faults: &Faults,
        facts: &Facts,
        accounting: Accounting,
        findings: Vec<Finding>,
    ) -> Result<Self, Refusal> {
        if faults.fired() == 0 {
            return Err(Refusal::Empty("no fault fired"));
        }
        if facts.ended() == 0 {
            return Err(Refusal::Empty("no event finished"));
        }
        Ok(Self {
            name: run.name.clone(),
            ended: facts.ended(),
            attempts: facts.claims,
            faults: faults.by_kind(),
            torn_journals: facts.torn_journals,
            accounting,
            findings,
        })
    }

    /// Whether no invariant is violated.
    #[must_use]
    pub fn is_acquitted(&self) -> bool {
        self.findings.iter().all(|finding| finding.violations == 0)
    }

    /// The finding of one invariant.
    #[must_use]
    pub fn finding(&self, number: u8) -> Option<&Finding> {
        self.findings.iter().find(|finding| finding.number == number)
    }

    /// The report as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        let verdict = if self.is_acquitted() { "acquitted" } else { "condemned" };
        serde_json::json!({ "verdict": verdict, "report": self }).to_string()
    }

    /// The report in lines.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let faults: u64 = self.faults.iter().map(|(_, count)| count).sum();
        let kinds: Vec<String> =
            self.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "{}: {} jobs ended in {} attempts; {faults} faults fired ({})",
            self.name,
            self.ended,
            self.attempts,
            kinds.join(", ")
        );
        let _ = writeln!(text, "{}", self.accounting);
        for finding in &self.findings {
            let _ = write!(text, "{:>3}  {}: {}", finding.number, word(finding), finding.name);
            let _ = write!(text, " ({} looked at", finding.checked);
            for (name, count) in &finding.counts {
                let _ = write!(text, ", {name} {count}");
            }
            let _ = writeln!(text, ")");
            for example in &finding.examples {
                let _ = writeln!(text, "       {example}");
            }
        }
        let verdict = if self.is_acquitted() { "acquitted" } else { "CONDEMNED" };
        let _ = write!(text, "{verdict}");
        text
    }
}

fn word(finding: &Finding) -> String {
    match finding.standing() {
        Standing::Held => "held".to_owned(),
        Standing::Violated => format!("VIOLATED {} times", finding.violations),
        Standing::NotExercised => "not exercised".to_owned(),
    }
}
