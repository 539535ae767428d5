//! `checker RUN_DIR [--json]`: acquits (0), condemns (1) or refuses to judge (2).

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Judges a run of the queue. Exit status: 0 acquitted, 1 condemned, 2 not judged.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The run directory; crates/checker/README.md says what it holds.
    run_dir: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (text, status) = match checker::judge(&arguments.run_dir) {
        Ok(report) => {
            let text = if arguments.json { report.json() } else { report.text() };
            (text, if report.is_acquitted() { 0 } else { 1 })
        }
        Err(refusal) if arguments.json => (refusal.json(), 2),
        Err(refusal) => (format!("not judged: {}", refusal.with_causes()), 2),
    };
    // A closed pipe does not change the verdict.
    let _ = writeln!(std::io::stdout(), "{text}");
    ExitCode::from(status)
}
