//! Why and how a running job is told to stop.

use std::sync::{Arc, OnceLock};

use event::Outcome;
use tokio_util::sync::CancellationToken;

/// Why a job has to stop before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The process is ending; the job goes back uncharged.
    Drain,
    /// An operator or the asker called it off.
    CalledOff,
    /// The lease is gone or cannot be renewed: whatever this attempt still does, nobody may see.
    Fenced,
}

/// One running job's order to stop. The first reason given stands.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    token: CancellationToken,
    why: Arc<OnceLock<Why>>,
}

impl Stop {
    /// The token that long work watches.
    #[must_use]
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Why it has to stop, once it has to.
    #[must_use]
    pub fn why(&self) -> Option<Why> {
        self.why.get().copied()
    }

    /// What an attempt that stopped for this reason reports.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self.why() {
            Some(Why::CalledOff) => Outcome::Cancelled,
            Some(Why::Drain | Why::Fenced) | None => Outcome::Released,
        }
    }

    /// Tells it to stop.
    pub(super) fn order(&self, why: Why) {
        let _ = self.why.set(why);
        self.token.cancel();
    }
}
