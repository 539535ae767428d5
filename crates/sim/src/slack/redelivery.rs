//! The task that does what is due: missed deadlines, redeliveries, refreshes.

use super::world::World;

/// Runs until the local Slack stops.
pub(super) async fn run(world: &World) {
    loop {
        let due_us = world.link.next_due_us().unwrap_or(i64::MAX);
        tokio::select! {
            () = world.shutdown.cancelled() => return,
            () = world.link.due_changed.notified() => {}
            () = world.clock.sleep_until_us(due_us) => {
                let did = world.link.do_due(world.clock.now_us());
                world.journal.link(did);
            }
        }
    }
}
