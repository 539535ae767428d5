//! `athenaeum`: the operator's and the developer's command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

mod arguments;
mod commands;
mod exit;
mod moment;
mod output;
mod store;
mod view;

use arguments::Arguments;
use exit::Exit;
use output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    service::tls::install();
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    match commands::run(arguments.command, &output).await {
        Ok(exit) => exit.into(),
        // Whoever read our output has read enough.
        Err(error) if exit::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when stderr is closed; the exit code still speaks.
            let _ = writeln!(io::stderr(), "athenaeum: {error:#}");
            Exit::of(&error).into()
        }
    }
}
