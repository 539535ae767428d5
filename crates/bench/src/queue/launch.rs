//! Where the drivers are, and making them ready: the Rust rivals are built, the others installed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::systems::{Program, System};
use crate::cluster::repository;
use crate::figures::say;

/// Everything that can be started, and why the rest cannot.
pub(crate) struct Launcher {
    rust: PathBuf,
    installed: PathBuf,
    missing: BTreeMap<&'static str, String>,
}

impl Launcher {
    /// Builds and installs what the systems need. What fails is kept as the reason why its systems
    /// cannot run.
    pub(crate) fn prepare(systems: &[&'static System]) -> anyhow::Result<Self> {
        let target = target_directory()?.join("rivals");
        let mut launcher = Launcher {
            rust: target.join("release/rivals"),
            installed: repository().join(".athenaeum/rivals"),
            missing: BTreeMap::new(),
        };
        let wants = |wanted: fn(&Program) -> bool| systems.iter().any(|s| wanted(&s.program));
        if wants(|program| *program == Program::Rust) {
            let built = build(&target);
            launcher.note(systems, |program| *program == Program::Rust, built);
        }
        let foreign = |program: &Program| matches!(program, Program::Node(_) | Program::Python(_));
        if wants(foreign) {
            let installed = install();
            launcher.note(systems, foreign, installed);
        }
        Ok(launcher)
    }

    /// How a system's driver is started.
    pub(crate) fn command(&self, system: &System) -> anyhow::Result<tokio::process::Command> {
        let mut command = match system.program {
            Program::Ours => {
                let mut command = tokio::process::Command::new(std::env::current_exe()?);
                command.arg("queue-driver");
                command
            }
            Program::Rust => {
                let mut command = tokio::process::Command::new(&self.rust);
                command.arg(system.name);
                command
            }
            Program::Node(file) => {
                let mut command = tokio::process::Command::new(self.installed.join("bin/node"));
                // The drivers are links beside the modules that they import.
                command.args(["--preserve-symlinks", "--preserve-symlinks-main"]);
                command.arg(self.installed.join("node").join(file));
                command
            }
            Program::Python(file) => {
                let python = self.installed.join("python/bin/python");
                let mut command = tokio::process::Command::new(python);
                command.arg(repository().join("crates/bench/rivals/python").join(file));
                command
            }
        };
        // Their own words would only be mixed with the progress.
        command.env("PYTHONUNBUFFERED", "1").env("NODE_ENV", "production");
        Ok(command)
    }

    /// Why a system cannot be started.
    pub(crate) fn missing(&self, system: &System) -> Option<&str> {
        self.missing.get(system.name).map(String::as_str)
    }

    fn note(
        &mut self,
        systems: &[&'static System],
        concerns: impl Fn(&Program) -> bool,
        outcome: anyhow::Result<()>,
    ) {
        let Err(error) = outcome else { return };
        say(&format!("some rivals are not there: {error:#}"));
        for system in systems.iter().filter(|system| concerns(&system.program)) {
            self.missing.insert(system.name, format!("{error:#}"));
        }
    }
}

/// The Rust rivals are a workspace of their own, so that the product is built without them.
fn build(target: &Path) -> anyhow::Result<()> {
    say("Building the rivals that are written in Rust …");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
        .arg(repository().join("crates/bench/rivals/rust/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .stdout(Stdio::null())
        .status()
        .context("starting cargo")?;
    ensure!(built.success(), "the Rust rivals could not be built");
    Ok(())
}

fn install() -> anyhow::Result<()> {
    let script = repository().join("scripts/rivals");
    let installed = Command::new(script).stdout(Stdio::null()).status();
    let installed = installed.context("starting scripts/rivals")?;
    ensure!(installed.success(), "scripts/rivals could not install the rivals of npm and PyPI");
    Ok(())
}

/// The folder of builds that this very program lies in.
fn target_directory() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    // `target/release/bench`, or `target/debug/deps/bench-…` in a test.
    let named = |name: &str| program.ancestors().find(|folder| folder.ends_with(name));
    let profile = named("release").or_else(|| named("debug"));
    let target = profile.and_then(Path::parent).context("not in a build's folder")?;
    Ok(target.to_owned())
}
