//! Why a run is not judged.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a run cannot be judged. Never a verdict: exit status 2.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A file or folder cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is not what the format says.
    #[error("{path}, line {line}: not as the format says")]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A line is well-formed and means nothing.
    #[error("{path}, line {line}: {expected}")]
    Meaning {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: u64,
        /// What was expected there.
        expected: String,
    },
    /// A file ends in the middle of a line.
    #[error(
        "{path} is torn: its last line has no end; only those who may be killed may leave one so"
    )]
    Torn {
        /// The file.
        path: PathBuf,
    },
    /// A file has other lines than the harness counted.
    #[error("{path} should have {expected} lines and has {found}: it was cut or written to later")]
    Cut {
        /// The file.
        path: PathBuf,
        /// By `run.json`.
        expected: u64,
        /// By counting.
        found: u64,
    },
    /// A file is there that the harness does not know of, or the reverse.
    #[error("{path}: {why}")]
    Misplaced {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// `run.json` is of another version of the format.
    #[error("run.json is of format {found}; this checker reads format {expected}")]
    Format {
        /// What this checker reads.
        expected: u32,
        /// What is there.
        found: u32,
    },
    /// Nothing was tried.
    #[error("the run proves nothing: {0}")]
    Empty(&'static str),
}

impl Refusal {
    /// The refusal and its causes on one line.
    #[must_use]
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// The refusal as one JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::json!({ "verdict": "not judged", "why": self.with_causes() }).to_string()
    }
}
