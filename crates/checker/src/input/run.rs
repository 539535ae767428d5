//! `run.json`, and the files that it names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::lines::{Line, each_line};
use crate::refusal::Refusal;

/// The version of the format that this checker reads.
const FORMAT: u32 = 1;

/// Folders without which nothing can be judged.
const FOLDERS: [&str; 5] = ["acks", "workers", "faults", "history", "tables"];

/// Tables without which nothing can be judged.
const TABLES: [&str; 5] = ["jobs", "outcomes", "deliveries", "events", "attempt_history"];

/// Folders whose writers are killed, perhaps in the middle of a line. What that line would have said
/// counts in nobody's favour: an offer that was not sent yet, an answer that nobody heard.
const MAY_BE_TORN: [&str; 2] = ["acks", "workers"];

/// How much longer than a lease and the longest back-off the last job may take.
const ENDS_GRACE_US: i64 = 30_000_000;

/// A run, as the harness describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    format: u32,
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) lease_us: i64,
    pub(crate) backoff_max_us: i64,
    pub(crate) attempts_max: BTreeMap<String, i32>,
    enqueuing_stopped_db_at: i64,
    faults_stopped_db_at: i64,
    pub(crate) judged_db_at: i64,
    ends_within_us: Option<i64>,
    pub(crate) held_max: Option<u64>,
    #[serde(default)]
    pub(crate) may_rest: Vec<String>,
    files: BTreeMap<String, u64>,
    #[serde(skip)]
    directory: PathBuf,
}

impl Run {
    pub(crate) fn open(directory: &Path) -> Result<Self, Refusal> {
        let path = directory.join("run.json");
        let text =
            fs::read(&path).map_err(|source| Refusal::Unreadable { path: path.clone(), source })?;
        let mut run: Self = serde_json::from_slice(&text).map_err(|source| Refusal::Line {
            path,
            line: 1,
            source,
        })?;
        if run.format != FORMAT {
            return Err(Refusal::Format { expected: FORMAT, found: run.format });
        }
        directory.clone_into(&mut run.directory);
        run.check_places()?;
        Ok(run)
    }

    /// Every file is named, and every name has its file.
    fn check_places(&self) -> Result<(), Refusal> {
        let wrong = |name: &str, why| Refusal::Misplaced { path: self.directory.join(name), why };
        for folder in FOLDERS {
            if self.in_folder(folder).next().is_none() {
                return Err(wrong(folder, "run.json names no file of this folder"));
            }
        }
        for table in TABLES {
            let name = format!("tables/{table}.jsonl");
            if !self.files.contains_key(&name) {
                return Err(wrong(&name, "this table is needed and run.json does not name it"));
            }
        }
        for name in self.files.keys() {
            if !self.directory.join(name).is_file() {
                return Err(wrong(name, "run.json names it and it is not there"));
            }
        }
        for folder in ["acks", "workers", "outside", "faults", "samples", "history", "tables"] {
            let Ok(entries) = fs::read_dir(self.directory.join(folder)) else { continue };
            for entry in entries.flatten() {
                let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
                if !self.files.contains_key(&name) {
                    return Err(wrong(&name, "it is there and run.json does not name it"));
                }
            }
        }
        Ok(())
    }

    fn in_folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a u64)> {
        self.files.iter().filter(move |(name, _)| {
            name.split_once('/').is_some_and(|(parent, _)| parent == folder)
        })
    }

    /// Hands every line of a folder's files to `take`, file by file. Returns how many files were
    /// torn at their ends.
    pub(crate) fn each_in(
        &self,
        folder: &str,
        mut take: impl FnMut(&Line<'_>) -> Result<(), Refusal>,
    ) -> Result<u64, Refusal> {
        let mut torn_files = 0;
        for (name, &expected) in self.in_folder(folder) {
            let path = self.directory.join(name);
            let (found, torn) = each_line(&path, &mut take)?;
            if torn && !MAY_BE_TORN.contains(&folder) {
                return Err(Refusal::Torn { path });
            }
            if found != expected {
                return Err(Refusal::Cut { path, expected, found });
            }
            torn_files += u64::from(torn);
        }
        Ok(torn_files)
    }

    /// Hands every line of one table to `take`; a table that the dump lacks has none.
    pub(crate) fn each_of(
        &self,
        table: &str,
        take: impl FnMut(&Line<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let name = format!("tables/{table}.jsonl");
        let Some(&expected) = self.files.get(&name) else { return Ok(()) };
        let path = self.directory.join(name);
        let (found, torn) = each_line(&path, take)?;
        if torn {
            return Err(Refusal::Torn { path });
        }
        if found != expected {
            return Err(Refusal::Cut { path, expected, found });
        }
        Ok(())
    }

    /// How many attempts a job of this kind has.
    pub(crate) fn attempts_max(&self, kind: &str) -> i32 {
        let fallback = || self.attempts_max.get("*").copied().unwrap_or(i32::MAX);
        self.attempts_max.get(kind).copied().unwrap_or_else(fallback)
    }

    /// The time on the database's clock by which everything has ended.
    pub(crate) fn ends_by(&self) -> i64 {
        let within =
            self.ends_within_us.unwrap_or(self.lease_us + self.backoff_max_us + ENDS_GRACE_US);
        self.enqueuing_stopped_db_at.max(self.faults_stopped_db_at) + within
    }
}
