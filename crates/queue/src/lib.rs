#![doc = include_str!("../README.md")]

mod body;
mod children;
mod claim;
mod commit;
mod connect;
mod death;
mod effects;
mod error;
mod exchange;
mod expire;
mod families;
mod feedback;
mod finish;
mod handover;
mod held;
mod incidents;
mod lanes;
mod lease;
mod limits;
mod maintain;
mod marks;
#[cfg(feature = "mutants")]
pub mod mutants;
#[cfg(not(feature = "mutants"))]
mod mutants;
mod notify;
mod operator;
mod options;
mod pace;
mod pool;
mod quotas;
mod reap;
mod remembered;
mod runner;
mod schedules;
mod server;
mod settle;
mod signals;
mod sources;
mod statements;
#[cfg(feature = "stepping")]
pub mod stepping;
#[cfg(not(feature = "stepping"))]
mod stepping;
mod steps;
mod suspend;
mod tend;
mod tls;
mod transaction;
mod wakeups;
mod wire;

pub use body::{EventBody, EventHead};
pub use children::{FanIn, Needed, Rest};
pub use claim::Claim;
pub use commit::{Committed, Committer, Disposition};
pub use effects::{Effect, EffectIntent, Intent};
pub use error::{DatabaseError, QueueError};
pub use event::{JobState, TerminalState};
pub use exchange::{Exchange, Finished};
pub use families::{ChildResult, Family};
pub use feedback::Feedback;
pub use incidents::{Incident, RecentEffect};
pub use lease::Incarnation;
pub use limits::{Limit, LimitError, Reserved, Taken};
pub use operator::{
    AttemptRecord, CancelReport, Conservation, EndedCounts, EventDetail, EventFilter, EventState,
    EventSummary, HOLD_INCIDENT, HoldRecord, Horizon, KindCount, Lineage, LiveCounts, LiveJob,
    OutcomeRecord, PAUSES_MAX, PauseError, PauseRecord, PurgeOptions, PurgeReport, Refusal,
    ReplayOptions, ReplayReport, Scope, Selection, Standing, StandingRecord, Stats, WorkerStats,
};
pub use options::Options;
pub use quotas::{Used, Window};
pub use reap::PolicyOf;
pub use runner::{
    BATCH_MAX, Handler, Heartbeat, POLL_MAX, Report, Runner, RunnerOptions, SLOTS_MAX, Stop, Why,
    boot_clock,
};
pub use schedules::{NewSchedule, SCHEDULES_MAX, Schedule, ScheduleError, When};
pub use server::{ServerFacts, StorageMode};
pub use signals::{Signal, Signalled};
pub use sources::Gap;
pub use steps::{NewStep, Recorded, Step, StepCost, StepState, parked_unless_known};
pub use wakeups::Hints;

use std::fmt;
use std::sync::{Arc, Mutex};

use deadpool_postgres::Pool;
use tokio::sync::Notify;

use claim::{FOLD_EVERY, FREE_EVERY, SWEEP_EVERY};
use commit::Shares;
use connect::{Bounds, Target};
use handover::Offers;
use held::Held;
use marks::Marks;
use options::INGEST_TIMEOUT;
use pace::Pace;
use remembered::Remembered;
use tend::{CHORES_EVERY, FAMILIES_EVERY, RECOUNT_EVERY};

/// The kind of the internal event that follows a death.
pub const DEAD_LETTER_KIND: &str = event::DeadLetter::KIND;

/// The engine's handle; cheap to clone.
#[derive(Clone)]
pub struct Queue {
    options: Arc<Options>,
    /// A job's life.
    pool: Pool,
    /// What people ask and purge, and maintenance.
    questions: Pool,
    /// The group commit's own connection, under tighter bounds.
    ingest: Pool,
    /// The notifier's own connection.
    hints: Pool,
    /// The listener's own connection.
    listener: Target,
    /// What this process's workers hold.
    held: Held,
    /// What its idle workers would take with a commit.
    offers: Offers,
    /// How far this process knows the line to be claimed.
    marks: Marks,
    /// What it last did outside, by which a database that was put back is known.
    remembered: Remembered,
    /// What each tenant was given of the line by this process.
    shares: Arc<Mutex<Shares>>,
    /// When this process next looks for jobs whose time has come.
    sweeps: Pace,
    /// When it next folds the counts of jobs.
    folds: Pace,
    /// How often this process looks for the sweep's chores, after families, for missed ends.
    chores: Pace,
    families: Pace,
    recounts: Pace,
    /// When it next looks for what a pause set aside.
    frees: Pace,
    /// Rung when this process itself made a job ready.
    local: Arc<Notify>,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Queue {
    /// Prepares the pools. Nothing is sent before the first use, so that a process can start while
    /// the database is down; see [`Queue::check_server`].
    ///
    /// # Errors
    /// [`QueueError::Url`] and [`QueueError::Tls`].
    pub async fn connect(options: Options) -> Result<Queue, QueueError> {
        let (url, name) = (&options.database_url, options.application_name);
        let ordinary = Target::new(url, name, Bounds::ORDINARY)?;
        let work = Target::new(url, name, Bounds::WORK)?;
        let connections_max = options.pool_connections_max.max(2);
        let questions_max = connections_max.div_ceil(4);
        let bounds = Bounds {
            statement: INGEST_TIMEOUT,
            lock: INGEST_TIMEOUT / 2,
            idle_in_transaction: INGEST_TIMEOUT,
            ..Bounds::WORK
        };
        let ingest = Target::new(url, name, bounds)?;
        let listen_url = options.listen_url.as_ref().unwrap_or(url);
        let listener = Target::new(listen_url, name, Bounds::ORDINARY)?;
        Ok(Queue {
            pool: work.pool(connections_max - questions_max)?,
            questions: ordinary.pool(questions_max)?,
            ingest: ingest.pool(1)?,
            hints: ordinary.pool(1)?,
            listener,
            held: Held::default(),
            offers: Offers::default(),
            marks: Marks::default(),
            remembered: Remembered::default(),
            shares: Arc::default(),
            sweeps: Pace::new(SWEEP_EVERY),
            folds: Pace::new(FOLD_EVERY),
            chores: Pace::new(CHORES_EVERY),
            families: Pace::new(FAMILIES_EVERY),
            recounts: Pace::new(RECOUNT_EVERY),
            frees: Pace::new(FREE_EVERY),
            local: Arc::default(),
            options: Arc::new(options),
        })
    }
}
