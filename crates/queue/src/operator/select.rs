//! Which events an operator means.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use event::{EventId, EventRef};

use super::list::PAGE_EVENTS_MAX;
use crate::statements::FIND_EVENTS;
use crate::wire::{get, get_time, to_sql};
use crate::{EventFilter, Queue, QueueError};

/// Which events are meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// These.
    Ids(Vec<EventId>),
    /// All that match.
    Filter(EventFilter),
}

/// The events that are meant, with the times by which the log finds them.
#[derive(Debug, Default)]
pub(super) struct Selected {
    pub(super) events: Vec<EventRef>,
    /// Named, and not in the log.
    pub(super) unknown: Vec<EventId>,
    /// Whether a filter matches more than its limit.
    pub(super) more: bool,
}

/// Numbers looked up at once.
const FIND_MAX: usize = 1_000;

impl Queue {
    /// Finds the events of a selection: those named, in the order of their names, or a filter's
    /// matches, at most `limit` and oldest first, so that lanes are refilled in their order.
    pub(super) async fn select(
        &self,
        selection: &Selection,
        limit: u32,
    ) -> Result<Selected, QueueError> {
        match selection {
            Selection::Ids(ids) => self.named(ids).await,
            Selection::Filter(filter) => self.matching(filter, limit).await,
        }
    }

    async fn named(&self, ids: &[EventId]) -> Result<Selected, QueueError> {
        let mut selected = Selected::default();
        let mut seen = HashSet::new();
        let ids: Vec<EventId> = ids.iter().copied().filter(|id| seen.insert(*id)).collect();
        for some in ids.chunks(FIND_MAX) {
            let numbers: Vec<i64> = some.iter().map(|id| id.0).collect();
            let mut found = HashMap::new();
            for row in self.ask(FIND_EVENTS, vec![&numbers]).await? {
                found.insert(EventId(get(&row, "id")?), get_time(&row, "occurred_at")?);
            }
            for &id in some {
                match found.get(&id) {
                    Some(&occurred_at) => selected.events.push(EventRef { occurred_at, id }),
                    None => selected.unknown.push(id),
                }
            }
        }
        Ok(selected)
    }

    async fn matching(&self, filter: &EventFilter, limit: u32) -> Result<Selected, QueueError> {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut filter = filter.clone();
        let mut selected = Selected::default();
        let events = &mut selected.events;
        // One more than wanted tells whether there is more.
        while events.len() <= wanted {
            let page = self.events(&filter, PAGE_EVENTS_MAX).await?;
            events.extend(page.iter().map(|summary| summary.head.event));
            match page.last() {
                Some(last) => filter.before = Some(last.head.event),
                None => break,
            }
        }
        selected.more = events.len() > wanted;
        events.truncate(wanted);
        events.reverse();
        Ok(selected)
    }
}

/// Events as two columns: their times and their numbers.
pub(super) fn columns(events: &[EventRef]) -> (Vec<DateTime<Utc>>, Vec<i64>) {
    events.iter().map(|event| (to_sql(event.occurred_at), event.id.0)).unzip()
}
