//! What each incarnation of this process was handed, by this process's own account.
//!
//! A claim whose answer is lost leaves jobs running under a worker that renews its lease and knows
//! nothing of them: no lease would ever end. Comparing both accounts finds them. The lost claim may
//! also reach the database, or commit there, only after they were compared; so they are compared
//! again, less and less often, until nothing of a broken link can be on its way any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use event::Token;

use crate::Incarnation;

/// How long a claim may land after its answer was lost. Linux gives up what a closed socket still
/// holds after eight retransmissions, about 100 s (`tcp_orphan_retries`).
const LANDS_WITHIN: Duration = Duration::from_secs(180);

/// The least time between two comparisons after a loss; later ones wait as long as the loss is ago.
const COMPARED_AGAIN: Duration = Duration::from_millis(50);

/// The account, shared by all clones of a queue.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashMap<i64, Account>>>);

#[derive(Default)]
struct Account {
    /// A claim was sent and its answer has not been read, or not been dealt with whole.
    uncertain: bool,
    /// A loss that may still bring jobs.
    loss: Option<Loss>,
    tokens: HashSet<Token>,
}

/// When an answer was found lost, and when to compare the accounts next.
struct Loss {
    noticed: Instant,
    compare: Instant,
}

impl Account {
    fn compares(&mut self, now: Instant) -> bool {
        if std::mem::take(&mut self.uncertain) {
            self.loss = Some(Loss { noticed: now, compare: now });
        }
        let Some(loss) = &mut self.loss else { return false };
        if now < loss.compare {
            return false;
        }
        let ago = now.duration_since(loss.noticed);
        loss.compare = now + ago.max(COMPARED_AGAIN);
        if ago > LANDS_WITHIN {
            self.loss = None;
        }
        true
    }
}

impl Held {
    /// Whether both accounts are to be compared before the claim that is about to be sent.
    pub(crate) fn compares(&self, who: Incarnation, now: Instant) -> bool {
        self.accounts().get_mut(&who.id).is_some_and(|account| account.compares(now))
    }

    pub(crate) fn knows(&self, who: Incarnation, token: Token) -> bool {
        self.accounts().get(&who.id).is_some_and(|account| account.tokens.contains(&token))
    }

    /// The database may soon know of more: a claim is about to be sent, or one of its jobs was not
    /// handed out.
    pub(crate) fn doubt(&self, who: Incarnation) {
        let mut accounts = self.accounts();
        let account = accounts.entry(who.id).or_default();
        if std::mem::replace(&mut account.uncertain, true) {
            // Two claims after one another, and the first is still in doubt.
            let now = Instant::now();
            account.loss = Some(Loss { noticed: now, compare: now });
        }
    }

    /// Its answer was read.
    pub(crate) fn answered(&self, who: Incarnation, tokens: impl Iterator<Item = Token>) {
        let mut accounts = self.accounts();
        let account = accounts.entry(who.id).or_default();
        account.uncertain = false;
        account.tokens.extend(tokens);
    }

    /// An attempt is over.
    pub(crate) fn settled(&self, token: Token) {
        for account in self.accounts().values_mut() {
            account.tokens.remove(&token);
        }
    }

    /// An incarnation is over.
    pub(crate) fn forget(&self, who: Incarnation) {
        self.accounts().remove(&who.id);
    }

    /// The account stays whole even if a thread that held the lock panicked: each change is one
    /// step.
    fn accounts(&self) -> MutexGuard<'_, HashMap<i64, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared_at(seconds: impl Iterator<Item = u64>, lost_at: u64) -> Vec<u64> {
        let (begun, mut account) = (Instant::now(), Account::default());
        let compared = seconds.filter(|second| {
            account.uncertain = *second == lost_at;
            account.compares(begun + Duration::from_secs(*second))
        });
        compared.collect()
    }

    #[test]
    fn after_a_loss_the_accounts_are_compared_less_and_less_often_and_then_no_more() {
        assert_eq!(compared_at(0..2_000, 5), [5, 6, 7, 9, 13, 21, 37, 69, 133, 261]);
    }

    #[test]
    fn a_loss_is_not_forgotten_when_another_claim_is_answered_before_it_is_dealt_with() {
        let (held, who) = (Held::default(), Incarnation { id: 1 });
        held.doubt(who);
        held.doubt(who);
        held.answered(who, std::iter::empty());
        assert!(held.compares(who, Instant::now()));
    }

    #[test]
    fn without_a_loss_they_never_are() {
        assert!(compared_at(0..10, 10).is_empty());
    }
}
