//! The guarded worker as its guard sees it: a process, and the pipe on which it says how it is.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::unix::pipe;

use super::beat::Beat;

/// The option by which a guard tells a worker who guards it.
pub const GUARDED_BY: &str = "--guarded-by";

/// This program, even if its file was replaced or removed since: guard and worker are of one build.
const SELF: &str = "/proc/self/exe";

/// What the guard reads of its worker's words at once; they are short and rare.
const HEARING_BYTES: usize = 512;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// By itself, with this code.
    Code(u8),
    /// By a signal.
    Signal(i32),
}

impl Ended {
    fn read(status: WaitStatus) -> Option<Self> {
        let signal = status.terminating_signal().map(Ended::Signal);
        let code = || status.exit_status().map(|code| Ended::Code(code.try_into().unwrap_or(1)));
        signal.or_else(code)
    }

    /// The exit code by which a shell would tell of it.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Ended::Code(code) => code,
            Ended::Signal(signal) => 128u8.saturating_add(signal.try_into().unwrap_or(127)),
        }
    }
}

/// A running worker.
pub(super) struct Child {
    pub(super) pid: Pid,
    beats: Lines<BufReader<pipe::Receiver>>,
}

impl Child {
    /// Starts this very program as a guarded worker. It gets a process group of its own, so that a
    /// terminal's Ctrl-C reaches the guard alone, which passes it on: once.
    ///
    /// Must be called from the main thread: its end is what the kernel tells the worker of.
    pub(super) fn start() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let (program, name) = (program(), std::env::args_os().next());
        let mut command = Command::new(program);
        command.arg(GUARDED_BY).arg(std::process::id().to_string());
        command.stdin(Stdio::from(writer)).process_group(0);
        if let Some(name) = name {
            command.arg0(name);
        }
        // Its death is found by `reap`, which finds everyone's.
        let id = command.spawn()?.id();
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::Other)?;
        let reader = pipe::Receiver::from_owned_fd(reader.into())?;
        Ok(Child { pid, beats: BufReader::with_capacity(HEARING_BYTES, reader).lines() })
    }

    /// The next thing that it says; `None` when it has closed the pipe. Safe to cancel.
    pub(super) async fn hear(&mut self) -> Option<Beat> {
        loop {
            match self.beats.next_line().await {
                Ok(Some(line)) => match Beat::read(&line) {
                    Some(beat) => return Some(beat),
                    None => tracing::error!("the worker says what this guard does not understand"),
                },
                Ok(None) => return None,
                Err(error) => {
                    tracing::error!(%error, "the worker cannot be heard");
                    return None;
                }
            }
        }
    }

    /// Sends it a signal. It is our child and not yet waited for, so the number is no one else's.
    pub(super) fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process(self.pid, signal) {
            tracing::error!(pid = self.pid.as_raw_pid(), %error, "the worker cannot be signalled");
        }
    }
}

/// Where this program is. The path proper names the process in lists, `/proc/self/exe` would not.
fn program() -> PathBuf {
    match std::env::current_exe() {
        Ok(path) if path.is_file() => path,
        _ => SELF.into(),
    }
}

/// Waits for every child that has ended, and returns how `child` did, if it is among them. The
/// others are orphans: tool servers whose worker died.
pub(super) fn reap(child: Pid) -> Option<Ended> {
    let mut found = None;
    // An error means that there are no children at all.
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        match pid == child {
            true => found = Ended::read(status).or(found),
            false => tracing::debug!(pid = pid.as_raw_pid(), "an orphan has ended"),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_signal_is_told_as_shells_do() {
        assert_eq!(Ended::Signal(9).exit_code(), 137);
        assert_eq!(Ended::Code(2).exit_code(), 2);
    }
}
