//! What operators ask and do: lists, details, replay, cancellation, pauses, deletion, figures.

mod cancel;
mod detail;
mod generation;
mod holds;
mod horizon;
mod list;
mod pauses;
mod payloads;
mod purge;
mod refusal;
mod replay;
mod scope;
mod select;
mod standings;
mod stats;

pub use cancel::CancelReport;
pub use detail::{AttemptRecord, EventDetail, LiveJob, OutcomeRecord};
pub use holds::{HOLD_INCIDENT, HoldRecord, Lineage};
pub use horizon::Horizon;
pub use list::{EventFilter, EventState, EventSummary};
pub use pauses::{PAUSES_MAX, PauseError, PauseRecord};
pub use purge::{PurgeOptions, PurgeReport};
pub use refusal::Refusal;
pub use replay::{ReplayOptions, ReplayReport};
pub use scope::Scope;
pub use select::Selection;
pub use standings::{Standing, StandingRecord};
pub use stats::{Conservation, EndedCounts, KindCount, LiveCounts, Stats, WorkerStats};
