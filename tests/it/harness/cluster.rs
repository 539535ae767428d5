//! A private PostgreSQL that a test may harm.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{Pid, Signal, kill_process};

/// A cluster of its own, removed with the test.
pub struct Cluster {
    folder: PathBuf,
    environment: Vec<(String, String)>,
    url: String,
    /// The temporary folder, where the cluster is in one.
    home: Option<tempfile::TempDir>,
}

impl Cluster {
    /// A running one as `scripts/postgres` makes it.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A running one whose server was started with these variables.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir_in("/tmp").expect("a folder");
        let folder = home.path().join("cluster");
        let mut cluster = Self::start_in(folder, environment).await;
        cluster.home = Some(home);
        cluster
    }

    /// A running one in a folder that the test made.
    pub async fn start_in(folder: PathBuf, environment: &[(&str, &str)]) -> Self {
        let own = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let environment = environment.iter().map(own).collect();
        let mut cluster = Cluster { folder, environment, url: String::new(), home: None };
        cluster.url = cluster.run("start", &[]).await;
        cluster
    }

    /// A running one with the schema of this version.
    pub async fn migrated() -> Self {
        let cluster = Self::start().await;
        service::migrate::run(&cluster.url).await.expect("it migrates");
        cluster
    }

    /// Its superuser's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it is; its data lie in `data`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Stops it as a crash does.
    pub async fn crash(&self) {
        self.run("stop", &["immediate"]).await;
    }

    /// SIGKILLs its postmaster.
    pub fn kill_postmaster(&self) {
        let file = std::fs::read_to_string(self.folder.join("data/postmaster.pid"));
        let file = file.expect("it runs");
        let pid = file.lines().next().expect("a process id").trim().parse().expect("a number");
        kill_process(Pid::from_raw(pid).expect("not zero"), Signal::KILL).expect("it was there");
    }

    /// Starts it again, on the port that everyone knows, and waits until it answers. What a killed
    /// postmaster leaves behind may make a start fail for a moment.
    pub async fn resume(&self) {
        let port = std::fs::read_to_string(self.folder.join("port")).expect("its port");
        super::until("the database is back", super::SOON * 2, async || {
            self.try_run("start", &[port.trim()]).await?;
            tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.ok().map(drop)
        })
        .await;
    }

    /// Runs `scripts/postgres`, which must succeed.
    pub async fn run(&self, verb: &str, more: &[&str]) -> String {
        self.try_run(verb, more).await.unwrap_or_else(|| panic!("scripts/postgres {verb} failed"))
    }

    async fn try_run(&self, verb: &str, more: &[&str]) -> Option<String> {
        let mut command = tokio::process::Command::from(self.command(verb));
        let ran = command.args(more).output().await.expect("scripts/postgres runs");
        said(ran)
    }

    fn command(&self, verb: &str) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/postgres");
        let mut command = Command::new(script);
        command.arg(verb).arg(&self.folder).envs(self.environment.iter().cloned());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Best effort: a cluster that stays behind harms no other test.
        let _ = self.command("remove").output();
    }
}

fn said(ran: Output) -> Option<String> {
    if !ran.status.success() {
        eprintln!("scripts/postgres: {}", String::from_utf8_lossy(&ran.stderr));
        return None;
    }
    Some(String::from_utf8(ran.stdout).expect("an address").trim().to_owned())
}
