//! A private PostgreSQL for one measurement, with the durable settings that a real one has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// A running cluster; removed when dropped.
pub(crate) struct Cluster {
    /// Holds `data/`, `bin`, `port` and `postgres.log`, as `scripts/postgres` lays them out.
    pub(crate) folder: PathBuf,
    /// Its superuser's address.
    pub(crate) url: String,
}

impl Cluster {
    /// Starts one under the temporary folder, with the server's own settings.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::start_with("")
    }

    /// Starts one with further settings, `work_mem=8MB,…`, and none of the caller's own.
    pub(crate) fn start_with(settings: &str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("athenaeum-bench-{}", std::process::id()));
        let url = postgres("start", &folder, settings).context("no private PostgreSQL")?;
        Ok(Cluster { folder, url })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = postgres("remove", &self.folder, "") {
            crate::figures::say(&format!("the cluster in {:?} was left: {error:#}", self.folder));
        }
    }
}

/// The repository that this program was built from.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn postgres(verb: &str, folder: &Path, settings: &str) -> anyhow::Result<String> {
    let script = repository().join("scripts/postgres");
    let mut command = Command::new(script);
    command.arg(verb).arg(folder).env("ATHENAEUM_PG_SETTINGS", settings);
    let ran = command.stderr(Stdio::inherit()).output()?;
    ensure!(ran.status.success(), "scripts/postgres {verb} ended with {}", ran.status);
    Ok(String::from_utf8(ran.stdout)?.trim().to_owned())
}
