//! `athenaeum-mcp`: Athenaeum's tool servers, for any client of the Model Context Protocol.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use mcp::DocsServer;
use rmcp::ServiceExt as _;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// What is logged unless `RUST_LOG` says otherwise.
const FILTER_DEFAULT: &str = "info";

/// Tool servers that speak the Model Context Protocol over stdin and stdout.
///
/// Logs go to stderr; RUST_LOG sets what is logged. Exit codes: 0 when the client hung up, 1 on
/// failure, 2 on wrong use.
#[derive(Debug, Parser)]
#[command(name = "athenaeum-mcp", version)]
struct Arguments {
    #[command(subcommand)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum Server {
    /// Searches the Markdown files under some directories by keywords (tool: search_docs).
    Docs {
        /// A directory to search, with all below it except hidden ones, target and node_modules.
        #[arg(long = "root", value_name = "DIR", required = true)]
        roots: Vec<PathBuf>,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Server::Docs { roots } = Arguments::parse().server;
    log();
    let server = DocsServer::open(&roots).unwrap_or_else(|error| {
        let error = format!("--root {error}; give --root a directory that exists");
        Arguments::command().error(ErrorKind::InvalidValue, error).exit()
    });
    let service = server.serve(rmcp::transport::stdio()).await;
    let service = service.context("the client did not start the protocol on stdin")?;
    service.waiting().await.context("the server broke off")?;
    Ok(())
}

fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| FILTER_DEFAULT.into());
    // Whatever RUST_LOG asks for: below this, the protocol's own crate logs queries and texts.
    let cap =
        Targets::new().with_default(LevelFilter::TRACE).with_target("rmcp", LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(cap).with(filter).with(lines).init();
}
