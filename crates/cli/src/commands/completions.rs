//! `athenaeum completions`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::arguments::Arguments;
use crate::exit::{Exit, Usage};
use crate::output::Output;

pub(crate) fn run(shell: clap_complete::Shell, output: &Output) -> anyhow::Result<Exit> {
    if output.is_json() {
        let why = "a completion script is no JSON: leave --json out".to_owned();
        return Err(Usage(why).into());
    }
    // Into memory first: the generator panics when the reader leaves early.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "athenaeum", &mut script);
    let mut stdout = io::stdout().lock();
    stdout.write_all(&script)?;
    stdout.flush()?;
    Ok(Exit::Done)
}
