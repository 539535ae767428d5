//! The worker's end of the pipe to its guard.

use std::fs::File;
use std::io::{self, Write, stdin};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use queue::Incarnation;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::beat::Beat;

/// Tells the guard how things stand; tells nobody when there is none. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Option<Arc<File>>);

impl Heartbeat {
    /// For a worker without a guard.
    #[must_use]
    pub fn unguarded() -> Self {
        Heartbeat(None)
    }

    /// Takes over what the guard left for this process: the pipe, where standard input would be, and
    /// the duty to die with it. Call it first and on the main thread, before any other exists: the
    /// kernel ties a parent's death to the thread that asked.
    ///
    /// # Errors
    /// When the guard is dead already, or this process was not started by one.
    pub fn inherit(guard_pid: i32) -> io::Result<Self> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // Did it die before the kernel knew that we mind?
        if getppid() != Pid::from_raw(guard_pid) {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the guard is gone"));
        }
        let pipe = stdin().as_fd().try_clone_to_owned()?;
        // A guard that reads nothing for hours must not stop its worker.
        rustix::io::ioctl_fionbio(&pipe, true)?;
        // No tool server may inherit the pipe, or its end would no longer mean the worker's.
        rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
        Ok(Heartbeat(Some(Arc::new(File::from(pipe)))))
    }

    /// A line is written whole or not at all. What the guard does not hear it takes for silence, and
    /// if it is dead, so are we.
    fn say(&self, beat: Beat) {
        let Some(pipe) = &self.0 else { return };
        if let Err(error) = (&**pipe).write_all(beat.line().as_bytes()) {
            tracing::warn!(%error, "the guard did not hear us");
        }
    }
}

impl queue::Heartbeat for Heartbeat {
    fn renewed(&self, who: Incarnation, asked_at: Duration) {
        self.say(Beat::Renewed { who, asked_at });
    }

    fn idle(&self) {
        self.say(Beat::Idle);
    }

    fn left(&self) {
        self.say(Beat::Left);
    }
}
