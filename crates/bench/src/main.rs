//! Measures Athenaeum as a whole. Figures depend on the machine: compare within one run.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod cluster;
mod figures;
mod fleet;

#[derive(Parser)]
#[command(name = "bench", version, about)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Mentions through ingest, workers, the local Slack and the offline model.
    Fleet(fleet::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    service::tls::install();
    let measured = match Arguments::parse().what {
        What::Fleet(options) => fleet::run(options).await,
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            figures::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
