//! What is asked of the line, and what came of it.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;

use super::commits::Commit;

/// On which side of a commit the line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// The server never sees it: it rolls back.
    Before,
    /// The server carried it out; the client never hears of it.
    After,
}

/// How the line behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// As a good line does.
    #[default]
    Clear,
    /// Everything comes late by this, in both directions.
    Delay(Duration),
    /// So many bytes at a time, so long apart.
    Drip(usize, Duration),
    /// Connections are taken and nothing passes. What was sent arrives when the weather clears,
    /// even if its sender has gone.
    Blackhole,
    /// Nobody listens. Standing connections stay.
    Refuse,
}

/// How standing connections end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Break {
    /// With a FIN, as when a process ends.
    #[default]
    Close,
    /// With an RST, as when a machine was rebooted.
    Reset,
}

/// What happened on the line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Connections taken.
    pub accepted: u64,
    /// Commits seen on their way to the server.
    pub commits: u64,
    /// Connections cut before a commit was passed on.
    pub cut_before: u64,
    /// Connections cut after the server had answered a commit.
    pub cut_after: u64,
    /// Connections ended by [`super::Link::break_all`].
    pub broken: u64,
    /// Chunks that came late or in drops.
    pub slowed: u64,
    /// Chunks that a black hole held back.
    pub swallowed: u64,
}

type Wanted = Box<dyn Fn(&Commit) -> bool + Send + Sync>;

struct Order {
    cut: Cut,
    skip: u32,
    wanted: Wanted,
}

/// Shared by the handle and all connections.
pub(super) struct Shared {
    pub(super) target: SocketAddr,
    pub(super) weather: watch::Sender<Weather>,
    pub(super) counts: watch::Sender<Counts>,
    /// How often everything was ended, and how the last time.
    pub(super) breaks: watch::Sender<(u64, Break)>,
    order: Mutex<Option<Order>>,
}

impl Shared {
    pub(super) fn new(target: SocketAddr) -> Self {
        Shared {
            target,
            weather: watch::Sender::new(Weather::Clear),
            counts: watch::Sender::default(),
            breaks: watch::Sender::default(),
            order: Mutex::default(),
        }
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    pub(super) fn arm(&self, cut: Cut, skip: u32, wanted: Wanted) {
        *self.order() = Some(Order { cut, skip, wanted });
    }

    pub(super) fn disarm(&self) -> bool {
        self.order().take().is_some()
    }

    /// Whether the line breaks at this commit.
    pub(super) fn meet(&self, commit: &Commit) -> Option<Cut> {
        self.count(|counts| counts.commits += 1);
        let mut order = self.order();
        let standing = order.as_mut().filter(|order| (order.wanted)(commit))?;
        if standing.skip > 0 {
            standing.skip -= 1;
            return None;
        }
        order.take().map(|order| order.cut)
    }

    /// Whole at any time: every change is one assignment.
    fn order(&self) -> MutexGuard<'_, Option<Order>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("target", &self.target).finish_non_exhaustive()
    }
}
