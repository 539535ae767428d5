//! `athenaeum-worker`: answers what ingest stored. Configured by the environment alone.

use std::process::ExitCode;

use clap::Parser;
use service::config::WorkerConfig;

/// Claims events, asks the model, replies in Slack. See .env.sample for its variables.
#[derive(Parser)]
#[command(name = "athenaeum-worker", version)]
struct Arguments {}

#[tokio::main]
async fn main() -> ExitCode {
    service::tls::install();
    let _ = Arguments::parse();
    let config = match WorkerConfig::from_env() {
        Ok(config) => config,
        Err(faults) => return faults.report(),
    };
    service::telemetry::init("worker");
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: WorkerConfig) -> anyhow::Result<()> {
    let signals = service::shutdown::on_signals()?;
    worker::run(config, signals).await?;
    Ok(())
}
