//! What one invariant found.

use serde::Serialize;

/// How many violations are told in words; the rest are counted.
const EXAMPLES_MAX: usize = 5;

/// What came of one invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Looked at, and never violated.
    Held,
    /// Violated at least once.
    Violated,
    /// The run had nothing to look at.
    NotExercised,
}

/// One invariant's verdict, with its counts and first examples.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Its number in the project's list.
    pub number: u8,
    /// What it says.
    pub name: &'static str,
    /// How many things were looked at.
    pub checked: u64,
    /// How many of them violate it.
    pub violations: u64,
    /// The first of these, in words.
    pub examples: Vec<String>,
    /// What else was counted.
    pub counts: Vec<(&'static str, u64)>,
}

impl Finding {
    pub(crate) fn new(number: u8, name: &'static str) -> Self {
        Self { number, name, checked: 0, violations: 0, examples: Vec::new(), counts: Vec::new() }
    }

    /// Something was looked at; `told` says what is wrong when `held` is false.
    pub(crate) fn check(&mut self, held: bool, told: impl FnOnce() -> String) {
        self.checked += 1;
        if !held {
            self.violate(told);
        }
    }

    /// Something is wrong.
    pub(crate) fn violate(&mut self, told: impl FnOnce() -> String) {
        self.violations += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(told());
        }
    }

    /// Adds to what is reported beside the verdict.
    pub(crate) fn count(&mut self, name: &'static str, more: u64) {
        if let Some(entry) = self.counts.iter_mut().find(|(known, _)| *known == name) {
            entry.1 += more;
        } else {
            self.counts.push((name, more));
        }
    }

    /// What came of it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match (self.violations, self.checked) {
            (0, 0) => Standing::NotExercised,
            (0, _) => Standing::Held,
            _ => Standing::Violated,
        }
    }
}
