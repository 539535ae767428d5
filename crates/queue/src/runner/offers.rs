//! The idle puller's offer to its own process's commits.

use super::handler::Handler;
use super::puller::{Next, Puller};
use crate::handover::{Handover, Offered};

/// At most one offer, and what was not looked for because of it.
#[derive(Default)]
pub(super) struct Standing {
    offered: Option<Offered>,
    /// A claim was due while a commit had the offer.
    owed: bool,
}

impl Standing {
    /// Whether the worker may claim by itself: not while a commit claims for it.
    pub(super) fn withdraw(&mut self) -> bool {
        if self.offered.as_ref().is_some_and(Offered::withdraw) {
            self.offered = None;
        }
        self.owed |= self.is_open();
        !self.is_open()
    }

    pub(super) fn is_open(&self) -> bool {
        self.offered.is_some()
    }

    /// Waits for a commit that takes the offer; for ever if there is none.
    pub(super) async fn answered(&mut self) -> Option<Handover> {
        let Some(offered) = &mut self.offered else { return std::future::pending().await };
        let handover = offered.answered().await;
        self.offered = None;
        handover
    }
}

impl<H: Handler> Puller<H> {
    /// Offers to take what the next commit of this process makes, if it could.
    pub(super) fn offer(&mut self) {
        let limit = self.batch.size().min(self.shared.free());
        if let (Some(who), false) = (self.shared.lease.current(), self.standing.is_open())
            && limit > 0
            && self.quick
            && self.apart.is_none()
        {
            self.standing.offered = Some(self.shared.queue.offer(who, limit));
        }
    }

    /// Starts what a commit has claimed.
    pub(super) async fn handed_over(&mut self, handover: Option<Handover>) -> Next {
        let owed = std::mem::take(&mut self.standing.owed);
        // Nothing is known of the claim: the next one compares the accounts.
        let Some(Handover { who, look, limit, claimed, more }) = handover else {
            return Next::Look;
        };
        let shared = &self.shared;
        let (standing, paused) = (claimed.standing, claimed.paused);
        let claims = match shared.queue.receive(who, look, limit, claimed.rows).await {
            Ok(claims) => claims,
            Err(error) => return self.failed(&error),
        };
        shared.meters.claims.increment(claims.len() as u64);
        self.report.exchanges += u64::from(!claims.is_empty());
        self.start(who, claims);
        if !standing {
            self.shared.lease.hurry();
            return Next::Pause;
        }
        match owed || more || paused {
            true => Next::Look,
            false => Next::Wait,
        }
    }
}
