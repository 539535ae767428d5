//! What the parts of one running worker share.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use event::Policy;

use super::handler::Handler;
use super::lease::Lease;
use super::meters::Meters;
use super::options::RunnerOptions;
use super::outbox::Outbox;
use super::running::Running;
use crate::Queue;

/// One worker's own things.
pub(super) struct Shared<H> {
    pub(super) queue: Queue,
    pub(super) options: RunnerOptions,
    pub(super) handler: H,
    pub(super) lease: Arc<Lease>,
    pub(super) running: Arc<Running>,
    pub(super) outbox: Outbox,
    pub(super) meters: Meters,
}

impl<H> Shared<H> {
    pub(super) fn new(
        queue: Queue,
        options: RunnerOptions,
        handler: H,
        lease: Arc<Lease>,
        running: Arc<Running>,
    ) -> Self {
        let meters = Meters::new(options.slots);
        Shared { queue, options, handler, lease, running, outbox: Outbox::default(), meters }
    }

    /// Slots in which nothing runs.
    pub(super) fn free(&self) -> usize {
        (self.options.slots as usize).saturating_sub(self.running.len())
    }
}

impl<H: Handler> Shared<H> {
    /// The handler's policy for a kind; an answer's, should it panic.
    pub(super) fn policy(&self, kind: &str) -> Policy {
        let asked = catch_unwind(AssertUnwindSafe(|| self.handler.policy(kind)));
        asked.unwrap_or(Policy::ANSWER)
    }
}
