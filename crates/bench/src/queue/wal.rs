//! What was written to the write-ahead log, record by record, full-page images aside.

use std::collections::{HashMap, HashSet};
use std::process::Stdio;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio_postgres::Client;

use super::server::Server;

/// Bytes and rows of one stretch of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// All records.
    pub(crate) bytes: u64,
    /// Those of the chosen tables and their indexes, and those of no table, such as commits.
    pub(crate) bytes_chosen: u64,
    /// Rows inserted, updated, deleted or locked in tables that are not the server's own.
    pub(crate) rows: u64,
}

/// The end of the log, all of it on disk.
pub(crate) async fn position(client: &Client) -> anyhow::Result<String> {
    let row = client.query_one("SELECT pg_current_wal_flush_lsn()::text", &[]).await?;
    Ok(row.try_get(0)?)
}

/// The tables of a database by the file that holds them or one of their indexes.
pub(crate) async fn tables_by_file(client: &Client) -> anyhow::Result<HashMap<u32, String>> {
    let query = "SELECT pg_relation_filenode(one.oid)::bigint, owner.relname::text
        FROM pg_class one
        LEFT JOIN pg_index i ON i.indexrelid = one.oid
        LEFT JOIN pg_class toasted ON toasted.reltoastrelid = coalesce(i.indrelid, one.oid)
        JOIN pg_class owner ON owner.oid = coalesce(toasted.oid, i.indrelid, one.oid)
        WHERE pg_relation_filenode(one.oid) IS NOT NULL
          AND owner.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)";
    let rows = client.query(query, &[]).await?;
    let row = |row: &tokio_postgres::Row| -> anyhow::Result<(u32, String)> {
        Ok((u32::try_from(row.try_get::<_, i64>(0)?)?, row.try_get(1)?))
    };
    rows.iter().map(row).collect()
}

/// Reads the log between two positions. `prefixes` choose tables by how their names begin; none
/// choose all.
pub(crate) async fn written(
    server: &Server,
    (from, to): (&str, &str),
    tables: &HashMap<u32, String>,
    prefixes: &[&str],
) -> anyhow::Result<Written> {
    let (folder, program) = server.wal()?;
    let mut dump = Command::new(program)
        .arg("--path")
        .arg(folder)
        .args(["--start", from, "--end", to])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .context("starting pg_waldump")?;
    let mut lines = BufReader::new(dump.stdout.take().context("no pipe")?).lines();
    let chosen: HashSet<u32> = tables
        .iter()
        .filter(|(_, name)| {
            prefixes.is_empty() || prefixes.iter().any(|prefix| name.starts_with(prefix))
        })
        .map(|(file, _)| *file)
        .collect();
    let mut written = Written::default();
    while let Some(line) = lines.next_line().await? {
        if let Some(record) = parse(&line) {
            written.add(&record, tables, &chosen);
        }
    }
    let status = dump.wait().await?;
    ensure!(status.success(), "pg_waldump ended with {status}");
    Ok(written)
}

#[derive(Debug, PartialEq)]
struct Record<'a> {
    manager: &'a str,
    /// Without full-page images.
    bytes: u64,
    /// `INSERT`, `HOT_UPDATE`, `MULTI_INSERT`…
    what: &'a str,
    /// Rows of a MULTI_INSERT.
    tuples: u64,
    /// The file of the first block, if it has one.
    file: Option<u32>,
}

impl Written {
    fn add(&mut self, record: &Record<'_>, tables: &HashMap<u32, String>, chosen: &HashSet<u32>) {
        self.bytes += record.bytes;
        if record.file.is_none_or(|file| chosen.contains(&file)) {
            self.bytes_chosen += record.bytes;
        }
        let ours = record.file.is_some_and(|file| tables.contains_key(&file));
        let row = matches!(record.manager, "Heap" | "Heap2")
            && ["INSERT", "UPDATE", "HOT_UPDATE", "DELETE", "LOCK", "MULTI_INSERT", "LOCK_UPDATED"]
                .iter()
                .any(|what| record.what.trim_end_matches("+INIT") == *what);
        if ours && row {
            self.rows += record.tuples;
        }
    }
}

/// `rmgr: Heap len (rec/tot): 54/ 8246, tx: 7, lsn: …, prev …, desc: INSERT off: 1, …,
/// blkref #0: rel 1663/5/16384 blk 0 FPW`.
fn parse(line: &str) -> Option<Record<'_>> {
    let manager = line.strip_prefix("rmgr:")?.split_whitespace().next()?;
    let (_, rest) = line.split_once("len (rec/tot):")?;
    let bytes = rest.trim_start().split('/').next()?.trim().parse().ok()?;
    let (_, rest) = line.split_once("desc: ")?;
    let what = rest.split([' ', ',']).next()?;
    let tuples = rest.split_once("ntuples: ").and_then(|(_, rest)| {
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
    });
    let file = line
        .split_once("blkref #0: rel ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.rsplit('/').next()?.parse().ok());
    Some(Record { manager, bytes, what, tuples: tuples.unwrap_or(1), file })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSERT: &str = "rmgr: Heap        len (rec/tot):     54/  8246, tx:        731, lsn: \
        0/01D0F0A8, prev 0/01D0F070, desc: INSERT off: 1, flags: 0x08, blkref #0: rel \
        1663/5/16384 blk 0 FPW";
    const COMMIT: &str = "rmgr: Transaction len (rec/tot):     34/    34, tx:        731, lsn: \
        0/01D11118, prev 0/01D110D8, desc: COMMIT 2026-11-21 11:00:00.000000 UTC";

    #[test]
    fn full_page_images_do_not_count_and_commits_count_everywhere() {
        let tables = HashMap::from([(16384, "deliveries".to_owned())]);
        let chosen = HashSet::new();
        let mut written = Written::default();
        for line in [INSERT, COMMIT, "no record"] {
            if let Some(record) = parse(line) {
                written.add(&record, &tables, &chosen);
            }
        }
        assert_eq!(written, Written { bytes: 88, bytes_chosen: 34, rows: 1 });
    }
}
