//! What operators ask and do: lists, details, replay, cancellation, figures.

mod cancel;
mod detail;
mod list;
mod pause;
mod replay;
mod stats;

pub use cancel::CancelReport;
pub use detail::{AttemptRecord, EventDetail, LiveJob, OutcomeRecord};
pub use list::{EventFilter, EventState, EventSummary};
pub use pause::{PAUSES_MAX, Pause, PauseError, PauseRecord};
pub use replay::{Refusal, ReplayOptions, ReplayReport, Selection};
pub use stats::{EndedCounts, KindCount, LiveCounts, Stats, WorkerStats};
