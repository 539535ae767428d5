//! What can be written on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use event::EventId;

mod filter;
mod operate;
mod schedule;

pub(crate) use filter::Filter;
pub(crate) use operate::{Bulk, Cancel, Hold, Incidents, Pause, Purge, Release, Replay, Resume};
pub(crate) use schedule::{Add, Schedule};

/// The most events that one command lists.
pub(crate) const LIMIT_MAX: u32 = 1_000;

/// Ask, watch, steer and check Athenaeum.
///
/// Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 nothing matched.
#[derive(Debug, Parser)]
#[command(name = "athenaeum", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// Print the result as one JSON object, alone on stdout.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring the database's schema up to date.
    Migrate,
    /// Run all of it here: a local Slack, a model, ingest and two workers.
    Demo(Demo),
    /// Run only the local Slack and the offline model.
    Sim(Sim),
    /// Ask a question and wait for the answer; needs a running worker.
    Ask(Ask),
    /// List events, or show one.
    #[command(subcommand)]
    Events(Events),
    /// Run ended events again, as a new generation.
    Replay(Replay),
    /// Call events off: those that wait end at once, those that run are asked to stop.
    Cancel(Cancel),
    /// Keep work from starting: everything, a kind, a lane or an event.
    Pause(Pause),
    /// Let paused work start again.
    Resume(Resume),
    /// Let nothing start and nothing be posted, as after a restore of the database.
    Hold(Hold),
    /// End a hold: the database is what it should be.
    Release(Release),
    /// List what went wrong outside, newest first.
    Incidents(Incidents),
    /// Events to come, once or by a cron line.
    #[command(subcommand)]
    Schedule(Schedule),
    /// Delete events that have ended, with all that is known of them.
    Purge(Purge),
    /// The queue in figures.
    Stats,
    /// Check the database, Slack, the model and the tool servers, and say how to mend them.
    Doctor,
    /// Ask a local process whether it is healthy, as a container's health check does.
    Health(Health),
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Ask this one question, print the reply and its sources, and stop everything.
    #[arg(long, value_name = "TEXT")]
    pub ask: Option<String>,
    /// The port of the local Slack's page; a free one when not given.
    #[arg(long)]
    pub port: Option<u16>,
    /// Keep the local Slack's channels and messages in this file; the last one given counts.
    #[arg(long, value_name = "FILE", overrides_with = "data")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Sim {
    /// Where the local Slack listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub slack_addr: SocketAddr,
    /// Where the offline model listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    pub model_addr: SocketAddr,
    /// Keep the local Slack's channels and messages in this file.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The question.
    pub text: String,
    /// How long to wait for the answer, such as 90s or 5m.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// List the newest events that match.
    List {
        #[command(flatten)]
        filter: Filter,
        /// At most this many.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LIMIT_MAX)))]
        limit: u32,
    },
    /// Show all that is known of one event.
    Show {
        /// Its number.
        id: EventId,
        /// Show the bytes as they came, too.
        #[arg(long)]
        raw: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Health {
    /// Its ATHENAEUM_HEALTH_ADDR, HOST:PORT.
    pub address: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    let expected = || "expected a time such as 90s or 5m".to_owned();
    let (count, seconds) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((count, "s")) => (count, 1),
        Some((count, "m")) => (count, 60),
        Some((count, "h")) => (count, 3_600),
        _ => return Err(expected()),
    };
    let count: u32 = count.parse().map_err(|_| expected())?;
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_time_to_wait_has_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        for text in ["", "5", "m", "-5s", "5ä", "fünf"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
