//! Holding everything after a restore or a promotion, until an operator says that it may go on.
//!
//! A database that was restored does not know what was done outside meanwhile, and would do it again.
//! While a hold stands, nothing is claimed and no act is intended; after its release, whatever
//! happened before is looked up outside before it is done.

use event::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::remembered::Known;
use crate::statements::{FILE_INCIDENT, LOOK_AT_LINEAGE, PLACE_HOLD, RELEASE_HOLD, SELECT_HOLD};
use crate::wire::{get, get_time, without_nul};
use crate::{Queue, QueueError};

/// The kind of the incident that a hold files.
pub const HOLD_INCIDENT: &str = "hold";

/// A hold that stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HoldRecord {
    /// Since when.
    pub at: Timestamp,
    /// By whose will; `athenaeum` found a restore or a promotion.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// What a process saw of its database, to know it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The cluster and its timeline; `None` where the server does not tell.
    cluster: Option<String>,
    /// How far its write-ahead log was written, in bytes.
    written: i64,
}

/// Who holds when nobody did.
const ITSELF: &str = "athenaeum";

impl Queue {
    /// Lets nothing be claimed and no act be intended until [`Queue::release`]. Returns whether the
    /// hold is new. Audited, and filed as an incident.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn hold(&self, actor: &str, reason: &str) -> Result<bool, QueueError> {
        let (actor, reason) = (without_nul(actor), without_nul(reason));
        let subject = json!({"hold": "fleet"});
        let new = self
            .change(PLACE_HOLD, vec![&actor, &reason], ("hold", subject, &actor, &reason))
            .await?;
        if new {
            let name = self.now().await?.0.to_string();
            let subject = json!({"reason": reason});
            self.execute(FILE_INCIDENT, vec![&HOLD_INCIDENT, &name, &subject]).await?;
        }
        self.outlast_claims().await?;
        Ok(new)
    }

    /// Ends the hold and takes the database, as it is now, for whole. Returns whether one stood.
    /// Audited.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release(&self, actor: &str, reason: &str) -> Result<bool, QueueError> {
        let (actor, reason) = (without_nul(actor), without_nul(reason));
        let subject = json!({"release": "fleet"});
        let stood =
            self.change(RELEASE_HOLD, vec![], ("release", subject, &actor, &reason)).await?;
        if stood {
            self.rouse().await;
        }
        Ok(stood)
    }

    /// The hold that stands, if one does.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn standing_hold(&self) -> Result<Option<HoldRecord>, QueueError> {
        let rows = self.query(SELECT_HOLD, vec![]).await?;
        let hold = rows.first().map(|row| {
            let (at, actor) = (get_time(row, "at")?, get(row, "actor")?);
            Ok(HoldRecord { at, actor, reason: get(row, "reason")? })
        });
        hold.transpose()
    }

    /// Looks whether the database is the one that it was, by what an operator last confirmed and by
    /// what this process saw before, and holds the fleet when it is not. Returns whether it is held.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn look_for_restore(&self, seen: &mut Lineage) -> Result<bool, QueueError> {
        let remembered = self.remembered.last();
        let rows = self.query(LOOK_AT_LINEAGE, remembered.params().to_vec()).await?;
        let row = rows.first().ok_or(QueueError::Closed)?;
        let known: Option<String> = get(row, "cluster")?;
        let now = Lineage {
            cluster: get(row, "now")?,
            written: get::<Option<i64>>(row, "written")?.unwrap_or(i64::MAX),
        };
        let held: bool = get(row, "held")?;
        let knows: bool = get(row, "known")?;
        let why = now.differs_from(known.as_deref(), seen, knows);
        *seen = now;
        if !knows {
            // Said once: what follows the release is another history.
            self.remembered.keep(Known::default());
        }
        match why {
            Some(why) if !held => {
                tracing::error!(
                    why,
                    "the database was restored or promoted; nothing is done outside until an operator runs `athenaeum release`"
                );
                self.hold(ITSELF, &why).await.map(|_| true)
            }
            _ => Ok(held),
        }
    }
}

impl Lineage {
    /// Why this is not the database that an operator confirmed, or that was seen before.
    fn differs_from(&self, known: Option<&str>, seen: &Lineage, knows: bool) -> Option<String> {
        let cluster = self.cluster.as_deref()?;
        if let Some(known) = known
            && known != cluster
        {
            return Some(format!(
                "expected the database {known} (cluster/timeline), found {cluster}: it was restored \
                 or promoted"
            ));
        }
        let same = seen.cluster.as_deref() == Some(cluster);
        if same && self.written < seen.written {
            let (was, is) = (seen.written, self.written);
            return Some(format!(
                "expected a log of {was} bytes or more, found {is}: the database was restored"
            ));
        }
        (!knows).then(|| {
            "expected the act that was recorded last, found none: the database was restored to an \
             earlier moment"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lineage(cluster: &str, written: i64) -> Lineage {
        Lineage { cluster: Some(cluster.to_owned()), written }
    }

    #[test]
    fn another_cluster_another_timeline_and_a_shorter_log_are_told() {
        let now = lineage("7/00000001", 100);
        for (known, seen, told) in [
            (Some("7/00000001"), lineage("7/00000001", 100), false),
            (Some("7/00000001"), Lineage::default(), false),
            (None, lineage("7/00000001", 50), false),
            (Some("7/00000001"), lineage("7/00000001", 101), true),
            (Some("8/00000001"), Lineage::default(), true),
            (Some("7/00000002"), Lineage::default(), true),
            // A release confirmed what was found: it is another log.
            (Some("7/00000001"), lineage("8/00000001", 900), false),
        ] {
            assert_eq!(now.differs_from(known, &seen, true).is_some(), told, "{known:?} {seen:?}");
        }
        assert!(now.differs_from(Some("7/00000001"), &now, false).is_some());
        let silent = Lineage { cluster: None, written: i64::MAX };
        assert_eq!(silent.differs_from(Some("7/00000001"), &now, true), None);
    }
}
