//! One module per command.

use crate::arguments::{Command, Events};
use crate::exit::Exit;
use crate::output::Output;

mod ask;
mod bulk;
mod cancel;
mod completions;
mod demo;
mod doctor;
mod events;
mod health;
mod hold;
mod migrate;
mod pause;
mod purge;
mod replay;
mod schedule;
mod sim;
mod stats;

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<Exit> {
    // People read notes, not logs; whoever wants both asks for them.
    if std::env::var_os("RUST_LOG").is_some_and(|value| !value.is_empty()) {
        service::telemetry::init("athenaeum");
    }
    match command {
        Command::Migrate => migrate::run(output).await,
        Command::Demo(demo) => demo::run(demo, output).await,
        Command::Sim(sim) => sim::run(sim, output).await,
        Command::Ask(ask) => ask::run(ask, output).await,
        Command::Events(Events::List { filter, limit }) => {
            events::list(&filter, limit, output).await
        }
        Command::Events(Events::Show { id, raw }) => events::show(id, raw, output).await,
        Command::Replay(replay) => replay::run(replay, output).await,
        Command::Cancel(cancel) => cancel::run(cancel, output).await,
        Command::Pause(pause) => pause::run(pause, output).await,
        Command::Resume(resume) => pause::resume(resume, output).await,
        Command::Hold(hold) => hold::run(hold, output).await,
        Command::Release(release) => hold::release(release, output).await,
        Command::Incidents(incidents) => hold::incidents(incidents, output).await,
        Command::Schedule(schedule) => schedule::run(schedule, output).await,
        Command::Purge(purge) => purge::run(purge, output).await,
        Command::Stats => stats::run(output).await,
        Command::Doctor => doctor::run(output).await,
        Command::Health(health) => health::run(health, output).await,
        Command::Completions { shell } => completions::run(shell, output),
    }
}
