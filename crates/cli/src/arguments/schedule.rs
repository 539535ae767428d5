//! Events to come.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use event::{Priority, Timestamp};

use crate::moment;

#[derive(Debug, Subcommand)]
pub(crate) enum Schedule {
    /// Show the schedules.
    List,
    /// Keep a schedule.
    Add(Add),
    /// Forget a schedule; the events that it made stay.
    Remove {
        /// Its name.
        name: String,
        /// Why, for the audit.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Fire a schedule now, besides its own times.
    Run {
        /// Its name.
        name: String,
        /// Why, for the audit.
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    /// Its name.
    pub name: String,
    /// When it fires: minute, hour, day of month, month, day of week, as in "0 9 * * MON-FRI".
    #[arg(long, value_name = "LINE", required_unless_present = "at", conflicts_with = "at")]
    pub cron: Option<String>,
    /// The time zone of the cron line, as in Europe/Berlin.
    #[arg(long, value_name = "ZONE", default_value = "UTC", conflicts_with = "at")]
    pub zone: String,
    /// Fire once: 2h, 7d from now, or 2026-11-21T08:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = moment::parse_ahead)]
    pub at: Option<Timestamp>,
    /// Ask this question, as `athenaeum ask` does.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["kind", "payload"])]
    pub ask: Option<String>,
    /// The kind of its events.
    #[arg(long, required_unless_present = "ask")]
    pub kind: Option<String>,
    /// The file with its events' bytes; none when not given.
    #[arg(long, value_name = "FILE")]
    pub payload: Option<PathBuf>,
    /// Whose its events are.
    #[arg(long, default_value = "cli")]
    pub tenant: String,
    /// What its events stay in order with.
    #[arg(long, value_name = "NAME")]
    pub lane: Option<String>,
    /// Which go first.
    #[arg(long, value_enum, default_value_t = Rank::Normal)]
    pub priority: Rank,
    /// Take the place of one of the same name.
    #[arg(long)]
    pub replace: bool,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A priority, as it is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Rank {
    /// What someone waits for and what costs next to nothing.
    Urgent,
    /// Answers to people.
    Normal,
    /// What nobody waits for.
    Chore,
}

impl From<Rank> for Priority {
    fn from(rank: Rank) -> Self {
        match rank {
            Rank::Urgent => Priority::Urgent,
            Rank::Normal => Priority::Normal,
            Rank::Chore => Priority::Chore,
        }
    }
}
