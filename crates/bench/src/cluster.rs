//! A private PostgreSQL for one measurement, with the durable settings that a real one has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// A running cluster; removed when dropped.
pub(crate) struct Cluster {
    folder: PathBuf,
    /// Its superuser's address.
    pub(crate) url: String,
}

impl Cluster {
    /// Starts one under the temporary folder.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("athenaeum-bench-{}", std::process::id()));
        let url = postgres("start", &folder).context("no private PostgreSQL")?;
        Ok(Cluster { folder, url })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = postgres("remove", &self.folder) {
            crate::figures::say(&format!("the cluster in {:?} was left: {error:#}", self.folder));
        }
    }
}

/// The repository that this program was built from.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn postgres(verb: &str, folder: &Path) -> anyhow::Result<String> {
    let script = repository().join("scripts/postgres");
    let ran = Command::new(script).arg(verb).arg(folder).stderr(Stdio::inherit()).output()?;
    ensure!(ran.status.success(), "scripts/postgres {verb} ended with {}", ran.status);
    Ok(String::from_utf8(ran.stdout)?.trim().to_owned())
}
