//! `athenaeum-ingest`: brings Slack's events into the database. Configured by the environment
//! alone.

use std::process::ExitCode;

use clap::Parser;
use service::config::IngestConfig;

/// Receives events from Slack, commits them, then acknowledges them. See .env.sample for its
/// variables.
#[derive(Parser)]
#[command(name = "athenaeum-ingest", version)]
struct Arguments {}

#[tokio::main]
async fn main() -> ExitCode {
    service::tls::install();
    let _ = Arguments::parse();
    let config = match IngestConfig::from_env() {
        Ok(config) => config,
        Err(faults) => return faults.report(),
    };
    service::telemetry::init("ingest");
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: IngestConfig) -> anyhow::Result<()> {
    let signals = service::shutdown::on_signals()?;
    ingest::run(config, signals).await?;
    Ok(())
}
