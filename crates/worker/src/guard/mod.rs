//! The guard: the parent process of a worker, small and without a lease, which kills the worker when
//! that is silent for too long, reports its death, and starts it again.
//!
//! A worker that hangs or is stopped cannot be trusted to notice that its lease has ended: between
//! its own check and its next message to Slack it may stand still for minutes. So the guard kills it
//! while the lease still stands: renewed every [`event::limits::LEASE_RENEWAL`], killed after
//! [`event::limits::LEASE_KILL`], given to others after [`event::limits::LEASE`]. A worker that is
//! cut off from the database drops what it does after [`event::limits::LEASE_FENCE`] and says so;
//! it is healthy and lives on.
//!
//! As the reaper of its descendants (PID 1 in a container, a subreaper elsewhere) it ends the tool
//! servers that a dead worker leaves behind, and waits for whatever became its child.
//!
//! **Invariant:** the guard waits for nobody, neither its worker, nor the database, nor the reader of
//! its log, while a worker is to be watched.

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use queue::{Incarnation, boot_clock};
use rustix::process::Signal as ProcessSignal;
use service::config::{DatabaseConfig, EXIT_CONFIGURATION};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::TaskTracker;

mod beat;
mod child;
mod heartbeat;
mod orphans;
mod report;
mod restarts;
mod watch;

pub use child::GUARDED_BY;
pub use heartbeat::Heartbeat;

use child::{Child, Ended, reap};
use restarts::Restarts;
use watch::Watch;

/// How often the guard compares its worker's last renewal with the boot clock. The timers of the
/// runtime stand still while the machine is suspended, so one long sleep would not do.
const LOOK: Duration = Duration::from_millis(500);

/// How long a dead worker's last words may take from the pipe.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// How long a guard that ends still tries to report a death.
const REPORTS_GRACE: Duration = Duration::from_secs(5);

/// Guards workers, one after another, until one ends as told or cannot be helped by a restart.
/// Must be called from the main thread.
///
/// # Errors
/// When signals cannot be received.
pub async fn run(database: &DatabaseConfig) -> io::Result<ExitCode> {
    let mut signals = Signals::listen()?;
    orphans::adopt();
    let (mut restarts, reports) = (Restarts::default(), TaskTracker::new());
    let code = loop {
        let begun = boot_clock();
        let life = live(&mut signals).await;
        let lived = boot_clock().saturating_sub(begun);
        orphans::end();
        if let Some(who) = life.unreported {
            reports.spawn(report::report(database.clone(), who));
        }
        if let Some(code) = life.verdict() {
            break code;
        }
        let pause = restarts.pause(lived, rand::random());
        let (lived_s, pause_ms) = (lived.as_secs(), millis(pause));
        tracing::error!(ended = life.end(), lived_s, pause_ms, "the worker died; restarting it");
        tokio::select! {
            () = sleep(pause) => {}
            _ = signals.stop.next() => break 0,
        }
    };
    reports.close();
    if timeout(REPORTS_GRACE, reports.wait()).await.is_err() {
        tracing::warn!("ending with a death unreported; its jobs wait for the lease's end");
    }
    Ok(ExitCode::from(code))
}

/// For a field of a log line, which takes no wider number.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What became of one worker.
struct Life {
    /// `None` when it could not be started.
    ended: Option<Ended>,
    /// Whether it had been told to end.
    told: bool,
    /// The incarnation that did not sign off.
    unreported: Option<Incarnation>,
}

impl Life {
    /// The guard's own exit code, unless a restart may help.
    fn verdict(&self) -> Option<u8> {
        match self.ended {
            Some(ended) if self.told => Some(ended.exit_code()),
            Some(Ended::Code(code)) if code == 0 || code == EXIT_CONFIGURATION => Some(code),
            Some(Ended::Code(_) | Ended::Signal(_)) | None => None,
        }
    }

    fn end(&self) -> String {
        match self.ended {
            Some(Ended::Code(code)) => format!("exit code {code}"),
            Some(Ended::Signal(number)) => format!("signal {number}"),
            None => "not started".to_owned(),
        }
    }
}

/// One worker, from its start to its end.
async fn live(signals: &mut Signals) -> Life {
    let mut life = Life { ended: None, told: false, unreported: None };
    let mut child = match Child::start() {
        Ok(child) => child,
        Err(error) => {
            tracing::error!(%error, "the worker cannot be started");
            return life;
        }
    };
    let (mut watch, mut hears, mut killed) = (Watch::default(), true, false);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    life.ended = loop {
        tokio::select! {
            beat = child.hear(), if hears => match beat {
                Some(beat) => watch.hear(beat),
                None => hears = false,
            },
            signal = signals.stop.next() => {
                life.told = true;
                child.signal(signal);
            }
            _ = signals.child.recv() => if let Some(ended) = reap(child.pid) {
                break Some(ended);
            },
            _ = look.tick(), if !killed => if let Some(silent) = watch.overdue(boot_clock()) {
                child.signal(ProcessSignal::KILL);
                killed = true;
                let (worker, silent_s) = (watch.who.map(|who| who.id), silent.as_secs());
                tracing::error!(worker, silent_s, "the worker is silent; killed it");
            },
        }
    };
    while let Ok(Some(beat)) = timeout(LAST_WORDS, child.hear()).await {
        watch.hear(beat);
    }
    Life { unreported: watch.who, ..life }
}

/// The signals that concern a guard.
struct Signals {
    stop: Stops,
    /// A child may have ended.
    child: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        let stop = Stops { terminate, interrupt };
        Ok(Signals { stop, child: signal(SignalKind::child())? })
    }
}

/// Somebody wants an end.
struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    /// Waits for the next signal to pass on. Safe to cancel.
    async fn next(&mut self) -> ProcessSignal {
        tokio::select! {
            _ = self.terminate.recv() => ProcessSignal::TERM,
            _ = self.interrupt.recv() => ProcessSignal::INT,
        }
    }
}
