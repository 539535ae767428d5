//! The journals that the checker reads: one JSON value a line, each written at once, so that a
//! killed process loses no line that it meant to have written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// A file of lines; cheap to clone.
#[derive(Clone)]
pub(super) struct Journal(Arc<File>);

impl Journal {
    /// `folder/name.jsonl` in the run's directory, which must not be there yet.
    pub(super) fn create(run: &Path, folder: &str, name: &str) -> anyhow::Result<Self> {
        let path = run.join(folder).join(format!("{name}.jsonl"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        Ok(Journal(Arc::new(file.with_context(|| format!("{path:?}"))?)))
    }

    /// Adds a line with the time. A journal that cannot be written makes the run worthless, so the
    /// process ends.
    pub(super) fn write(&self, mut line: Value) {
        line["at"] = boot_us().into();
        let line = format!("{line}\n");
        if let Err(error) = self.0.as_ref().write_all(line.as_bytes()) {
            crate::figures::say(&format!("the journal cannot be written: {error}"));
            std::process::abort();
        }
    }
}

/// Microseconds since boot, one clock for all processes of a run. Asked of the kernel directly, so
/// that a faked wall clock does not touch it.
pub(super) fn boot_us() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

/// The files of a folder, in the order of their names.
pub(super) fn files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    Ok(files)
}

/// The whole lines of a journal.
pub(super) fn lines(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(file)?;
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    lines.with_context(|| format!("{file:?}"))
}
