//! Idle workers' offers to take what their own process commits.
//!
//! The claim then rides in the commit that makes the job, as it rides elsewhere with the end of the
//! job before: one commit instead of two, and the job starts with its commit's return. It is the same
//! statement over the same line and takes whatever comes first there. If the commit fails, or its
//! answer is lost, the worker compares the accounts as after any lost claim.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event::EventId;
use tokio::sync::oneshot;
use tokio_postgres::Row;

use crate::claim::{Claimed, Request};
use crate::held::Held;
use crate::marks::{Look, Marks};
use crate::transaction::{Step, Transaction};
use crate::wire::get;
use crate::{Incarnation, Queue, QueueError};

/// Jobs that one commit claims at most: it must not become slow for the events that it carries.
const JOBS_MAX: usize = 16;

/// The open offers of a process, shared by all clones of a queue; the oldest is taken first.
#[derive(Clone, Default)]
pub(crate) struct Offers(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    made: u64,
    waiting: VecDeque<(u64, Offer)>,
}

struct Offer {
    who: Incarnation,
    limit: usize,
    reply: oneshot::Sender<Handover>,
}

/// What a commit brought the worker that had offered itself.
pub(crate) struct Handover {
    pub(crate) who: Incarnation,
    pub(crate) look: Look,
    pub(crate) limit: usize,
    pub(crate) claimed: Claimed,
    /// The commit made jobs that it did not claim.
    pub(crate) more: bool,
}

/// A worker's own offer; dropped, it is withdrawn.
pub(crate) struct Offered {
    number: u64,
    offers: Offers,
    answer: oneshot::Receiver<Handover>,
}

/// An offer that a commit has taken; dropped, it tells the worker that nothing is known of the claim.
pub(crate) struct Taken {
    request: Request,
    look: Look,
    offer: Offer,
}

impl Offers {
    /// Makes an offer of up to `limit` jobs; nobody else may claim for `who` until it is withdrawn or
    /// answered.
    fn make(&self, who: Incarnation, limit: usize) -> Offered {
        let (reply, answer) = oneshot::channel();
        let limit = limit.min(JOBS_MAX);
        let mut open = self.open();
        open.made += 1;
        let number = open.made;
        open.waiting.push_back((number, Offer { who, limit, reply }));
        Offered { number, offers: self.clone(), answer }
    }

    /// Takes the oldest offer, whose worker expects a claim from now on.
    pub(crate) fn take(&self, held: &Held, marks: &Marks) -> Option<Taken> {
        let (_, offer) = self.open().waiting.pop_front()?;
        held.doubt(offer.who);
        let look = marks.look_in_passing();
        Some(Taken { request: Request::new(offer.who, offer.limit, Some(look)), look, offer })
    }

    /// Each change is one step, so a panic elsewhere leaves it whole.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The last steps of the transaction.
    pub(crate) async fn steps(&self, on: &Transaction) -> Result<[Step<'_>; 2], QueueError> {
        self.request.steps(on).await
    }

    /// Hands over what was claimed in a commit that stands and that made jobs for these events.
    /// Returns whether some of them are left to others.
    pub(crate) fn hand_over<'a>(
        self,
        answers: &mut Vec<Vec<Row>>,
        mut made: impl Iterator<Item = &'a EventId>,
    ) -> Result<bool, QueueError> {
        let Taken { look, offer: Offer { who, limit, reply }, .. } = self;
        let claimed = Claimed::of_answers(answers)?;
        let events = claimed.rows.iter().map(|row| get(row, "event_id").map(EventId));
        let events = events.collect::<Result<HashSet<_>, _>>()?;
        let more = made.any(|event| !events.contains(event));
        // A worker that is gone is taken over, like any that dies with a claim.
        let _ = reply.send(Handover { who, look, limit, claimed, more });
        Ok(more)
    }
}

impl Offered {
    /// What the commit brought; `None` when it failed or nothing is known of it.
    pub(crate) async fn answered(&mut self) -> Option<Handover> {
        (&mut self.answer).await.ok()
    }

    /// Takes the offer back; `false` when a commit has taken it, and its answer is to be waited for.
    pub(crate) fn withdraw(&self) -> bool {
        let mut open = self.offers.open();
        let before = open.waiting.len();
        open.waiting.retain(|(number, _)| *number != self.number);
        open.waiting.len() < before
    }
}

impl Drop for Offered {
    fn drop(&mut self) {
        self.withdraw();
    }
}

impl Queue {
    /// Offers to take up to `limit` jobs for `who` with a commit of this process. Nobody else may
    /// claim for `who` until it is withdrawn or answered.
    pub(crate) fn offer(&self, who: Incarnation, limit: usize) -> Offered {
        self.offers.make(who, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(offers: &Offers, id: i64) -> Offered {
        offers.make(Incarnation { id }, 1)
    }

    fn taken(offers: &Offers) -> Option<i64> {
        offers.take(&Held::default(), &Marks::default()).map(|taken| taken.offer.who.id)
    }

    #[tokio::test]
    async fn the_oldest_offer_is_taken_and_can_be_taken_back_until_then() {
        let offers = Offers::default();
        let (first, mut second, third) = (offer(&offers, 1), offer(&offers, 2), offer(&offers, 3));
        assert!(first.withdraw(), "nobody had taken it");
        assert!(!first.withdraw(), "it is no longer there");
        assert_eq!(taken(&offers), Some(2));
        assert!(!second.withdraw(), "a commit has it");
        assert!(second.answered().await.is_none(), "that commit told nothing");
        drop(third);
        assert_eq!(taken(&offers), None);
    }
}
