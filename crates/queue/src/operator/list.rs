//! Lists of events, newest first.

use std::fmt;

use event::{EventId, EventRef, JobState, TerminalState, Timestamp};
use serde::Serialize;

use tokio_postgres::Row;

use crate::statements::{LIST_ENDED, LIST_EVENTS, LIST_LIVE};
use crate::transaction::Sql;
use crate::wire::{get, get_chain, get_small, get_time_option, to_sql, without_nul};
use crate::{EventHead, Queue, QueueError};

/// Where an event stands: its live job's state, else how its last job ended, else why it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// See [`JobState::Waiting`].
    Waiting,
    /// See [`JobState::Ready`].
    Ready,
    /// See [`JobState::Running`].
    Running,
    /// See [`JobState::Suspended`].
    Suspended,
    /// See [`TerminalState::Done`].
    Done,
    /// See [`TerminalState::Dead`].
    Dead,
    /// See [`TerminalState::Cancelled`].
    Cancelled,
    /// See [`TerminalState::Expired`].
    Expired,
    /// Kept, and owed no work.
    Stored,
    /// Kept because it could not be understood.
    Quarantined,
}

impl EventState {
    /// Every state.
    pub const ALL: [EventState; 10] = [
        EventState::Waiting,
        EventState::Ready,
        EventState::Running,
        EventState::Suspended,
        EventState::Done,
        EventState::Dead,
        EventState::Cancelled,
        EventState::Expired,
        EventState::Stored,
        EventState::Quarantined,
    ];

    /// Its word, as commands take and print it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            EventState::Waiting => JobState::Waiting.as_str(),
            EventState::Ready => JobState::Ready.as_str(),
            EventState::Running => JobState::Running.as_str(),
            EventState::Suspended => JobState::Suspended.as_str(),
            EventState::Done => TerminalState::Done.as_str(),
            EventState::Dead => TerminalState::Dead.as_str(),
            EventState::Cancelled => TerminalState::Cancelled.as_str(),
            EventState::Expired => TerminalState::Expired.as_str(),
            EventState::Stored => "stored",
            EventState::Quarantined => "quarantined",
        }
    }

    /// The state that a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        EventState::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for EventState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which events; an empty filter means all.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventFilter {
    /// In this state now.
    pub state: Option<EventState>,
    /// Of this kind.
    pub kind: Option<String>,
    /// By this actor.
    pub actor: Option<String>,
    /// Occurred at or after.
    pub since: Option<Timestamp>,
    /// Occurred before.
    pub until: Option<Timestamp>,
    /// Whose last error chain contains this text, whatever its case.
    pub error: Option<String>,
    /// Whose newest job ended before.
    pub ended_before: Option<Timestamp>,
    /// Of this tenant.
    pub tenant: Option<String>,
    /// Older than this one, for the next page: the last of the page before.
    pub before: Option<EventRef>,
}

/// One line of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventSummary {
    /// What is known of every event.
    pub head: EventHead,
    /// Where it stands.
    pub state: EventState,
    /// The generation of its newest job; 0 when it never had one.
    pub generation: i32,
    /// Attempts charged to that job.
    pub attempts: u32,
    /// When that job may start or start again, while it waits.
    pub run_at: Option<Timestamp>,
    /// When that job ended.
    pub ended_at: Option<Timestamp>,
    /// The outermost error of its last attempt or end, or why it is in quarantine.
    pub error: Option<String>,
}

impl Queue {
    /// The newest events that match, at most `limit` (1,000 at most).
    ///
    /// # Errors
    /// Those of the database.
    pub async fn events(
        &self,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<Vec<EventSummary>, QueueError> {
        let limit = i64::from(limit.min(PAGE_EVENTS_MAX));
        let texts = [&filter.kind, &filter.actor, &filter.tenant, &filter.error];
        let [kind, actor, tenant, error] = texts.map(|text| text.as_deref().map(without_nul));
        let (since, until) = (filter.since.map(to_sql), filter.until.map(to_sql));
        let before_at = filter.before.map(|event| to_sql(event.occurred_at));
        let before_id = filter.before.map(|event| event.id.0);
        let state = filter.state.map(EventState::as_str);
        let ended_before = filter.ended_before.map(to_sql);
        let rows = self
            .ask(
                statement(filter.state),
                vec![
                    &kind,
                    &actor,
                    &tenant,
                    &since,
                    &until,
                    &before_at,
                    &before_id,
                    &error,
                    &state,
                    &limit,
                    &ended_before,
                ],
            )
            .await?;
        rows.iter().map(read).collect()
    }
}

/// Events on one page at most.
pub(crate) const PAGE_EVENTS_MAX: u32 = 1_000;

/// The statement whose index serves the state.
fn statement(state: Option<EventState>) -> Sql {
    match state {
        Some(
            EventState::Waiting | EventState::Ready | EventState::Running | EventState::Suspended,
        ) => LIST_LIVE,
        Some(EventState::Dead | EventState::Cancelled | EventState::Expired) => LIST_ENDED,
        Some(EventState::Done | EventState::Stored | EventState::Quarantined) | None => LIST_EVENTS,
    }
}

fn read(row: &Row) -> Result<EventSummary, QueueError> {
    let head = EventHead::read(row)?;
    let error = get_chain(row, "error")?.and_then(|chain| chain.into_iter().next());
    Ok(EventSummary {
        state: read_state(row, head.event.id)?,
        head,
        generation: get(row, "generation")?,
        attempts: get_small(row, "attempts")?,
        run_at: get_time_option(row, "run_at")?,
        ended_at: get_time_option(row, "ended_at")?,
        error,
    })
}

/// The column `state` of the view.
pub(crate) fn read_state(row: &Row, event: EventId) -> Result<EventState, QueueError> {
    let word: &str = get(row, "state")?;
    EventState::from_word(word).ok_or(QueueError::Unreadable { event, what: "its state" })
}
