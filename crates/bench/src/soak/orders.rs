//! What a child hears from the conductor: files in the run's directory, and the end of the
//! conductor itself.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// While this file is there, enqueuers offer nothing new.
pub(super) const HOLD_FILE: &str = "hold";

/// When this file is there, workers come to their end.
pub(super) const FINISH_FILE: &str = "finish";

/// When this file is there, enqueuers offer nothing more and come to their end.
pub(super) const ENOUGH_FILE: &str = "enough";

/// How often a child looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Cancelled once `file` is there. A conductor that is gone takes its children along.
pub(super) fn listen(run: &Path, file: &str) -> CancellationToken {
    let (told, file) = (CancellationToken::new(), run.join(file));
    let finish = told.clone();
    std::thread::spawn(move || {
        while !file.exists() {
            std::thread::sleep(LOOK_EVERY);
        }
        finish.cancel();
    });
    std::thread::spawn(|| {
        // The conductor says nothing there; its end is the end of the file.
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        std::process::exit(3);
    });
    told
}
