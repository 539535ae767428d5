//! The end of a run: what is left is written down, and the independent checker judges it.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::journal::{files, lines};
use super::plan;
use super::stage::{Excuse, Stage};
use crate::cluster::repository;

/// The dump's statements, the checker's own.
const DUMP: &str = include_str!("../../../checker/dump.sql");

/// What a statement says whose table, column or function the schema lacks.
const LACKING: [SqlState; 3] =
    [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_FUNCTION];

/// How often the live jobs are counted while they come to their end.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The folders of a run's journals and dump.
pub(super) const FOLDERS: [&str; 7] =
    ["acks", "workers", "outside", "faults", "samples", "history", "tables"];

/// When the run was quiet, on the database's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) enqueuing_stopped: i64,
    pub(super) faults_stopped: i64,
}

/// The database's clock.
pub(super) async fn database_us(sql: &Client) -> anyhow::Result<i64> {
    let clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    Ok(sql.query_one(clock, &[]).await?.get(0))
}

/// Waits until no job is live.
pub(super) async fn quiet(stage: &Stage, within: Duration) -> anyhow::Result<()> {
    let begun = Instant::now();
    let sql = stage.server.sql_soon().await?;
    loop {
        let live: i64 = sql.query_one("SELECT count(*) FROM jobs", &[]).await?.get(0);
        if live == 0 {
            return Ok(());
        }
        if begun.elapsed() > within {
            crate::figures::say(&format!("{live} jobs are still live after {within:?}"));
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Writes the dump and the run's description; the checker may look afterwards.
pub(super) async fn write_down(
    stage: &Stage,
    moments: Moments,
    within: Duration,
) -> anyhow::Result<()> {
    let sql = stage.server.sql_soon().await?;
    let judged = database_us(&sql).await?;
    for part in DUMP.split("-- file: ").skip(1) {
        let (file, statement) = part.split_once('\n').context("a statement follows its file")?;
        dump(&sql, &stage.run.join(file.trim()), statement).await?;
    }
    let run = json!({
        "format": 1, "name": "soak", "source": plan::SOURCE,
        "lease_us": micros(event::limits::LEASE),
        "backoff_max_us": micros(plan::BACKOFF_MAX),
        "attempts_max": {"*": plan::ATTEMPTS_MAX, "poison": plan::POISON_ATTEMPTS_MAX,
                         event::DeadLetter::KIND: plan::ATTEMPTS_MAX},
        "enqueuing_stopped_db_at": moments.enqueuing_stopped,
        "faults_stopped_db_at": moments.faults_stopped,
        "judged_db_at": judged,
        "ends_within_us": micros(within),
        "held_max": stage.options.slots,
        "files": counted(&stage.run)?,
    });
    let (partial, path) = (stage.run.join("run.json.partial"), stage.run.join("run.json"));
    std::fs::write(&partial, run.to_string())?;
    std::fs::rename(partial, path)?;
    Ok(())
}

async fn dump(sql: &Client, path: &Path, statement: &str) -> anyhow::Result<()> {
    let rows = match sql.query_raw(statement, Vec::<i64>::new()).await {
        Ok(rows) => rows,
        Err(error) if error.code().is_some_and(|code| LACKING.contains(code)) => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("{path:?}")),
    };
    let mut file = BufWriter::new(File::create(path)?);
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        writeln!(file, "{}", row.try_get::<_, String>(0)?)?;
    }
    file.flush()?;
    Ok(())
}

/// The number of whole lines of every file.
fn counted(run: &Path) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut counted = BTreeMap::new();
    for folder in FOLDERS {
        for file in files(&run.join(folder))? {
            let mut lines = 0;
            let (mut reader, mut line) = (BufReader::new(File::open(&file)?), Vec::new());
            while reader.read_until(b'\n', &mut line)? > 0 {
                lines += u64::from(line.ends_with(b"\n"));
                line.clear();
            }
            let name = file.strip_prefix(run)?.to_string_lossy().into_owned();
            counted.insert(name, lines);
        }
    }
    Ok(counted)
}

/// Lets the checker judge the run; what it said, and whether it acquitted.
pub(super) async fn judge(run: &Path) -> anyhow::Result<(bool, String)> {
    let checker = std::env::current_exe()?.with_file_name("checker");
    ensure!(checker.is_file(), "{checker:?} is missing; run `cargo build -p checker`");
    let ran = tokio::process::Command::new(checker).arg(run).stdin(Stdio::null()).output().await?;
    let said = [ran.stdout, ran.stderr].concat();
    Ok((ran.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

/// Attempts that were charged as lost although nothing was done to their worker: the database's own
/// outages are all that is left to blame.
pub(super) async fn charged_to_outages(stage: &Stage) -> anyhow::Result<Vec<i64>> {
    let mut excused: HashMap<i64, Vec<i64>> = HashMap::new();
    for Excuse { pid, at_us } in stage.excuses() {
        for worker in incarnations(&stage.run, pid)? {
            excused.entry(worker).or_default().push(at_us);
        }
    }
    let sql = stage.server.sql_soon().await?;
    let lost = "SELECT event_id, worker_id::bigint,
                       (extract(epoch FROM started_at) * 1000000)::bigint,
                       (extract(epoch FROM ended_at) * 1000000)::bigint
                  FROM attempt_history WHERE outcome = 'lost'";
    let rows = sql.query(lost, &[]).await.context("reading the lost attempts")?;
    let unexcused = rows.iter().filter(|row| {
        let (worker, started, ended): (Option<i64>, i64, i64) =
            (row.get(1), row.get(2), row.get(3));
        let excuses = worker.and_then(|worker| excused.get(&worker));
        // A lease that was ended by hand may have been claimed under a moment before.
        !excuses.is_some_and(|excuses| {
            excuses.iter().any(|at| (started - EXCUSE_SLACK_US..=ended).contains(at))
        })
    });
    Ok(unexcused.map(|row| row.get(0)).collect())
}

/// An excuse is written a moment before what it excuses.
const EXCUSE_SLACK_US: i64 = 5_000_000;

/// The incarnations that a process has been, by its journal.
pub(super) fn incarnations(run: &Path, pid: u32) -> anyhow::Result<Vec<i64>> {
    let mut incarnations = Vec::new();
    for file in files(&run.join("workers"))? {
        if first_pid(&file)? != Some(pid) {
            continue;
        }
        let starts = lines(&file)?.into_iter().filter(|line| line["t"] == "start");
        incarnations.extend(starts.filter_map(|line| line["worker"].as_i64()));
    }
    Ok(incarnations)
}

/// Whose a worker's journal is, by its first line.
fn first_pid(file: &Path) -> anyhow::Result<Option<u32>> {
    let mut line = String::new();
    BufReader::new(File::open(file)?).read_line(&mut line)?;
    let first: Option<Value> = serde_json::from_str(&line).ok();
    Ok(first.and_then(|first| u32::try_from(first["pid"].as_u64()?).ok()))
}

/// Appends the run's line to the ledger.
pub(super) fn enter(ledger: &PathBuf, line: &Value) -> anyhow::Result<()> {
    let mut file = std::fs::OpenOptions::new().append(true).create(true).open(ledger)?;
    writeln!(file, "{line}").with_context(|| format!("{ledger:?}"))
}

/// The commit that was tried, where git knows it.
pub(super) fn commit() -> Option<String> {
    let ran = std::process::Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .current_dir(repository())
        .output()
        .ok()?;
    let id = String::from_utf8(ran.stdout).ok()?.trim().to_owned();
    (!id.is_empty()).then_some(id)
}

/// Fails unless every kind of fault met something.
pub(super) fn all_fired(counts: &BTreeMap<String, u64>) -> anyhow::Result<()> {
    let missing: Vec<&str> = super::faults::REQUIRED
        .iter()
        .copied()
        .filter(|kind| !counts.contains_key(*kind))
        .collect();
    if !missing.is_empty() {
        bail!("these faults never met anything: {}", missing.join(", "));
    }
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
