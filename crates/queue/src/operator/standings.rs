//! Who may command, and who is ignored.

use event::Timestamp;
use serde::Serialize;
use serde_json::json;
use tokio_postgres::Row;

use crate::statements::{
    CLEAR_STANDING, INSERT_AUDIT, LIST_STANDINGS, SELECT_STANDING, SET_STANDING,
};
use crate::transaction::{Ends, Params, Sql, Transaction};
use crate::wire::{get, get_time, without_nul};
use crate::{Queue, QueueError};

/// What somebody is beside an ordinary person. Mirrored by the constraint `standings_standing`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// May command.
    Admin,
    /// Is not worked for.
    Ignored,
}

/// Somebody's standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StandingRecord {
    /// Whose.
    pub actor: String,
    /// What they are.
    pub standing: Standing,
    /// Since when.
    pub at: Timestamp,
    /// By whose will.
    pub given_by: String,
}

/// Standings that a list shows.
const LIST_ROWS_MAX: i64 = 1_000;

impl Standing {
    /// All.
    pub const ALL: &[Standing] = &[Standing::Admin, Standing::Ignored];

    /// The word that the database stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Admin => "admin",
            Standing::Ignored => "ignored",
        }
    }

    /// What the audit calls its beginning and its end.
    const fn actions(self) -> (&'static str, &'static str) {
        match self {
            Standing::Admin => ("admin", "unadmin"),
            Standing::Ignored => ("ignore", "unignore"),
        }
    }

    fn read(row: &Row) -> Result<Option<Self>, QueueError> {
        let word: &str = get(row, "standing")?;
        Ok(Self::ALL.iter().copied().find(|standing| standing.as_str() == word))
    }
}

impl Queue {
    /// What somebody is; `None` for ordinary people.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn standing(
        &self,
        tenant: &str,
        actor: &str,
    ) -> Result<Option<Standing>, QueueError> {
        let rows = self.query(SELECT_STANDING, vec![&tenant, &actor]).await?;
        rows.first().map_or(Ok(None), Standing::read)
    }

    /// Gives somebody a standing, instead of the one that they had. Returns whether that is new. Audited.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_standing(
        &self,
        (tenant, actor): (&str, &str),
        standing: Standing,
        by: &str,
    ) -> Result<bool, QueueError> {
        let (actor, by, word) = (without_nul(actor), without_nul(by), standing.as_str());
        let params: Params<'_> = vec![&tenant, &actor, &word, &by];
        self.change_standing(SET_STANDING, params, (&by, standing.actions().0, &actor)).await
    }

    /// Takes a standing away. Returns whether they had it. Audited.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn clear_standing(
        &self,
        (tenant, actor): (&str, &str),
        standing: Standing,
        by: &str,
    ) -> Result<bool, QueueError> {
        let (actor, by, word) = (without_nul(actor), without_nul(by), standing.as_str());
        let params: Params<'_> = vec![&tenant, &actor, &word];
        self.change_standing(CLEAR_STANDING, params, (&by, standing.actions().1, &actor)).await
    }

    /// Everybody of a tenant with a standing, a thousand at most.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn standings(&self, tenant: &str) -> Result<Vec<StandingRecord>, QueueError> {
        let rows = self.query(LIST_STANDINGS, vec![&tenant, &LIST_ROWS_MAX]).await?;
        let records = rows.iter().map(|row| {
            let Some(standing) = Standing::read(row)? else { return Ok(None) };
            Ok(Some(StandingRecord {
                actor: get(row, "actor")?,
                standing,
                at: get_time(row, "at")?,
                given_by: get(row, "given_by")?,
            }))
        });
        records.filter_map(Result::transpose).collect()
    }

    /// A change with its audit row, if it changes anything.
    async fn change_standing(
        &self,
        sql: Sql,
        params: Params<'_>,
        (by, action, actor): (&String, &'static str, &String),
    ) -> Result<bool, QueueError> {
        let mut transaction = Transaction::on(&self.pool).await?;
        let change = transaction.step(sql, params).await?;
        let answers = transaction.pipeline(&[change], Ends::Begin).await?;
        if answers.iter().all(Vec::is_empty) {
            transaction.rollback().await?;
            return Ok(false);
        }
        let (reason, subject) = (None::<String>, json!({"actor": actor}));
        let audit = transaction.step(INSERT_AUDIT, vec![by, &action, &reason, &subject]).await?;
        transaction.pipeline(&[audit], Ends::Commit).await?;
        Ok(true)
    }
}
