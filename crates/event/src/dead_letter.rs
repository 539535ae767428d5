//! The internal event that follows a death, so that whoever asked is told.

use serde::{Deserialize, Serialize};

use crate::id::EventRef;

/// The raw body of an event of the kind [`DeadLetter::KIND`], as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The event that died.
    pub event: EventRef,
    /// Which of its generations.
    pub generation: i32,
    /// The kind of the work that died.
    pub kind: String,
    /// How many attempts it was charged.
    pub attempts: u32,
}

impl DeadLetter {
    /// The kind of the internal event.
    pub const KIND: &'static str = "dead_letter";

    /// Whether a death of this kind is told: all but those of the tellers.
    #[must_use]
    pub fn follows(kind: &str) -> bool {
        kind != Self::KIND
    }

    /// The key by which one death is told once.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}:{}:{}", Self::KIND, self.event.id, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_notice_tells_nobody() {
        assert!(DeadLetter::follows("app_mention"));
        assert!(!DeadLetter::follows(DeadLetter::KIND));
    }
}
