//! What a handler reports of its attempt. It decides nothing: [`crate::settle`] does.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{ERROR_BYTES_MAX, ERROR_CHAIN_MAX};
use crate::wait::Wait;

/// How an attempt ended, as its handler saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The work is done; what came of it, if anything is worth keeping.
    Done(Option<Reply>),
    /// It failed in a way that may heal.
    Failed(ErrorChain),
    /// It failed in a way that no retry heals.
    Refused(ErrorChain),
    /// Someone outside asked for patience; charges no attempt.
    RateLimited {
        /// How long they asked for.
        after: Duration,
        /// Who asked, and in what words.
        error: ErrorChain,
    },
    /// It sleeps without a worker until something comes; charges no attempt.
    Suspended(Wait),
    /// It met work that this version does not know (a step of newer code): it rests for
    /// [`crate::limits::PARKED_RETRY`] and is offered again; charges no attempt.
    Parked(ErrorChain),
    /// The worker gave it back unharmed (a drain); charges no attempt.
    Released,
    /// An operator or the asker called it off while it ran.
    Cancelled,
    /// The holder went silent and its lease ended.
    Lost,
}

impl Outcome {
    /// Its word in the table of attempts, in metrics and in logs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Done(_) => "done",
            Outcome::Failed(_) => "failed",
            Outcome::Refused(_) => "refused",
            Outcome::RateLimited { .. } => "rate_limited",
            Outcome::Suspended(_) => "suspended",
            Outcome::Parked(_) => "parked",
            Outcome::Released => "released",
            Outcome::Cancelled => "cancelled",
            Outcome::Lost => "lost",
        }
    }
}

/// What an event's work produced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The answer as it was given, in Markdown.
    pub text: String,
    /// What the answer rests on, in the order of its citations.
    pub sources: Vec<Source>,
    /// The visible message's id (Slack's `ts`), where there is one.
    pub message: Option<String>,
    /// What the model counted.
    #[serde(default)]
    pub usage: Usage,
}

/// Something that an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Source {
    /// What a person calls it: a file and its heading, say.
    pub label: String,
    /// Where it can be opened, if anywhere.
    pub link: Option<String>,
}

/// Tokens that a model counted, over all turns of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
}

/// An error and its causes, outermost first, each cut to [`ERROR_BYTES_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ErrorChain(pub Vec<String>);

impl ErrorChain {
    /// Walks an error's sources, [`ERROR_CHAIN_MAX`] at most.
    #[must_use]
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let mut chain = Vec::new();
        let mut next = Some(error);
        while let Some(error) = next.filter(|_| chain.len() < ERROR_CHAIN_MAX) {
            chain.push(cut(&error.to_string()));
            next = error.source();
        }
        ErrorChain(chain)
    }

    /// An error with its causes on one line, for logs.
    #[must_use]
    pub fn line(error: &(dyn Error + 'static)) -> String {
        ErrorChain::of(error).to_string()
    }

    /// A chain of one.
    #[must_use]
    pub fn message(text: &str) -> Self {
        ErrorChain(vec![cut(text)])
    }
}

/// On one line, outermost first.
impl fmt::Display for ErrorChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(": "))
    }
}

/// The text's first [`ERROR_BYTES_MAX`] bytes, to a whole character, without NUL (which Postgres
/// refuses in text).
fn cut(text: &str) -> String {
    let end = (0..=ERROR_BYTES_MAX.min(text.len()))
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or_default();
    text[..end].replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::num::ParseIntError);

    #[test]
    fn a_chain_names_the_error_before_its_causes() {
        let error = Outer("x".parse::<i32>().unwrap_err());
        let chain = ErrorChain::of(&error);
        assert_eq!(chain.0, ["outer", "invalid digit found in string"]);
        assert_eq!(chain.to_string(), "outer: invalid digit found in string");
        assert_eq!(ErrorChain::line(&error), chain.to_string());
    }

    #[test]
    fn a_long_error_is_cut_at_a_whole_character() {
        let chain = ErrorChain::message(&"ä".repeat(ERROR_BYTES_MAX));
        assert_eq!(chain.0[0].len(), ERROR_BYTES_MAX);
        let odd = ErrorChain::message(&format!("x{}", "ä".repeat(ERROR_BYTES_MAX)));
        assert_eq!(odd.0[0].len(), ERROR_BYTES_MAX - 1);
    }

    #[test]
    fn a_nul_never_reaches_the_database() {
        assert_eq!(ErrorChain::message("a\0b").0, ["a\u{fffd}b"]);
    }
}
