//! Faults, sockets, settings and time.

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::Control;
use crate::slack::{
    clock::Clock,
    connection::{Frame, Switches},
    faults::Fault,
    options::Settings,
    requests,
    world::lock,
};

/// What happens to the app's sockets.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SocketAction {
    /// Told to go: `warning`, `refresh_requested`, `link_disabled`, `too_many_websockets`, or a
    /// reason that nobody has heard of yet.
    Disconnect {
        /// Why.
        #[serde(default = "refresh_requested")]
        reason: String,
    },
    /// Cut without a closing handshake.
    Drop,
    /// Neither read nor written any more, but not closed.
    HalfOpen,
    /// Still written, and its pings answered, but its acknowledgements are not heard any more.
    Deaf,
    /// The next acknowledgements are swallowed as if they were lost on their way.
    LoseAcks {
        /// How many.
        count: u32,
    },
}

impl Control {
    /// Injects a fault into the Web API.
    pub fn fault(&self, fault: Fault) {
        self.world.faults.add(fault);
    }

    /// The faults still to come.
    pub fn faults(&self) -> Vec<Fault> {
        self.world.faults.list()
    }

    /// Forgets the faults still to come.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Does something to one socket, by its number in the journal, or to all. Returns how many it
    /// met.
    pub fn sockets(&self, action: &SocketAction, connection: Option<u64>) -> usize {
        let link = &self.world.link;
        match action {
            SocketAction::Disconnect { reason } => {
                let did = link.disconnect(connection, reason, self.world.clock.now_us());
                let met = did.len();
                self.world.journal.link(did);
                met
            }
            SocketAction::Drop => self.each(connection, "dropped", |on| &on.cut),
            SocketAction::HalfOpen => self.each(connection, "half_open", |on| &on.freeze),
            SocketAction::Deaf => self.each(connection, "deaf", |on| &on.deafen),
            SocketAction::LoseAcks { count } => {
                link.lose_acks(*count);
                link.connections(connection).len()
            }
        }
    }

    fn each(
        &self,
        connection: Option<u64>,
        change: &'static str,
        token: impl Fn(&Switches) -> &CancellationToken,
    ) -> usize {
        let sockets = self.world.link.connections(connection);
        for socket in &sockets {
            self.world.journal.socket(socket.id, change, None);
            token(&socket.switches).cancel();
        }
        sockets.len()
    }

    /// Sends any bytes as a text frame to one of the sockets, also what is no UTF-8 or no JSON.
    /// False when none is open.
    pub fn raw(&self, frame: impl Into<Vec<u8>>) -> bool {
        let sockets = self.world.link.connections(None);
        sockets
            .first()
            .is_some_and(|socket| socket.frames.try_send(Frame::Raw(frame.into())).is_ok())
    }

    /// Delivers to the app's request URL (`http://HOST:PORT/slack`) from now on instead of over its
    /// sockets; over these again with `None`.
    pub fn request_url(&self, base: Option<String>) {
        let stop = self.world.shutdown.child_token();
        let before = std::mem::replace(&mut *lock(&self.world.requests), stop.clone());
        before.cancel();
        if let Some(base) = base {
            let world = Arc::clone(&self.world);
            self.world.tasks.spawn(requests::run(world, base, stop));
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.world.clock.advance(by);
    }

    /// The clock of this local Slack.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.world.clock.clone()
    }

    /// What can be changed while it runs.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.world.settings().clone()
    }

    /// Changes what can be changed while it runs.
    pub fn configure(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.world.settings());
    }
}

fn refresh_requested() -> String {
    "refresh_requested".into()
}
