//! Measures Athenaeum as a whole. Figures depend on the machine: compare within one run.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod cluster;
mod figures;
mod fleet;
mod queue;
mod soak;
mod start;
mod takeover;

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
    /// The engine and its rivals, side by side on one PostgreSQL.
    Queue(queue::Options),
    /// One system's side of a measurement; started by `queue`.
    #[command(hide = true)]
    QueueDriver,
    /// From a worker's start to its first claim.
    Start(start::Options),
    /// How long the jobs of a killed worker wait for another one.
    Takeover(takeover::Options),
    /// The queue under faults of every kind, judged by the independent checker.
    Soak(soak::Options),
    #[command(hide = true)]
    SoakEnqueuer(soak::Part),
    #[command(hide = true)]
    SoakWorker(soak::Part),
}

#[tokio::main]
async fn main() -> ExitCode {
    service::tls::install();
    let measured = match Arguments::parse().what {
        What::Fleet(options) => fleet::run(options).await,
        What::Queue(options) => queue::run(options).await,
        What::QueueDriver => queue::drive().await,
        What::Start(options) => start::run(options).await,
        What::Takeover(options) => takeover::run(options).await,
        What::Soak(options) => soak::run(options).await,
        What::SoakEnqueuer(part) => soak::run_enqueuer(part).await,
        What::SoakWorker(part) => soak::run_worker(part).await,
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            figures::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
