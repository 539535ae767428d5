//! One file of JSON lines.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::Deserialize;

use crate::refusal::Refusal;

/// Read in blocks of this many bytes.
const BUFFER_BYTES: usize = 1 << 20;

/// Where in the run directory a line stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) path: &'a Path,
    pub(crate) line: u64,
}

impl Place<'_> {
    /// The refusal of a line that means nothing.
    pub(crate) fn refuse(&self, expected: impl Into<String>) -> Refusal {
        Refusal::Meaning { path: self.path.to_owned(), line: self.line, expected: expected.into() }
    }

    fn parse<'b, T: Deserialize<'b>>(&self, text: &'b [u8]) -> Result<T, Refusal> {
        serde_json::from_slice(text).map_err(|source| Refusal::Line {
            path: self.path.to_owned(),
            line: self.line,
            source,
        })
    }
}

/// A line that is not parsed yet.
pub(crate) struct Line<'a> {
    pub(crate) place: Place<'a>,
    text: &'a [u8],
}

impl<'a> Line<'a> {
    pub(crate) fn parse<T: Deserialize<'a>>(&self) -> Result<T, Refusal> {
        self.place.parse(self.text)
    }
}

/// Hands every complete line of a file to `take`. Returns their number, and whether a torn one
/// follows.
pub(crate) fn each_line(
    path: &Path,
    mut take: impl FnMut(&Line<'_>) -> Result<(), Refusal>,
) -> Result<(u64, bool), Refusal> {
    let unreadable = |source| Refusal::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
    let mut text = Vec::new();
    let mut line = 0;
    loop {
        text.clear();
        let read = reader.read_until(b'\n', &mut text).map_err(unreadable)?;
        if read == 0 {
            return Ok((line, false));
        }
        if text.pop() != Some(b'\n') {
            return Ok((line, true));
        }
        line += 1;
        take(&Line { place: Place { path, line }, text: &text })?;
    }
}
