//! The states of a job, as SQL's CHECK constraints repeat them.

use serde::{Deserialize, Serialize};

/// A live job's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Behind another in its lane, or not before a time. The sweep or the lane's finish moves it
    /// to `Ready`.
    Waiting,
    /// May be claimed now. A claim moves it to `Running`.
    Ready,
    /// Held under a lease. Settling, or the reaper once the lease ended, moves it on.
    Running,
    /// Waits for a person, an approval, a time or children: without a worker, without its lane. A
    /// signal, its children's end or its time moves it to `Waiting`, and from there its lane does.
    Suspended,
}

/// How a job ended. Terminal jobs leave the live table for the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminalState {
    /// Its handler finished.
    Done,
    /// It failed for good; an operator may replay it.
    Dead,
    /// Someone called it off.
    Cancelled,
    /// Its time passed before anyone could work on it.
    Expired,
}

macro_rules! words {
    ($type:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $type {
            /// Every state, in the order of its life.
            pub const ALL: &[$type] = &[$(<$type>::$variant),+];

            /// The word that the database stores.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(<$type>::$variant => $word),+ }
            }

            /// The state that a stored word stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(<$type>::$variant),)+ _ => None }
            }
        }
    };
}

words!(JobState {
    Waiting => "waiting",
    Ready => "ready",
    Running => "running",
    Suspended => "suspended",
});
words!(TerminalState {
    Done => "done",
    Dead => "dead",
    Cancelled => "cancelled",
    Expired => "expired",
});

impl JobState {
    /// The byte that the database stores, of its type `"char"`: `w`, `r`, `x` or `s`.
    #[must_use]
    pub const fn code(self) -> i8 {
        let letter = match self {
            JobState::Waiting => b'w',
            JobState::Ready => b'r',
            JobState::Running => b'x',
            JobState::Suspended => b's',
        };
        letter.cast_signed()
    }

    /// The state that a stored byte stands for.
    #[must_use]
    pub fn from_code(code: i8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| state.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_word() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_word(state.as_str()), Some(*state));
            assert_eq!(JobState::from_code(state.code()), Some(*state));
        }
        for state in TerminalState::ALL {
            assert_eq!(TerminalState::from_word(state.as_str()), Some(*state));
        }
        assert_eq!(JobState::from_word("done"), None);
        assert_eq!(JobState::from_code(0), None);
    }
}
