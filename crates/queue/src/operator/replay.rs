//! Running ended jobs again, as new generations.

use event::limits::RAW_BYTES_MAX;
use event::{EventId, EventRef};
use serde::Serialize;

use super::Refusal;
use super::select::Selection;
use crate::{Queue, QueueError};

/// How to replay.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplayOptions {
    /// Who asks, for the audit.
    pub actor: String,
    /// Why, for the audit.
    pub reason: Option<String>,
    /// Only say what would happen.
    pub dry_run: bool,
    /// At most this many of a filter's matches.
    pub limit: u32,
    /// Take over the last generation's recorded steps below this number and go on from there.
    pub from_step: Option<i32>,
    /// Work on these bytes instead of what the last generation worked on. The log keeps its own.
    pub payload: Option<Vec<u8>>,
}

/// What a replay did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ReplayReport {
    /// The events with their new generations.
    pub replayed: Vec<(EventId, i32)>,
    /// The events left alone, and why.
    pub refused: Vec<(EventId, Refusal)>,
    /// Whether a filter matched more than its limit.
    pub more: bool,
}

/// Events replayed in one transaction.
const BATCH_MAX: usize = 100;

impl Queue {
    /// Makes new generations of ended jobs, in batches, each a transaction with its audit rows.
    /// Replaying what is live is refused, so that repeating a replay, or two at once, makes one; and
    /// a replay that was cut off is continued by repeating it.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for a payload above [`RAW_BYTES_MAX`]; otherwise those of the
    /// database: the batches before stand.
    pub async fn replay(
        &self,
        selection: &Selection,
        options: &ReplayOptions,
    ) -> Result<ReplayReport, QueueError> {
        if let Some(bytes) = options.payload.as_ref().map(Vec::len).filter(|n| *n > RAW_BYTES_MAX) {
            let refusal = event::Refusal::PayloadTooLarge { bytes, bytes_max: RAW_BYTES_MAX };
            return Err(QueueError::Refused(refusal));
        }
        let selected = self.select(selection, options.limit).await?;
        let mut report = ReplayReport { more: selected.more, ..ReplayReport::default() };
        for batch in selected.events.chunks(BATCH_MAX) {
            for (EventRef { id, .. }, answer) in self.replay_batch(batch, options).await? {
                match answer {
                    Ok(generation) => report.replayed.push((id, generation)),
                    Err(refusal) => report.refused.push((id, refusal)),
                }
            }
        }
        report.refused.extend(selected.unknown.iter().map(|id| (*id, Refusal::Unknown)));
        if !options.dry_run && !report.replayed.is_empty() {
            self.rouse().await;
        }
        Ok(report)
    }
}
