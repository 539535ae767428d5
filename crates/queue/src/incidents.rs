//! What went wrong outside: filed once, whoever finds it, and marked when it was put right.

use std::time::Duration;

use event::Timestamp;
use event::limits::{KEY_BYTES_MAX, NAME_BYTES_MAX};
use event::refusal::within;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use crate::effects::millis;
use crate::statements::{FILE_INCIDENT, LIST_INCIDENTS, RECENT_EFFECTS, RESOLVE_INCIDENT};
use crate::wire::{get, get_time, get_time_option, json_without_nul};
use crate::{Queue, QueueError};

/// Something that went wrong outside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Incident {
    /// Its number.
    pub id: i64,
    /// When it was filed.
    pub at: Timestamp,
    /// What sort: `duplicate_reply`, `hold`.
    pub kind: String,
    /// Which one of its sort.
    pub name: String,
    /// What is known of it; ids only.
    pub subject: Value,
    /// When it was put right; `None` while it is not.
    pub resolved_at: Option<Timestamp>,
}

/// An act that was intended lately.
#[derive(Clone, Debug, PartialEq)]
pub struct RecentEffect {
    /// Its idempotency key.
    pub key: String,
    /// Where it goes.
    pub target: Value,
    /// What came of it, where that is known.
    pub result: Option<String>,
    /// When it was first intended.
    pub intended_at: Timestamp,
}

impl Queue {
    /// Files an incident; one of this kind and name that was filed before stays as it is. Returns
    /// whether it is new.
    ///
    /// # Errors
    /// [`QueueError::Refused`] for names out of bounds.
    pub async fn file_incident(
        &self,
        kind: &str,
        name: &str,
        subject: Value,
    ) -> Result<bool, QueueError> {
        within("the incident's kind", kind, NAME_BYTES_MAX).map_err(QueueError::Refused)?;
        within("the incident's name", name, KEY_BYTES_MAX).map_err(QueueError::Refused)?;
        let subject = json_without_nul(subject);
        Ok(self.execute(FILE_INCIDENT, vec![&kind, &name, &subject]).await? > 0)
    }

    /// Notes that an incident was put right.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn resolve_incident(&self, kind: &str, name: &str) -> Result<(), QueueError> {
        self.execute(RESOLVE_INCIDENT, vec![&kind, &name]).await.map(drop)
    }

    /// The newest incidents, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn incidents(&self, limit: u32) -> Result<Vec<Incident>, QueueError> {
        let rows = self.ask(LIST_INCIDENTS, vec![&i64::from(limit)]).await?;
        rows.iter().map(incident).collect()
    }

    /// The acts that were intended within a time, newest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn recent_effects(
        &self,
        since: Duration,
        limit: u32,
    ) -> Result<Vec<RecentEffect>, QueueError> {
        let rows = self.query(RECENT_EFFECTS, vec![&millis(since), &i64::from(limit)]).await?;
        rows.iter().map(recent).collect()
    }
}

fn incident(row: &Row) -> Result<Incident, QueueError> {
    Ok(Incident {
        id: get(row, "id")?,
        at: get_time(row, "at")?,
        kind: get(row, "kind")?,
        name: get(row, "name")?,
        subject: get(row, "subject")?,
        resolved_at: get_time_option(row, "resolved_at")?,
    })
}

fn recent(row: &Row) -> Result<RecentEffect, QueueError> {
    Ok(RecentEffect {
        key: get(row, "key")?,
        target: get(row, "target")?,
        result: get(row, "result")?,
        intended_at: get_time(row, "intended_at")?,
    })
}
