//! Payloads that operators edited: what a generation works on instead of the log's bytes.

use event::EventRef;
use tokio_postgres::Row;

use super::select::columns;
use crate::statements::SELECT_PAYLOADS;
use crate::wire::get;
use crate::{Claim, Queue, QueueError};

impl Queue {
    /// Gives claims of later generations the payloads that were edited for them. Sends nothing when
    /// all are first generations, as nearly all are.
    pub(crate) async fn edited(&self, claims: &mut [Claim]) -> Result<(), QueueError> {
        let replayed: Vec<&Claim> = claims.iter().filter(|claim| claim.generation > 0).collect();
        if replayed.is_empty() {
            return Ok(());
        }
        let events: Vec<EventRef> = replayed.iter().map(|claim| claim.event).collect();
        let generations: Vec<i32> = replayed.iter().map(|claim| claim.generation).collect();
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
