//! Fan-out and fan-in: children are events with jobs and lanes of their own; their parent sleeps
//! until the group is complete.
//!
//! A child's end is counted in the transaction of that end, under the lock of its group's row, which
//! is the last lock that a transaction takes (`lock_families`, then `end_children` with a fresh
//! snapshot). A count that completes the group only marks it. A second transaction, which takes the
//! parent's locks in their order, tells the parent, once: right after the commit, and again from the
//! sweep for as long as the mark is there, so that no death in between loses the continuation.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use event::limits::{CHILDREN_BYTES_MAX, CHILDREN_MAX, DELAY_MAX, NAME_BYTES_MAX};
use event::refusal::within;
use event::{EventId, EventRef, Lane, NewEvent, Refusal};
use tokio_postgres::Row;

use crate::commit::{EventColumns, Item};
use crate::families::Group;
use crate::lanes::Lanes;
use crate::statements::{
    ALLOCATE_IDS, CONTINUE_PARENT, END_CHILDREN, GROUPS_TO_CONTINUE, HOLD, HOLD_LIVE,
    INSERT_CHILDREN, INSERT_EVENTS, INSERT_FAN_IN, INSERT_KEYS, LOCK_FAMILIES,
};
use crate::transaction::{Ends, Params, Step, Transaction};
use crate::wire::{get, get_time, micros, to_sql};
use crate::{Claim, Queue, QueueError};

/// Parents told in one call; more wait for the next.
const PARENTS_MAX: i64 = 100;

/// When a group of children is complete, and what becomes of those that still live then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanIn {
    /// How many it needs.
    pub needed: Needed,
    /// How long from now it waits at most; then it is complete with what it has. Bounded by
    /// [`DELAY_MAX`].
    pub deadline: Option<Duration>,
    /// What becomes of children that live on when the group is complete.
    pub rest: Rest,
}

/// How many children a group needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// All must have ended, however they did.
    All,
    /// So many must be done. It is complete as well once so many can be done no more.
    AtLeast(u32),
}

/// What becomes of the children that are not needed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// They are called off.
    Cancel,
    /// They finish, unless the parent dies or is called off.
    LetRun,
}

impl FanIn {
    /// Waits for all.
    pub const ALL: FanIn = FanIn { needed: Needed::All, deadline: None, rest: Rest::LetRun };

    /// Waits for the first so many to be done and calls off the rest.
    #[must_use]
    pub const fn first(count: u32) -> Self {
        FanIn { needed: Needed::AtLeast(count), deadline: None, rest: Rest::Cancel }
    }

    fn validate(&self, children: usize) -> Result<(), Refusal> {
        if let Needed::AtLeast(needed) = self.needed {
            let needed = usize::try_from(needed).unwrap_or(usize::MAX);
            if needed == 0 || needed > children {
                return Err(Refusal::FanInOutOfReach { needed, children });
            }
        }
        match self.deadline {
            Some(given) if given > DELAY_MAX => {
                Err(Refusal::TooFar { what: "the fan-in's deadline", given, max: DELAY_MAX })
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Queue {
    /// Makes a group of children, all or none, and returns them in the order given. Spawned again by a
    /// later attempt of the same generation, the group is the first one.
    ///
    /// The children's delivery keys are the queue's own. A child without a lane runs as soon as a
    /// worker is free; it never takes its parent's lane. When the parent dies or is called off, so are
    /// its children.
    ///
    /// # Errors
    /// [`QueueError::Fenced`] when the claim no longer holds its job; [`QueueError::Refused`] for a
    /// parent whose cancellation was requested, for more than [`CHILDREN_MAX`] children, for children
    /// that the engine cannot take, and for another number of children than the group has.
    pub async fn spawn(
        &self,
        claim: &Claim,
        group: &str,
        children: Vec<NewEvent>,
        fan_in: FanIn,
    ) -> Result<Vec<EventRef>, QueueError> {
        validate(group, &children, &fan_in).map_err(QueueError::Refused)?;
        let items = self.number(claim, group, children).await?;
        let lanes = Lanes::of(laned(&items));
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let hold = transaction.step(HOLD, vec![&claim.event.id.0, &claim.token.0]).await?;
        let answers = transaction.pipeline(&[lock, hold], Ends::Begin).await?;
        let Some(held) = answers.last().and_then(|rows| rows.first()) else {
            transaction.rollback().await?;
            return Err(QueueError::Fenced);
        };
        let cancelled: bool = get(held, "cancel_requested")?;
        let made = match cancelled {
            true => Err(QueueError::Refused(Refusal::ParentCancelled)),
            false => begin(&mut transaction, claim, group, &items, &fan_in).await,
        };
        match made {
            Ok(true) => write(transaction, claim, group, &items, &lanes).await?,
            Ok(false) => {
                transaction.rollback().await?;
                return self.spawned_before(claim, group, items.len()).await;
            }
            Err(error) => {
                if matches!(error, QueueError::Refused(_)) {
                    transaction.rollback().await?;
                }
                return Err(error);
            }
        }
        self.rouse().await;
        Ok(items.iter().map(Item::reference).collect())
    }

    /// Numbers for new children, drawn outside the transaction: unused ones are gaps.
    async fn number(
        &self,
        claim: &Claim,
        group: &str,
        children: Vec<NewEvent>,
    ) -> Result<Vec<Item>, QueueError> {
        let count = i64::try_from(children.len()).unwrap_or(i64::MAX);
        let rows = self.query(ALLOCATE_IDS, vec![&count]).await?;
        let (parent, generation) = (claim.event.id, claim.generation);
        children
            .into_iter()
            .zip(rows)
            .enumerate()
            .map(|(number, (event, row))| {
                let delivery_key = format!("child:{parent}:{generation}:{group}:{number}");
                let id = EventId(get(&row, "id")?);
                Ok(Item { event: NewEvent { delivery_key, ..event }, id })
            })
            .collect()
    }

    /// The group as it was spawned before.
    async fn spawned_before(
        &self,
        claim: &Claim,
        group: &str,
        given: usize,
    ) -> Result<Vec<EventRef>, QueueError> {
        let known = Group { parent: claim.event.id, generation: claim.generation, name: group };
        let family = self.family_of(known).await?.ok_or(QueueError::Fenced)?;
        let found = family.results.len();
        match found == given {
            true => Ok(family.results.into_iter().map(|child| child.event).collect()),
            false => Err(QueueError::Refused(Refusal::OtherFamily { found, given })),
        }
    }

    /// Tells parents that their groups are complete, each once. Returns how many were told.
    pub(crate) async fn continue_parents(&self) -> Result<u64, QueueError> {
        let rows = self.query(GROUPS_TO_CONTINUE, vec![&PARENTS_MAX]).await?;
        let mut told = 0;
        for row in &rows {
            told += self.continue_parent(row).await?;
        }
        if told > 0 {
            metrics::counter!("queue_woken_total").increment(told);
            self.rouse().await;
        }
        Ok(told)
    }

    async fn continue_parent(&self, row: &Row) -> Result<u64, QueueError> {
        let id: i64 = get(row, "event_id")?;
        let occurred_at: DateTime<Utc> = get(row, "occurred_at")?;
        let (generation, group): (i32, &str) = (get(row, "generation")?, get(row, "child_group")?);
        let lanes = Lanes::of([(EventId(id), get::<Option<i64>>(row, "lane")?.map(Lane))]);
        let mut transaction = Transaction::on(&self.pool).await?;
        let lock = lanes.lock(&transaction).await?;
        let hold = transaction.step(HOLD_LIVE, vec![&id, &occurred_at]).await?;
        let tell = transaction.step(CONTINUE_PARENT, vec![&id, &generation, &group]).await?;
        let demote = lanes.demote(&transaction).await?;
        let promote = lanes.promote(&transaction).await?;
        let steps = [lock, hold, tell, demote, promote];
        let answers = transaction.pipeline(&steps, Ends::Both).await?;
        Ok(answers.get(2).map_or(0, Vec::len) as u64)
    }

    /// After a commit that completed groups. A failure is no fault: the sweep tells their parents.
    pub(crate) async fn continue_after_commit(&self) {
        if let Err(error) = self.continue_parents().await {
            tracing::debug!(%error, "a complete group's parent was not told yet; the sweep will");
        }
    }
}

/// The two steps that count the ends of those of some events that are children; the second answers
/// with the groups that are complete.
pub(crate) async fn count<'a>(
    on: &Transaction,
    ids: &'a Vec<i64>,
    times: &'a Vec<DateTime<Utc>>,
) -> Result<[Step<'a>; 2], QueueError> {
    let families = on.step(LOCK_FAMILIES, vec![ids, times]).await?;
    Ok([families, on.step(END_CHILDREN, vec![ids, times]).await?])
}

/// Whether the answer of the second step of [`count`] names a complete group.
pub(crate) fn completed(answer: &[Row]) -> bool {
    answer.iter().any(|row| get::<bool>(row, "told_now").unwrap_or(true))
}

/// Makes the group and claims the children's keys. False when the group is there already.
async fn begin(
    transaction: &mut Transaction,
    claim: &Claim,
    group: &str,
    items: &[Item],
    fan_in: &FanIn,
) -> Result<bool, QueueError> {
    let total = i32::try_from(items.len()).unwrap_or(i32::MAX);
    let needed: Option<i32> = match fan_in.needed {
        Needed::All => None,
        Needed::AtLeast(needed) => Some(i32::try_from(needed).unwrap_or(i32::MAX)),
    };
    let deadline_us = fan_in.deadline.map(micros);
    let cancel_rest = fan_in.rest == Rest::Cancel;
    let times = || items.iter().map(|item| to_sql(item.event.occurred_at));
    let (first_at, last_at) = (times().min(), times().max());
    let (occurred_at, id) = (to_sql(claim.event.occurred_at), &claim.event.id.0);
    let params: Params<'_> = vec![
        &occurred_at,
        id,
        &claim.generation,
        &group,
        &total,
        &needed,
        &deadline_us,
        &cancel_rest,
        &first_at,
        &last_at,
    ];
    let insert = transaction.step(INSERT_FAN_IN, params).await?;
    let answers = transaction.pipeline(&[insert], Ends::Neither).await?;
    if answers.first().is_none_or(Vec::is_empty) {
        return Ok(false);
    }
    claim_keys(transaction, items).await?;
    Ok(true)
}

/// Claims every child's keys, in sorted order.
async fn claim_keys(transaction: &mut Transaction, items: &[Item]) -> Result<(), QueueError> {
    let mut keys: Vec<(&str, usize)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        keys.push((&item.event.delivery_key, index));
        keys.extend(item.logical_keys().map(|key| (key, index)));
    }
    keys.sort_unstable();
    if let Some(pair) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(QueueError::Refused(Refusal::KnownChild { index: pair[1].1 }));
    }
    let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    let ids: Vec<i64> = keys.iter().map(|(_, index)| items[*index].id.0).collect();
    let times: Vec<DateTime<Utc>> =
        keys.iter().map(|(_, index)| to_sql(items[*index].event.occurred_at)).collect();
    let insert = transaction.step(INSERT_KEYS, vec![&names, &ids, &times]).await?;
    let answers = transaction.pipeline(&[insert], Ends::Neither).await?;
    let inserted: HashSet<&str> =
        answers.iter().flatten().map(|row| get(row, "key")).collect::<Result<_, _>>()?;
    match keys.iter().find(|(key, _)| !inserted.contains(key)) {
        Some((_, index)) => Err(QueueError::Refused(Refusal::KnownChild { index: *index })),
        None => Ok(()),
    }
}

/// Writes the events, the jobs and the children, and commits.
async fn write(
    mut transaction: Transaction,
    claim: &Claim,
    group: &str,
    items: &[Item],
    lanes: &Lanes,
) -> Result<(), QueueError> {
    let rows: Vec<&Item> = items.iter().collect();
    let events = EventColumns::of(&rows);
    let work = |item: &Item| item.event.work.unwrap_or_default();
    let ids: Vec<i64> = items.iter().map(|item| item.id.0).collect();
    let times: Vec<DateTime<Utc>> =
        items.iter().map(|item| to_sql(item.event.occurred_at)).collect();
    let lane_of: Vec<Option<i64>> =
        items.iter().map(|item| lane(item).map(|lane| lane.0)).collect();
    let orders: Vec<i64> = items.iter().map(|item| item.event.lane_order).collect();
    let priorities: Vec<i16> = items.iter().map(|item| work(item).priority.as_i16()).collect();
    let delays: Vec<i64> = items.iter().map(|item| micros(work(item).delay)).collect();
    let expiries: Vec<Option<i64>> =
        items.iter().map(|item| work(item).expires_after.map(micros)).collect();
    let kinds: Vec<&str> = items.iter().map(|item| item.event.kind.as_str()).collect();
    let params: Params<'_> = vec![
        &claim.event.id.0,
        &claim.generation,
        &group,
        &ids,
        &times,
        &lane_of,
        &orders,
        &priorities,
        &delays,
        &expiries,
        &kinds,
    ];
    let mut steps = vec![
        transaction.step(INSERT_EVENTS, events.params()).await?,
        transaction.step(INSERT_CHILDREN, params).await?,
    ];
    if !lanes.is_empty() {
        steps.push(lanes.demote(&transaction).await?);
        steps.push(lanes.promote(&transaction).await?);
    }
    transaction.pipeline(&steps, Ends::Commit).await.map(drop)
}

fn validate(group: &str, children: &[NewEvent], fan_in: &FanIn) -> Result<(), Refusal> {
    within("the children's group", group, NAME_BYTES_MAX)?;
    let count = children.len();
    if count > CHILDREN_MAX {
        return Err(Refusal::TooMany { what: "children", count, count_max: CHILDREN_MAX });
    }
    if count == 0 {
        return Err(Refusal::FanInOutOfReach { needed: 1, children: 0 });
    }
    fan_in.validate(count)?;
    for (index, child) in children.iter().enumerate() {
        child.validate()?;
        if child.work.is_none() {
            return Err(Refusal::IdleChild { index });
        }
    }
    let bytes = children.iter().map(|child| child.raw.bytes.len()).sum();
    match bytes > CHILDREN_BYTES_MAX {
        true => {
            let what = "the children's payloads";
            Err(Refusal::TooLong { what, bytes, bytes_max: CHILDREN_BYTES_MAX })
        }
        false => Ok(()),
    }
}

fn lane(item: &Item) -> Option<Lane> {
    item.event.lane.as_deref().map(Lane::of)
}

/// Those with lanes. A new event without one is known to nobody, so its number needs no lock.
fn laned(items: &[Item]) -> impl Iterator<Item = (EventId, Option<Lane>)> {
    items.iter().filter_map(|item| lane(item).map(|lane| (item.id, Some(lane))))
}

/// Where a child lies.
pub(crate) fn child_ref(row: &Row) -> Result<EventRef, QueueError> {
    Ok(EventRef { occurred_at: get_time(row, "occurred_at")?, id: EventId(get(row, "event_id")?) })
}
