//! One process of a demo, which never outlives it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context;
use tokio::process::{Child as Process, Command};

/// How long a child may take to end after SIGTERM before it is killed; longer than its drain.
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// A running `athenaeum-ingest` or `athenaeum-worker`.
pub(super) struct Child {
    pub name: &'static str,
    pub health: SocketAddr,
    process: Process,
}

impl Child {
    /// Starts one. It writes to our stderr, gets no Ctrl-C of the terminal's (we pass on one
    /// SIGTERM instead) and is told to end when we die, however that happens.
    ///
    /// Must be called from the main thread: the kernel ties the last to the thread that forks.
    pub fn start(
        binaries: &Path,
        name: &'static str,
        health: SocketAddr,
        set: &[(&str, String)],
        unset: &[&str],
    ) -> anyhow::Result<Self> {
        let path = binaries.join(name);
        let mut command = Command::new(&path);
        command.stdin(std::process::Stdio::null()).stdout(std::io::stderr());
        command.process_group(0).kill_on_drop(true);
        command.envs(set.iter().map(|(name, value)| (name, value)));
        command.env("ATHENAEUM_HEALTH_ADDR", health.to_string());
        for name in unset {
            command.env_remove(name);
        }
        end_with_parent(&mut command);
        let process = command.spawn().with_context(|| {
            format!("cannot start {}: build it with `cargo build --bins`", path.display())
        })?;
        Ok(Child { name, health, process })
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Asks it to drain.
    pub fn terminate(&self) {
        let Some(pid) = self.process.id().and_then(|pid| i32::try_from(pid).ok()) else { return };
        // SAFETY: kill(2) touches no memory of ours. The process is our child and not yet reaped
        // (`id` is `None` afterwards), so the number cannot be another's.
        #[expect(unsafe_code, reason = "tokio can only kill, and a worker must drain")]
        unsafe {
            libc::kill(pid, libc::SIGTERM);
        }
    }

    /// Waits for its end; kills it when that takes too long. Returns whether it ended by itself.
    pub async fn join(&mut self) -> bool {
        if tokio::time::timeout(END_TIMEOUT, self.process.wait()).await.is_ok() {
            return true;
        }
        self.kill().await;
        false
    }

    pub async fn kill(&mut self) {
        // It can only fail because the process is gone, which is what we want.
        let _ = self.process.kill().await;
    }
}

#[cfg(target_os = "linux")]
fn end_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let ask_kernel = move || {
        // SAFETY: prctl(2) and getppid(2) are async-signal-safe and touch no memory.
        #[expect(unsafe_code, reason = "no safe wrapper without another dependency")]
        let parent_now = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            libc::getppid()
        };
        // Did the parent die before the kernel knew that we mind?
        match u32::try_from(parent_now) == Ok(parent) {
            true => Ok(()),
            false => Err(std::io::ErrorKind::NotConnected.into()),
        }
    };
    // SAFETY: the closure only makes the two calls above between fork and exec and allocates
    // nothing.
    #[expect(unsafe_code, reason = "the standard library's way to set a child's attributes")]
    unsafe {
        command.pre_exec(ask_kernel);
    }
}

/// Elsewhere the kernel offers nothing like it; scripts/demo ends the process group.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}
