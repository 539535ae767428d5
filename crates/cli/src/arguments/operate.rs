//! What steers the work that is there: replay, cancellation, pauses, deletion.

use std::path::PathBuf;

use clap::Args;
use event::{EventId, Timestamp};
use queue::Scope;

use super::Filter;
use crate::moment;

/// The most events that one command replays or deletes.
const BULK_MAX: i64 = 1_000_000;

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The numbers of the events.
    #[arg(conflicts_with_all = ["state", "kind", "user", "since", "until", "error", "ended_before"])]
    pub ids: Vec<EventId>,
    #[command(flatten)]
    pub filter: Filter,
    /// Whose last job ended before: what an earlier command already replayed is left alone.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    pub ended_before: Option<Timestamp>,
    /// Keep the recorded steps below this one, and go on from there.
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(i32).range(1..))]
    pub from_step: Option<i32>,
    /// Work on this file's bytes instead of those in the log.
    #[arg(long, value_name = "FILE")]
    pub payload: Option<PathBuf>,
    #[command(flatten)]
    pub bulk: Bulk,
}

/// What every command has that may touch many events.
#[derive(Debug, Args)]
pub(crate) struct Bulk {
    /// At most this many of those that match.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=BULK_MAX))]
    pub limit: u32,
    /// At most this many a second, together with everyone else who does the same.
    #[arg(long, value_name = "EVENTS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Say what would be done and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Why, for the audit; needed for more than 20 events.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// The numbers of the events.
    #[arg(required_unless_present_any = ["lane", "kind"], conflicts_with_all = ["lane", "kind"])]
    pub ids: Vec<EventId>,
    /// All jobs of the lane with this name.
    #[arg(long, conflicts_with = "kind")]
    pub lane: Option<String>,
    /// All jobs of this kind.
    #[arg(long)]
    pub kind: Option<String>,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub yes: bool,
}

impl Cancel {
    /// All of a lane or of a kind, if not events by their numbers.
    pub fn scope(&self) -> Option<Scope> {
        let lane = self.lane.clone().map(Scope::Lane);
        lane.or_else(|| self.kind.clone().map(Scope::Kind))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Pause {
    /// Show what is paused.
    #[arg(long, conflicts_with_all = ["fleet", "kind", "lane", "event", "reason"])]
    pub list: bool,
    #[command(flatten)]
    pub target: Target,
    /// Why, for the audit and for whoever wonders.
    #[arg(long, value_name = "TEXT", required_unless_present = "list")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub target: Target,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Hold {
    /// Why, for the audit and for whoever wonders.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Release {
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Incidents {
    /// At most this many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(super::LIMIT_MAX)))]
    pub limit: u32,
}

/// What a pause covers.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct Target {
    /// Everything.
    #[arg(long)]
    pub fleet: bool,
    /// The jobs of this kind.
    #[arg(long)]
    pub kind: Option<String>,
    /// The jobs of the lane with this name, as `athenaeum events show` tells it.
    #[arg(long)]
    pub lane: Option<String>,
    /// The job of this event.
    #[arg(long, value_name = "ID")]
    pub event: Option<EventId>,
}

impl Target {
    pub fn scope(&self) -> Option<Scope> {
        let Target { fleet, kind, lane, event } = self;
        let kind = kind.clone().map(Scope::Kind);
        let lane = lane.clone().map(Scope::Lane);
        fleet.then_some(Scope::Fleet).or(kind).or(lane).or(event.map(Scope::Event))
    }
}

#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// The numbers of the events.
    #[arg(conflicts_with_all = ["state", "kind", "user", "since", "until", "error"])]
    pub ids: Vec<EventId>,
    #[command(flatten)]
    pub filter: Filter,
    /// Call off first those whose job has not ended.
    #[arg(long)]
    pub cancel: bool,
    #[command(flatten)]
    pub bulk: Bulk,
}
