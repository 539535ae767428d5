//! What a tool server wrote to stderr while it started: mostly why it did not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How much is kept, in bytes; the end says most.
const KEPT_BYTES_MAX: usize = 500;

/// How long the last words of a server that failed are waited for.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(1);

/// The words of one server. What it writes once it runs may hold what it was asked, so that is
/// read, lest the pipe fill up, and thrown away.
pub(super) struct LastWords {
    kept: Arc<Mutex<Option<Vec<u8>>>>,
    /// Ends with the pipe, that is with the server.
    listening: Option<JoinHandle<()>>,
}

impl LastWords {
    pub(super) fn of(stderr: Option<ChildStderr>) -> LastWords {
        let kept = Arc::new(Mutex::new(Some(Vec::new())));
        let listening = stderr.map(|stderr| tokio::spawn(listen(stderr, Arc::clone(&kept))));
        LastWords { kept, listening }
    }

    /// The server runs: forgets what it said and keeps nothing more.
    pub(super) fn forget(self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The server failed: `why`, followed by what it said.
    pub(super) async fn after(self, why: &str) -> String {
        if let Some(listening) = self.listening {
            let _ = timeout(LISTEN_TIMEOUT, listening).await;
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let said = String::from_utf8_lossy(&kept.unwrap_or_default()).into_owned();
        let line: Vec<_> = said.split_whitespace().collect();
        match line.is_empty() {
            true => why.to_owned(),
            false => format!("{why}; it said: {}", line.join(" ")),
        }
    }
}

async fn listen(mut stderr: ChildStderr, kept: Arc<Mutex<Option<Vec<u8>>>>) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        if let Some(kept) = kept.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            kept.extend_from_slice(&buffer[..read]);
            let over = kept.len().saturating_sub(KEPT_BYTES_MAX);
            kept.drain(..over);
        }
    }
}
