//! Reads variables one by one and collects what is wrong with all of them.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use super::variables::Variable;

/// The exit code of a process whose configuration is wrong.
pub const EXIT_CONFIGURATION: u8 = 2;

/// How much of a wrong value is shown, in characters.
const FOUND_CHARS_MAX: usize = 80;

/// Something wrong with one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub variable: &'static str,
    /// What would have been right.
    pub expected: String,
    /// What stood there; never the value of a secret.
    pub found: String,
    /// What to do.
    pub advice: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { variable, expected, found, advice } = self;
        write!(f, "{variable}: expected {expected}, found {found}; {advice}")
    }
}

/// Everything wrong with a process's configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(
            f,
            "the configuration has {count} {}:",
            if count == 1 { "fault" } else { "faults" }
        )?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl Faults {
    /// Writes them to stderr for a person, and returns [`EXIT_CONFIGURATION`].
    #[must_use]
    pub fn report(&self) -> ExitCode {
        // Nobody is left to tell when stderr is closed; the exit code still speaks.
        let _ = writeln!(io::stderr(), "{self}");
        ExitCode::from(EXIT_CONFIGURATION)
    }
}

/// Why a value does not parse.
pub(super) struct Mismatch {
    /// What would have been right.
    pub expected: String,
    /// What stood there, where quoting the value would show a secret or say too little.
    pub found: Option<String>,
}

impl Mismatch {
    pub fn expected(text: impl Into<String>) -> Self {
        Mismatch { expected: text.into(), found: None }
    }
}

/// Where values come from: the environment, or a test's table.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Reads variables and keeps the faults.
pub(super) struct Reader<'a> {
    lookup: Lookup<'a>,
    pub faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    pub fn new(lookup: Lookup<'a>) -> Self {
        Reader { lookup, faults: Vec::new() }
    }

    /// The value as it stands, trimmed. Empty means unset: Compose passes unset variables so.
    pub fn text(&self, variable: &Variable) -> Option<String> {
        let text = (self.lookup)(variable.name)?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The value, or `None` when it is unset or faulty.
    pub fn optional<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl Fn(&str) -> Result<T, Mismatch>,
    ) -> Option<T> {
        let text = self.text(variable)?;
        self.parsed(variable, &text, parse)
    }

    /// The value, or a fault when it is unset.
    pub fn required<T>(
        &mut self,
        variable: &'static Variable,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Mismatch>,
    ) -> Option<T> {
        match self.text(variable) {
            Some(text) => self.parsed(variable, &text, parse),
            None => {
                self.fault(variable, expected.to_owned(), "nothing".to_owned());
                None
            }
        }
    }

    /// The value, or the variable's default.
    pub fn or_default<T>(
        &mut self,
        variable: &'static Variable,
        parse: impl Fn(&str) -> Result<T, Mismatch>,
    ) -> Option<T> {
        let text = self.text(variable).unwrap_or_else(|| variable.default.unwrap_or("").to_owned());
        self.parsed(variable, &text, parse)
    }

    pub fn fault(&mut self, variable: &'static Variable, expected: String, found: String) {
        let fault = Fault { variable: variable.name, expected, found, advice: variable.advice };
        self.faults.push(fault);
    }

    fn parsed<T>(
        &mut self,
        variable: &'static Variable,
        text: &str,
        parse: impl Fn(&str) -> Result<T, Mismatch>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(Mismatch { expected, found }) => {
                let found = found.unwrap_or_else(|| shown(variable, text));
                self.fault(variable, expected, found);
                None
            }
        }
    }
}

/// A wrong value as a person may see it.
fn shown(variable: &Variable, text: &str) -> String {
    let chars = text.chars().count();
    if variable.secret {
        return format!("{chars} other characters");
    }
    let head: String = text.chars().take(FOUND_CHARS_MAX).collect();
    let tail = if chars > FOUND_CHARS_MAX { "…" } else { "" };
    format!("{head:?}{tail}")
}
