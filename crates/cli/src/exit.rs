//! The exit codes, which scripts rely on.

use std::io;
use std::process::ExitCode;

use service::config::Faults;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It failed.
    Failed = 1,
    /// It was used wrongly, or its configuration is wrong.
    Wrong = 2,
    /// Nothing matched.
    Nothing = 3,
}

/// A use that cannot be what was meant; clap finds the others.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub String);

impl Exit {
    pub fn of(error: &anyhow::Error) -> Self {
        let wrong = error.is::<Usage>() || error.is::<Faults>();
        if wrong { Exit::Wrong } else { Exit::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
