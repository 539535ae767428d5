//! What each incarnation of this process was handed, by this process's own account.
//!
//! A claim whose answer is lost leaves jobs running under a worker that renews its lease and knows
//! nothing of them: no lease would ever end. Comparing both accounts finds them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event::Token;

use crate::Incarnation;

/// The account, shared by all clones of a queue.
#[derive(Clone, Default)]
pub(crate) struct Held(Arc<Mutex<HashMap<i64, Account>>>);

#[derive(Default)]
struct Account {
    /// A claim was sent and its answer has not been read, or not been dealt with whole.
    uncertain: bool,
    tokens: HashSet<Token>,
}

impl Held {
    pub(crate) fn is_uncertain(&self, who: Incarnation) -> bool {
        self.accounts().get(&who.id).is_some_and(|account| account.uncertain)
    }

    pub(crate) fn knows(&self, who: Incarnation, token: Token) -> bool {
        self.accounts().get(&who.id).is_some_and(|account| account.tokens.contains(&token))
    }

    /// The database may soon know of more: a claim is about to be sent, or one of its jobs was not
    /// handed out.
    pub(crate) fn doubt(&self, who: Incarnation) {
        self.accounts().entry(who.id).or_default().uncertain = true;
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
