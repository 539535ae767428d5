//! Whether somebody listened to a source all the time, and what must be read up where nobody did.
//!
//! Whoever listens says so every few seconds. Who is told that nobody had for long opens a gap, which one
//! process at a time reads in the source's own archive. Reading is safe to repeat: what is committed again
//! under the same keys is known.

use std::time::Duration;

use event::Timestamp;
use tokio_postgres::Row;

use crate::statements::{ADVANCE_GAP, BEAT, CLOSE_GAP, OPEN_GAP, TAKE_GAP};
use crate::transaction::{Ends, Params, Transaction};
use crate::wire::{get, get_time, micros, to_sql};
use crate::{Queue, QueueError};

/// How long after a gap what was missed during its reading is read.
const NEXT_AFTER: Duration = Duration::from_secs(120);

/// A time in which events may have been missed, held by one reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    id: i64,
    token: i64,
    /// From when on events may be missing, by the database's clock.
    pub since: Timestamp,
    /// How far an earlier reader came, in the reader's own order; empty at the start.
    pub done_until: String,
}

impl Queue {
    /// Notes that a source is listened to. When nobody did for `silence_max` a gap opens, and the answer
    /// is how long it is. A source that nobody ever listened to has none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn listen(
        &self,
        source: &str,
        silence_max: Duration,
    ) -> Result<Option<Duration>, QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let beat = transaction.step(BEAT, vec![&source]).await?;
        let answers = transaction.pipeline(&[beat], Ends::Begin).await?;
        let silent = match answers.first().and_then(|rows| rows.first()) {
            Some(row) => Some((get_time(row, "since")?, silence(row)?)),
            None => None,
        };
        let Some((since, silent)) = silent.filter(|(_, silent)| *silent > silence_max) else {
            transaction.pipeline(&[], Ends::Commit).await?;
            return Ok(None);
        };
        let (since, at_once) = (to_sql(since), 0_i64);
        let open = transaction.step(OPEN_GAP, vec![&source, &since, &at_once]).await?;
        transaction.pipeline(&[open], Ends::Commit).await?;
        Ok(Some(silent))
    }

    /// Notes that events of the last `age` may have been missed, not to be read before `delay` is over.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn miss(
        &self,
        source: &str,
        age: Duration,
        delay: Duration,
    ) -> Result<(), QueueError> {
        let since = Timestamp(self.now().await?.0.saturating_sub(micros(age)).max(0));
        let (since, delay) = (to_sql(since), micros(delay));
        self.execute(OPEN_GAP, vec![&source, &since, &delay]).await.map(drop)
    }

    /// Takes what is to be read of a source, unless another reader holds it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_gap(&self, source: &str, hold: Duration) -> Result<Option<Gap>, QueueError> {
        let hold = micros(hold);
        let rows = self.query(TAKE_GAP, vec![&source, &hold]).await?;
        rows.first().map(read).transpose()
    }

    /// Notes how far the reading is and how many events were found missing since the last note, and holds
    /// the gap for so long again; for no time, to leave it to the next reader.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when another reader holds it.
    pub async fn advance_gap(
        &self,
        gap: &Gap,
        done_until: &str,
        found: u64,
        hold: Duration,
    ) -> Result<(), QueueError> {
        let (found, hold) = (i64::try_from(found).unwrap_or(i64::MAX), micros(hold));
        let params: Params<'_> = vec![&gap.id, &gap.token, &done_until, &found, &hold];
        fenced_unless(self.execute(ADVANCE_GAP, params).await?)
    }

    /// Notes that a gap is read. What was missed meanwhile becomes the next.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when another reader holds it.
    pub async fn close_gap(&self, gap: &Gap) -> Result<(), QueueError> {
        let next_after = micros(NEXT_AFTER);
        fenced_unless(self.execute(CLOSE_GAP, vec![&gap.id, &gap.token, &next_after]).await?)
    }
}

fn read(row: &Row) -> Result<Gap, QueueError> {
    Ok(Gap {
        id: get(row, "id")?,
        token: get(row, "token")?,
        since: get_time(row, "since")?,
        done_until: get(row, "done_until")?,
    })
}

fn silence(row: &Row) -> Result<Duration, QueueError> {
    let micros: i64 = get(row, "silent_us")?;
    Ok(Duration::from_micros(u64::try_from(micros).unwrap_or_default()))
}

fn fenced_unless(rows: u64) -> Result<(), QueueError> {
    match rows {
        0 => Err(QueueError::Fenced),
        _ => Ok(()),
    }
}
