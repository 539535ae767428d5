//! What a dead worker leaves behind: tool servers, which may still act on its behalf.

use rustix::process::{Pid, Signal, getpid, kill_process, kill_process_group, set_child_subreaper};

/// Makes the worker's descendants ours when it dies, so that somebody ends them and waits for them.
pub(super) fn adopt() {
    // PID 1 adopts everyone already.
    if getpid() == Pid::INIT {
        return;
    }
    if let Err(error) = set_child_subreaper(Some(getpid())) {
        tracing::warn!(%error, "tool servers of a dead worker will outlive it");
    }
}

/// Ends all our children and what they started, at a moment when no worker lives: a well-made tool
/// server ends with its worker's pipes, but one that works or hangs may not.
pub(super) fn end() {
    let Some(orphans) = children() else {
        tracing::debug!("this kernel lists no children; orphans end by themselves");
        return;
    };
    for orphan in orphans {
        // A tool server leads a process group. Either may be gone already.
        let ended = kill_process_group(orphan, Signal::KILL).is_ok()
            || kill_process(orphan, Signal::KILL).is_ok();
        if ended {
            tracing::info!(pid = orphan.as_raw_pid(), "ended what the dead worker left behind");
        }
    }
}

/// Our children, the unreaped among them; `None` where the kernel does not list them.
fn children() -> Option<Vec<Pid>> {
    let id = getpid().as_raw_pid();
    let listed = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
    Some(listed.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)).collect())
}
