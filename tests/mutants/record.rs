//! The run directory of a scene.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// The dump's statements, the checker's own.
const DUMP: &str = include_str!("../../crates/checker/dump.sql");

/// How long after the scene's end the last job may end, in microseconds.
const ENDS_WITHIN_US: i64 = 60_000_000;

/// Everybody's journals, by file.
pub struct Record {
    directory: PathBuf,
    files: Mutex<BTreeMap<String, Vec<String>>>,
}

impl Record {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), files: Mutex::default() }
    }

    /// Adds a line to a file, with the time.
    pub fn line(&self, file: &str, mut line: Value) {
        line["at"] = json!(boot_us());
        self.add(file, line.to_string());
    }

    fn add(&self, file: &str, line: String) {
        self.files.lock().unwrap().entry(file.to_owned()).or_default().push(line);
    }

    /// Something was done to the queue.
    pub fn fault(&self, kind: &str) {
        self.line("faults/all.jsonl", json!({"kind": kind, "fired": true}));
    }

    /// Dumps the database, and writes everything down.
    pub async fn close(&self, sql: &Client, stopped_db_at: i64, attempts_max: u32) {
        for part in DUMP.split("-- file: ").skip(1) {
            let (file, statement) = part.split_once('\n').unwrap();
            match sql.query(statement, &[]).await {
                Ok(rows) => {
                    self.files.lock().unwrap().entry(file.trim().to_owned()).or_default();
                    rows.iter().for_each(|row| self.add(file.trim(), row.get(0)));
                }
                // The schema has no such table.
                Err(error) => assert_eq!(error.code(), Some(&SqlState::UNDEFINED_TABLE), "{error}"),
            }
        }
        let mut counts = BTreeMap::new();
        for (file, lines) in self.files.lock().unwrap().iter() {
            let path = self.directory.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>())
                .unwrap();
            counts.insert(file.clone(), lines.len());
        }
        let run = json!({
            "format": 1, "name": "scene", "source": "scene",
            "lease_us": event::limits::LEASE.as_micros(), "backoff_max_us": 0,
            "attempts_max": {"*": attempts_max, event::DeadLetter::KIND: 1000},
            "enqueuing_stopped_db_at": stopped_db_at, "faults_stopped_db_at": stopped_db_at,
            "judged_db_at": stopped_db_at, "ends_within_us": ENDS_WITHIN_US, "files": counts,
        });
        fs::write(self.directory.join("run.json"), run.to_string()).unwrap();
    }
}

fn boot_us() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}
