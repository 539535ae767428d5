//! How a process is asked to end: gently first, then at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two stages of an end. `run` functions take these as arguments; tests make their own.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Take nothing new, finish what runs, then leave.
    pub soft: CancellationToken,
    /// Leave now: cancel what runs and give it back.
    pub hard: CancellationToken,
}

/// Listens for SIGTERM and SIGINT from now on: the first cancels `soft`, the second `hard`.
///
/// # Errors
/// When the signal handlers cannot be installed.
pub fn on_signals() -> io::Result<Signals> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let signals = Signals::default();
    let stages = signals.clone();
    // The task ends with the process: a signal may come at any moment until then.
    tokio::spawn(async move {
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::info!(signal = name, "draining: a second signal ends it at once");
        stages.soft.cancel();
        let name = either(&mut terminate, &mut interrupt).await;
        tracing::warn!(signal = name, "ending at once");
        stages.hard.cancel();
    });
    Ok(signals)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
