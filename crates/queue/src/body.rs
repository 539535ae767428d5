//! Reading single events.

use event::{EventId, EventRef, Timestamp};
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::statements::{LATEST_GENERATION, LEAD_KEY, SELECT_EVENT, SELECT_OWNERS};
use crate::wire::{get, get_count, get_time, to_sql, without_nul};
use crate::{Queue, QueueError};

/// What is known of every event, in lists and by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventHead {
    /// Which event.
    pub event: EventRef,
    /// Who brought it.
    pub source: String,
    /// What happened, in the source's own word.
    pub kind: String,
    /// Whose it is.
    pub tenant: String,
    /// Who did it.
    pub actor: Option<String>,
    /// What it stays in order with.
    pub lane_name: Option<String>,
    /// When the log took it in, by the database's clock.
    pub received_at: Timestamp,
}

/// An event as the log holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventBody {
    /// What a list says of it.
    pub head: EventHead,
    /// Its place there.
    pub lane_order: i64,
    /// One id from the envelope to the reply.
    pub correlation_id: Uuid,
    /// The bytes as they came, or their head.
    pub raw: Vec<u8>,
    /// What they measured in full.
    pub raw_bytes: u64,
    /// SHA-256 of the full frame when only its head was kept.
    pub raw_sha256: Option<Vec<u8>>,
    /// Why it could not be understood.
    pub quarantine_reason: Option<String>,
}

impl Queue {
    /// The event that a delivery key or a logical key leads to, while the key is remembered.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn find_key(&self, key: &str) -> Result<Option<EventRef>, QueueError> {
        let keys = [key];
        let rows = self.query(SELECT_OWNERS, vec![&keys.as_slice()]).await?;
        let found = rows.first().map(|row| {
            let id = EventId(get(row, "event_id")?);
            Ok(EventRef { occurred_at: get_time(row, "occurred_at")?, id })
        });
        found.transpose()
    }

    /// Leads a key to an event, so that it can be found by it: by what was posted on its behalf, say. A
    /// key that leads somewhere already is left alone.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lead(&self, key: &str, to: EventRef) -> Result<(), QueueError> {
        self.lead_key(key, to, false).await
    }

    /// As [`Queue::lead`], wherever the key has led before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn lead_anew(&self, key: &str, to: EventRef) -> Result<(), QueueError> {
        self.lead_key(key, to, true).await
    }

    async fn lead_key(&self, key: &str, to: EventRef, anew: bool) -> Result<(), QueueError> {
        let (key, occurred_at) = (without_nul(key), to_sql(to.occurred_at));
        self.execute(LEAD_KEY, vec![&key, &to.id.0, &occurred_at, &anew]).await.map(drop)
    }

    /// An event from the log; `None` when it is unknown or past retention.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn load(&self, subject: EventRef) -> Result<Option<EventBody>, QueueError> {
        let occurred_at = to_sql(subject.occurred_at);
        let rows = self.query(SELECT_EVENT, vec![&occurred_at, &subject.id.0]).await?;
        rows.first().map(read).transpose()
    }

    /// The newest generation of an event's job, live or ended; 0 when it never had one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn latest_generation(&self, subject: EventRef) -> Result<i32, QueueError> {
        let occurred_at = to_sql(subject.occurred_at);
        let rows = self.query(LATEST_GENERATION, vec![&occurred_at, &subject.id.0]).await?;
        rows.first().map_or(Ok(0), |row| get(row, "generation"))
    }
}

impl EventHead {
    /// From a row of the log, or of a view over it.
    pub(crate) fn read(row: &Row) -> Result<Self, QueueError> {
        let id = EventId(get(row, "id")?);
        Ok(EventHead {
            event: EventRef { occurred_at: get_time(row, "occurred_at")?, id },
            source: get(row, "source")?,
            kind: get(row, "kind")?,
            tenant: get(row, "tenant")?,
            actor: get(row, "actor")?,
            lane_name: get(row, "lane_name")?,
            received_at: get_time(row, "received_at")?,
        })
    }
}

fn read(row: &Row) -> Result<EventBody, QueueError> {
    Ok(EventBody {
        head: EventHead::read(row)?,
        lane_order: get(row, "lane_order")?,
        correlation_id: get(row, "correlation_id")?,
        raw: get(row, "raw")?,
        raw_bytes: get_count(row, "raw_bytes")?,
        raw_sha256: get(row, "raw_sha256")?,
        quarantine_reason: get(row, "quarantine_reason")?,
    })
}
