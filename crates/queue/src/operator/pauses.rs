//! Keeping work from starting, and letting it start again.

use std::time::Duration;

use event::limits::{LANE_NAME_BYTES_MAX, NAME_BYTES_MAX};
use event::refusal::within;
use event::{EventId, Lane, Refusal, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_postgres::Row;

use super::Scope;
use crate::statements::{CLAIMS_BEFORE, FREE_PAUSED, INSERT_AUDIT, LIST_PAUSES, PAUSE, RESUME};
use crate::transaction::{Ends, Params, Sql, Transaction};
use crate::wire::{get, get_time, without_nul};
use crate::{Queue, QueueError};

/// A pause that stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PauseRecord {
    /// What may not start.
    pub scope: Scope,
    /// Since when.
    pub at: Timestamp,
    /// By whose will.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Why something was not paused.
#[derive(Debug, thiserror::Error)]
pub enum PauseError {
    /// Nothing can be named so.
    #[error("nothing can be paused by that name")]
    Name(#[source] Refusal),
    /// There are too many.
    #[error("{PAUSES_MAX} pauses stand already: resume some, or pause the fleet")]
    TooMany,
    /// The database said no.
    #[error("the pauses cannot be read or written")]
    Queue(#[source] QueueError),
}

/// Pauses that may stand at once; every claim reads them.
pub const PAUSES_MAX: i64 = 1_000;

/// Jobs freed in one transaction.
const FREE_ROWS_MAX: i64 = 1_000;

/// How long a pause waits for claims that were sent before it; they are single statements.
const CLAIMS_PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks.
const CLAIMS_PAUSE: Duration = Duration::from_millis(5);

impl Queue {
    /// Keeps jobs from starting until [`Queue::resume`]; what runs goes on, what arrives waits too.
    /// Returns whether the pause is new. Audited.
    ///
    /// When this returns, nothing that it covers starts any more: claims that did not see it yet
    /// have ended by then.
    ///
    /// # Errors
    /// [`PauseError`].
    pub async fn pause(
        &self,
        scope: &Scope,
        actor: &str,
        reason: &str,
    ) -> Result<bool, PauseError> {
        let columns = Columns::of(scope)?;
        let (actor, reason) = (without_nul(actor), without_nul(reason));
        let parameters: Params<'_> = vec![
            &columns.scope,
            &columns.name,
            &columns.kind,
            &columns.lane,
            &columns.event_id,
            &actor,
            &reason,
            &PAUSES_MAX,
        ];
        let new = self.change(PAUSE, parameters, ("pause", json!(scope), &actor, &reason)).await;
        let new = new.map_err(PauseError::Queue)?;
        let standing = self.pauses().await.map_err(PauseError::Queue)?;
        if !new && !standing.iter().any(|record| record.scope == *scope) {
            return Err(PauseError::TooMany);
        }
        self.outlast_claims().await.map_err(PauseError::Queue)?;
        Ok(new)
    }

    /// Lets jobs start again, in the order in which they would have. Returns how many had been set
    /// aside; `None` when nothing of that name was paused. Audited.
    ///
    /// Jobs are freed in batches. Should this process die meanwhile, the chore [`Queue::sweep`]
    /// of any process frees the rest.
    ///
    /// # Errors
    /// [`PauseError`].
    pub async fn resume(
        &self,
        scope: &Scope,
        actor: &str,
        reason: Option<&str>,
    ) -> Result<Option<u64>, PauseError> {
        let columns = Columns::of(scope)?;
        let (actor, reason) = (without_nul(actor), without_nul(reason.unwrap_or_default()));
        let stood = self
            .change(
                RESUME,
                vec![&columns.scope, &columns.name],
                ("resume", json!(scope), &actor, &reason),
            )
            .await;
        let stood = stood.map_err(PauseError::Queue)?;
        let freed = self.free_paused().await.map_err(PauseError::Queue)?;
        Ok(stood.then_some(freed))
    }

    /// The pauses that stand, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn pauses(&self) -> Result<Vec<PauseRecord>, QueueError> {
        let rows = self.query(LIST_PAUSES, vec![&PAUSES_MAX]).await?;
        rows.iter().map(read).collect()
    }

    /// Makes ready what was set aside and is paused no more, in batches. Returns how many. Costs one
    /// look into an index when there is nothing.
    pub(crate) async fn free_paused(&self) -> Result<u64, QueueError> {
        let (mut freed, mut last) = (0_i64, (0_i64, 0_i64));
        loop {
            let from: Params<'_> = vec![&last.0, &last.1, &freed, &FREE_ROWS_MAX];
            let rows = self.query(FREE_PAUSED, from).await?;
            let Some(row) = rows.first() else { break };
            freed += get::<i64>(row, "freed")?;
            last = (get(row, "last_position")?, get(row, "last_event_id")?);
        }
        if freed > 0 {
            self.rouse().await;
        }
        Ok(u64::try_from(freed).unwrap_or_default())
    }

    /// Waits until the claims that were under way have ended.
    pub(super) async fn outlast_claims(&self) -> Result<(), QueueError> {
        let before: Vec<String> = vec![];
        let rows = self.query(CLAIMS_BEFORE, vec![&before]).await?;
        let mut before = texts(&rows)?;
        let deadline = Instant::now() + CLAIMS_PATIENCE;
        while !before.is_empty() {
            if Instant::now() >= deadline {
                // A dump, say, holds the table as claims do, for hours.
                tracing::warn!(
                    transactions = before.len(),
                    "some that began before the pause go on"
                );
                break;
            }
            sleep(CLAIMS_PAUSE).await;
            let rows = self.query(CLAIMS_BEFORE, vec![&before]).await?;
            before = texts(&rows)?;
        }
        Ok(())
    }

    /// One change of the pauses with its audit row, if it changed anything.
    pub(super) async fn change(
        &self,
        sql: Sql,
        params: Params<'_>,
        (action, subject, actor, reason): (&'static str, Value, &str, &str),
    ) -> Result<bool, QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let change = transaction.step(sql, params).await?;
        let answers = transaction.pipeline(&[change], Ends::Begin).await?;
        if answers.iter().all(Vec::is_empty) {
            transaction.rollback().await?;
            return Ok(false);
        }
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        let audit =
            transaction.step(INSERT_AUDIT, vec![&actor, &action, &reason, &subject]).await?;
        transaction.pipeline(&[audit], Ends::Commit).await?;
        Ok(true)
    }
}

fn texts(rows: &[Row]) -> Result<Vec<String>, QueueError> {
    rows.iter().map(|row| get(row, "transaction")).collect()
}

/// A pause as the table has it.
struct Columns<'a> {
    scope: &'static str,
    name: String,
    kind: Option<&'a str>,
    lane: Option<i64>,
    event_id: Option<i64>,
}

impl<'a> Columns<'a> {
    fn of(scope: &'a Scope) -> Result<Self, PauseError> {
        let none =
            Columns { scope: "fleet", name: String::new(), kind: None, lane: None, event_id: None };
        let named = |what, name: &str, bytes_max| {
            within(what, name, bytes_max).map_err(PauseError::Name).map(|()| name.to_owned())
        };
        Ok(match scope {
            Scope::Fleet => none,
            Scope::Kind(kind) => {
                let name = named("the kind", kind, NAME_BYTES_MAX)?;
                Columns { scope: "kind", name, kind: Some(kind), ..none }
            }
            Scope::Lane(lane) => {
                let name = named("the lane", lane, LANE_NAME_BYTES_MAX)?;
                Columns { scope: "lane", name, lane: Some(Lane::of(lane).0), ..none }
            }
            Scope::Event(id) => {
                Columns { scope: "event", name: id.to_string(), event_id: Some(id.0), ..none }
            }
        })
    }
}

fn read(row: &Row) -> Result<PauseRecord, QueueError> {
    let (word, name): (&str, String) = (get(row, "scope")?, get(row, "name")?);
    let scope = match word {
        "kind" => Scope::Kind(name),
        "lane" => Scope::Lane(name),
        "event" => Scope::Event(EventId(get::<Option<i64>>(row, "event_id")?.unwrap_or_default())),
        _ => Scope::Fleet,
    };
    Ok(PauseRecord {
        scope,
        at: get_time(row, "at")?,
        actor: get(row, "actor")?,
        reason: get(row, "reason")?,
    })
}
