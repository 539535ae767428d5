//! What an operator's word covers.

use std::fmt;

use event::EventId;
use serde::Serialize;

/// What an operator's word covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "scope", content = "name", rename_all = "snake_case")]
pub enum Scope {
    /// Everything.
    Fleet,
    /// The jobs of one kind.
    Kind(String),
    /// The jobs of one lane, by its name.
    Lane(String),
    /// One event's job.
    Event(EventId),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Fleet => f.write_str("the fleet"),
            Scope::Kind(kind) => write!(f, "the kind {kind}"),
            Scope::Lane(lane) => write!(f, "the lane {lane}"),
            Scope::Event(id) => write!(f, "the event {id}"),
        }
    }
}
