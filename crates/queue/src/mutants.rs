//! Broken variants of the engine, for showing that its checker finds each. Without the feature
//! `mutants` all of it is nothing. Only `tests/mutants` asks for the feature.

#[cfg(feature = "mutants")]
mod chosen;

#[cfg(feature = "mutants")]
pub use chosen::*;

#[cfg(not(feature = "mutants"))]
pub(crate) use unchanged::*;

/// The engine as it is.
#[cfg(not(feature = "mutants"))]
mod unchanged {
    use std::time::Duration;

    use event::{NewEvent, Policy};

    use crate::transaction::Sql;

    /// The text of a statement.
    pub(crate) const fn text(sql: Sql) -> &'static str {
        sql.text
    }

    /// The policy by which the reaper settles.
    pub(crate) const fn reaper_policy(policy: Policy) -> Policy {
        policy
    }

    /// Whether claims look for what their mark passed over.
    pub(crate) const fn looks_back() -> bool {
        true
    }

    /// How often a worker looks without a hint.
    pub(crate) const fn poll(poll: Duration) -> Duration {
        poll
    }

    /// Drops keys that an event would be known by.
    pub(crate) const fn forget_keys(_event: &mut NewEvent) {}

    /// Answers callers before their events are committed; returns those still to be answered.
    pub(crate) fn acknowledge<T>(_events: &[NewEvent], replies: Vec<T>) -> Vec<T> {
        replies
    }
}
