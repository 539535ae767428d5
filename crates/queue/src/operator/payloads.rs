//! What a generation works on instead of the log's bytes.

use std::collections::HashSet;

use event::limits::RAW_BYTES_MAX;
use event::{EventRef, Token};
use tokio_postgres::Row;

use super::select::columns;
use crate::statements::{AMEND, SELECT_PAYLOADS};
use crate::wire::{get, to_sql};
use crate::{Claim, Queue, QueueError};

impl Queue {
    /// Lets a job that nobody works on now work on other bytes, from its next attempt on; the log
    /// keeps its own. Returns whether there was such a job: what runs, or has ended, is left alone.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for a payload above [`RAW_BYTES_MAX`]; otherwise those of the
    /// database.
    pub async fn amend(&self, event: EventRef, raw: &[u8]) -> Result<bool, QueueError> {
        let bytes = raw.len();
        if bytes > RAW_BYTES_MAX {
            let refusal = event::Refusal::PayloadTooLarge { bytes, bytes_max: RAW_BYTES_MAX };
            return Err(QueueError::Refused(refusal));
        }
        let occurred_at = to_sql(event.occurred_at);
        Ok(self.execute(AMEND, vec![&occurred_at, &event.id.0, &raw]).await? > 0)
    }

    /// Gives claims of later generations, and those that were `amended`, the payloads that were given
    /// for them. Sends nothing when there are none, as nearly always.
    pub(crate) async fn edited(
        &self,
        claims: &mut [Claim],
        amended: &HashSet<Token>,
    ) -> Result<(), QueueError> {
        let edited = |claim: &&Claim| claim.generation > 0 || amended.contains(&claim.token);
        let edited: Vec<&Claim> = claims.iter().filter(edited).collect();
        if edited.is_empty() {
            return Ok(());
        }
        let events: Vec<EventRef> = edited.iter().map(|claim| claim.event).collect();
        let generations: Vec<i32> = edited.iter().map(|claim| claim.generation).collect();
        let (times, ids) = columns(&events);
        let rows = self.query(SELECT_PAYLOADS, vec![&times, &ids, &generations]).await?;
        for row in &rows {
            let (id, raw) = read(row)?;
            if let Some(claim) = claims.iter_mut().find(|claim| claim.event.id.0 == id) {
                claim.raw = raw;
            }
        }
        Ok(())
    }
}

fn read(row: &Row) -> Result<(i64, Vec<u8>), QueueError> {
    Ok((get(row, "id")?, get(row, "raw")?))
}
