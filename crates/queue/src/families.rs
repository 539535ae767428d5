//! What a parent reads of its children.

use event::{EventId, EventRef, TerminalState, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;

use crate::children::child_ref;
use crate::statements::{SELECT_CHILDREN, SELECT_FAN_IN};
use crate::wire::{get, get_chain, get_small, get_time, get_time_option, to_sql};
use crate::{Claim, Queue, QueueError};

/// A group of children as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Family {
    /// How many there are.
    pub total: u32,
    /// How many must be done; `None`: all must have ended.
    pub needed: Option<u32>,
    /// How many are done.
    pub done: u32,
    /// How many died.
    pub dead: u32,
    /// How many were called off.
    pub cancelled: u32,
    /// How many expired.
    pub expired: u32,
    /// Whether it has what it needs, or all that it will get.
    pub complete: bool,
    /// Whether its deadline passed first: the results are partial.
    pub late: bool,
    /// When it is complete whatever is missing.
    pub deadline_at: Option<Timestamp>,
    /// Each child, in the order in which they were given.
    pub results: Vec<ChildResult>,
}

/// One child.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChildResult {
    /// Its place in the list, from 0.
    pub number: u32,
    /// Its event.
    pub event: EventRef,
    /// How it ended; `None` while it lives. A replay of it changes nothing here.
    pub state: Option<TerminalState>,
    /// What came of it: [`event::Reply`] as JSON.
    pub reply: Option<Value>,
    /// Why, when it did not go well, outermost first.
    pub error: Option<Vec<String>>,
}

/// Which group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group<'a> {
    pub(crate) parent: EventId,
    pub(crate) generation: i32,
    pub(crate) name: &'a str,
}

impl Queue {
    /// A group of the claim's generation with what its children have brought so far; `None` when it
    /// was never spawned.
    ///
    /// # Errors
    /// Those of the database; [`QueueError::Unreadable`] for words of a newer version.
    pub async fn family(&self, claim: &Claim, group: &str) -> Result<Option<Family>, QueueError> {
        let (parent, generation) = (claim.event.id, claim.generation);
        self.family_of(Group { parent, generation, name: group }).await
    }

    pub(crate) async fn family_of(&self, group: Group<'_>) -> Result<Option<Family>, QueueError> {
        let (parent, generation, name) = (&group.parent.0, &group.generation, &group.name);
        // The group before the children: what it has counted has ended in the second answer too.
        let rows = self.query(SELECT_FAN_IN, vec![parent, generation, name]).await?;
        let Some(fan) = rows.first().map(read_fan).transpose()? else { return Ok(None) };
        let (first_at, last_at) = (to_sql(fan.first_at), to_sql(fan.last_at));
        let rows = self
            .query(SELECT_CHILDREN, vec![parent, generation, name, &first_at, &last_at])
            .await?;
        let results = rows.iter().map(read_child).collect::<Result<Vec<_>, _>>()?;
        let count = |state| {
            let ended = results.iter().filter(|child| child.state == Some(state)).count();
            u32::try_from(ended).unwrap_or(u32::MAX)
        };
        Ok(Some(Family {
            total: fan.total,
            needed: fan.needed,
            done: count(TerminalState::Done),
            dead: count(TerminalState::Dead),
            cancelled: count(TerminalState::Cancelled),
            expired: count(TerminalState::Expired),
            complete: fan.complete,
            late: fan.late,
            deadline_at: fan.deadline_at,
            results,
        }))
    }
}

/// The group's row.
struct Fan {
    total: u32,
    needed: Option<u32>,
    complete: bool,
    late: bool,
    deadline_at: Option<Timestamp>,
    first_at: Timestamp,
    last_at: Timestamp,
}

fn read_fan(row: &Row) -> Result<Fan, QueueError> {
    let completed_by: Option<&str> = get(row, "completed_by")?;
    let needed: Option<i32> = get(row, "needed")?;
    Ok(Fan {
        total: get_small(row, "total")?,
        needed: needed.and_then(|needed| u32::try_from(needed).ok()),
        complete: completed_by.is_some(),
        late: completed_by == Some("deadline"),
        deadline_at: get_time_option(row, "deadline_at")?,
        first_at: get_time(row, "first_at")?,
        last_at: get_time(row, "last_at")?,
    })
}

fn read_child(row: &Row) -> Result<ChildResult, QueueError> {
    let event = child_ref(row)?;
    let state = match get::<Option<&str>>(row, "state")? {
        Some(word) => {
            let state = TerminalState::from_word(word);
            Some(
                state
                    .ok_or(QueueError::Unreadable { event: event.id, what: "how a child ended" })?,
            )
        }
        None => None,
    };
    let ended = state.is_some();
    Ok(ChildResult {
        number: get_small(row, "number")?,
        event,
        state,
        reply: get::<Option<Value>>(row, "reply")?.filter(|_| ended),
        error: get_chain(row, "error")?.filter(|_| ended),
    })
}
