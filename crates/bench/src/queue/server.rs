//! The one PostgreSQL that all systems run on, each round in a database of its own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;
use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;

/// What the cluster is started with beyond `scripts/postgres`' own; shown with the result. Durable as
/// by default, with memory for a machine of this size so that no system measures the disk alone.
pub(crate) const SETTINGS: &str = "fsync=on,synchronous_commit=on,full_page_writes=on,\
    shared_buffers=1GB,max_wal_size=8GB,maintenance_work_mem=256MB,checkpoint_timeout=15min";

/// The running server.
pub(crate) struct Server {
    cluster: Cluster,
    databases: AtomicU32,
}

/// Processor time of a process, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CpuTimes {
    /// Its parent.
    pub(crate) parent: u32,
    /// Its own threads'.
    pub(crate) own: f64,
    /// Its ended children's.
    pub(crate) children: f64,
}

impl Server {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Server { cluster: Cluster::start_with(SETTINGS)?, databases: AtomicU32::new(0) })
    }

    /// Makes an empty database; returns its name and address.
    pub(crate) async fn create_database(&self) -> anyhow::Result<(String, String)> {
        let name = format!("bench_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let admin = connect(&self.cluster.url).await?;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        let mut url = reqwest::Url::parse(&self.cluster.url)?;
        url.set_path(&name);
        Ok((name, url.into()))
    }

    pub(crate) async fn drop_database(&self, name: &str) -> anyhow::Result<()> {
        let admin = connect(&self.cluster.url).await?;
        admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
        // What the last round left to write must not disturb the next.
        admin.batch_execute("CHECKPOINT").await?;
        Ok(())
    }

    /// The server's version, `18.1`.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        let admin = connect(&self.cluster.url).await?;
        Ok(admin.query_one("SHOW server_version", &[]).await?.try_get(0)?)
    }

    /// The server's processor time so far, of all its processes, the ended ones included.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let text = std::fs::read_to_string(self.cluster.folder.join("data/postmaster.pid"))?;
        let postmaster: u32 = text.lines().next().context("no postmaster")?.trim().parse()?;
        let mut seconds = 0.0;
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            // Another process may end between the listing and the look.
            let Ok(times) = cpu_seconds_of(pid) else { continue };
            if pid == postmaster {
                seconds += times.own + times.children;
            } else if times.parent == postmaster {
                seconds += times.own;
            }
        }
        Ok(seconds)
    }

    /// The server's log.
    pub(crate) fn log(&self) -> PathBuf {
        self.cluster.folder.join("postgres.log")
    }

    /// The write-ahead log's folder, and the program that reads it.
    pub(crate) fn wal(&self) -> anyhow::Result<(PathBuf, PathBuf)> {
        let bin = std::fs::read_to_string(self.cluster.folder.join("bin"))?;
        let dump = PathBuf::from(bin.trim()).join("pg_waldump");
        Ok((self.cluster.folder.join("data/pg_wal"), dump))
    }
}

/// Connects; the connection ends with the client.
pub(crate) async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // Its errors reach whoever waits for an answer of the client.
    tokio::spawn(connection);
    Ok(client)
}

/// Reads `/proc/PID/stat`.
pub(crate) fn cpu_seconds_of(pid: u32) -> anyhow::Result<CpuTimes> {
    parse_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

/// The clock ticks in a second that Linux shows to programs.
const TICKS_PER_SECOND: f64 = 100.0;

fn parse_stat(stat: &str) -> anyhow::Result<CpuTimes> {
    // The second field is a name in brackets that may hold anything; the fields behind it are plain.
    let (_, rest) = stat.rsplit_once(')').context("no stat")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // In user mode and, in the next field, in the kernel.
    let seconds = |index: usize| -> anyhow::Result<f64> {
        let fields = fields.get(index..index + 2).context("a short stat")?;
        let ticks: f64 = fields[0].parse::<f64>()? + fields[1].parse::<f64>()?;
        Ok(ticks / TICKS_PER_SECOND)
    };
    Ok(CpuTimes {
        parent: fields.get(1).context("a short stat")?.parse()?,
        own: seconds(11)?,
        children: seconds(13)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_the_name() {
        let stat = "77 (a (b) c) S 5 77 77 0 -1 4194560 1 0 0 0 150 50 20 10 20 0 1 0 9";
        let times = parse_stat(stat).expect("a stat");
        assert_eq!(times, CpuTimes { parent: 5, own: 2.0, children: 0.3 });
    }
}
