//! What the embedding program brings: how jobs are handled, and who watches over the process.

use std::future::Future;
use std::time::Duration;

use event::{Outcome, Policy};

use super::stop::Stop;
use crate::{Claim, Incarnation};

/// How jobs are handled. It reports; [`event::settle`] decides what follows.
pub trait Handler: Send + Sync + 'static {
    /// How often and how patiently a kind of work is tried.
    fn policy(&self, kind: &str) -> Policy {
        let _ = kind;
        Policy::ANSWER
    }

    /// Works on one claimed job. Long work watches `stop` and then returns [`Stop::outcome`];
    /// whoever does not may be dropped at any await. A panic is a failed attempt.
    fn handle(&self, claim: &Claim, stop: &Stop) -> impl Future<Output = Outcome> + Send;
}

/// A guard outside the process, which kills it when its lease is late. All is said from the thread
/// that keeps the lease, in order.
pub trait Heartbeat: Send + Sync {
    /// The lease was begun or renewed, as this incarnation; the database was asked at `asked_at`, a
    /// time since boot with the machine's sleep included (`CLOCK_BOOTTIME`).
    fn renewed(&self, who: Incarnation, asked_at: Duration);

    /// The lease is late, but nothing runs any more, and nothing will before it is renewed: being
    /// late harms nobody. Repeated while it is so.
    fn idle(&self);

    /// The database knows that this incarnation is gone.
    fn left(&self);
}
