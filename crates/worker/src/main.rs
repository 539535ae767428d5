//! `athenaeum-worker`: answers what ingest stored. Configured by the environment alone.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use service::config::{EXIT_CONFIGURATION, WorkerConfig};
use tokio::runtime::{Builder, Runtime};
use worker::guard::{self, Heartbeat};

/// Claims events, asks the model, replies in Slack. See .env.sample for its variables.
///
/// Two processes: a guard, which restarts the worker when it dies and kills it when it hangs, and
/// the worker itself.
#[derive(Parser)]
#[command(name = "athenaeum-worker", version)]
struct Arguments {
    /// One process, without the guard; for debugging.
    #[arg(long)]
    unguarded: bool,
    /// Be the worker of the guard with this process id; for the guard alone.
    #[arg(long, value_name = "PID", hide = true, conflicts_with = "unguarded")]
    guarded_by: Option<i32>,
    /// Take the text out of a PDF on standard input; for the worker alone.
    #[arg(long, hide = true, exclusive = true)]
    read_pdf: bool,
}

fn main() -> ExitCode {
    let Arguments { unguarded, guarded_by, read_pdf } = Arguments::parse();
    if read_pdf {
        return worker::files::pdf::read();
    }
    let config = match WorkerConfig::from_env() {
        Ok(config) => config,
        Err(faults) => return faults.report(),
    };
    let ended = match guarded_by {
        Some(guard) => Heartbeat::inherit(guard).and_then(|heartbeat| work(config, heartbeat)),
        None if unguarded => work(config, Heartbeat::unguarded()),
        None => guard(&config),
    };
    ended.unwrap_or_else(|error| {
        tracing::error!(%error, "cannot start");
        ExitCode::FAILURE
    })
}

/// The worker itself.
fn work(config: WorkerConfig, heartbeat: Heartbeat) -> io::Result<ExitCode> {
    service::telemetry::init("worker");
    service::tls::install();
    let code = Runtime::new()?.block_on(async {
        let signals = service::shutdown::on_signals()?;
        let worked = worker::run(config, signals, heartbeat).await;
        io::Result::Ok(match worked.map_err(anyhow::Error::from) {
            Ok(()) => ExitCode::SUCCESS,
            // No restart heals what ends a start: someone has to set it right.
            Err(error) => {
                tracing::error!("{error:#}");
                ExitCode::from(EXIT_CONFIGURATION)
            }
        })
    })?;
    Ok(code)
}

/// Its guard, which stays small: one thread, and no connection while the worker lives.
fn guard(config: &WorkerConfig) -> io::Result<ExitCode> {
    let log = service::telemetry::init_aside("guard");
    service::tls::install();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let code = runtime.block_on(guard::run(&config.database))?;
    log.finish();
    Ok(code)
}
