//! The text of a PDF, taken out by a process of its own: a hostile file can neither crash nor stall
//! the worker, nor read its secrets.

use std::io::{Read as _, Write as _};
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The argument by which this program is told to read one.
pub const ARGUMENT: &str = "--read-pdf";

/// PDFs that one worker reads at once.
const AT_ONCE_MAX: usize = 2;

/// How long one may take.
const TIME_MAX: Duration = Duration::from_secs(20);

/// How much memory one may take, in bytes.
const MEMORY_BYTES_MAX: u64 = 1 << 30;

/// How much text is kept of one, in bytes.
const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;

static ROOM: Semaphore = Semaphore::const_new(AT_ONCE_MAX);

/// Why a PDF could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// The process could not be started or talked to.
    #[error("cannot start a process that reads a PDF")]
    Process(#[from] std::io::Error),
    /// It took too long.
    #[error("expected a PDF that is read within {} s", TIME_MAX.as_secs())]
    Late,
    /// It is none, is encrypted, or is broken.
    #[error("expected a readable PDF, found one that ended its reader: {status}")]
    Broken {
        /// How the process ended.
        status: std::process::ExitStatus,
    },
}

/// Takes the text out of a PDF, in a process of its own.
pub(super) async fn text_of(content: Vec<u8>) -> Result<String, PdfError> {
    // The semaphore is never closed.
    let _room = ROOM.acquire().await;
    let mut child = Command::new(std::env::current_exe()?)
        .arg(ARGUMENT)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdin = child.stdin.take();
    let feeding = async move {
        if let Some(mut stdin) = stdin {
            // A process that gave up early says so by its end.
            let _ = stdin.write_all(&content).await;
        }
    };
    let reading = async { tokio::join!(feeding, child.wait_with_output()).1 };
    let output = timeout(TIME_MAX, reading).await.map_err(|_| PdfError::Late)??;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).replace('\0', "\u{fffd}")),
        false => Err(PdfError::Broken { status: output.status }),
    }
}

/// The process: a PDF on standard input, its text on standard output.
#[must_use]
pub fn read() -> ExitCode {
    match bounded_read() {
        Some(()) => ExitCode::SUCCESS,
        None => ExitCode::FAILURE,
    }
}

fn bounded_read() -> Option<()> {
    let bound = |most| Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::As, bound(MEMORY_BYTES_MAX)).ok()?;
    setrlimit(Resource::Cpu, bound(TIME_MAX.as_secs())).ok()?;
    setrlimit(Resource::Nofile, bound(16)).ok()?;
    let mut content = Vec::new();
    std::io::stdin().read_to_end(&mut content).ok()?;
    let text = pdf_extract::extract_text_from_mem(&content).ok()?;
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    std::io::stdout().write_all(&text.as_bytes()[..end]).ok()
}
