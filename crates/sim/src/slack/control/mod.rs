//! What tests and the page do to a local Slack: be its people, and break it.

mod gestures;
pub(super) mod http;
mod observe;
mod people;
mod trouble;
mod workspace;

use std::sync::Arc;

use super::world::World;

pub use gestures::Press;
pub use people::{Attachment, Send};
pub use trouble::SocketAction;
pub use workspace::{Crew, Person, Place};

/// The in-process twin of the control API under `/sim`. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(super) world: Arc<World>,
}

/// Why the local Slack's people cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No such channel.
    #[error("there is no channel {0}")]
    Channel(String),
    /// No such person.
    #[error("there is no user {0}")]
    User(String),
    /// The person is not in the channel.
    #[error("{user} is not in {channel}")]
    NotMember {
        /// Who.
        user: String,
        /// Where.
        channel: String,
    },
    /// No such message.
    #[error("there is no message {ts} in {channel}")]
    Message {
        /// Where.
        channel: String,
        /// Which.
        ts: String,
    },
    /// The message has no element of this name.
    #[error("message {ts} has no element with the action_id {action_id}")]
    Element {
        /// Which message.
        ts: String,
        /// Which element.
        action_id: String,
    },
    /// Something is needed for what was asked.
    #[error("expected a {0}")]
    Missing(&'static str),
    /// Another message of the channel has this timestamp.
    #[error("there is a message {ts} in {channel} already")]
    Taken {
        /// Where.
        channel: String,
        /// Which.
        ts: String,
    },
    /// No such session.
    #[error("there is no agent session in the thread {0}")]
    Session(String),
    /// No such view.
    #[error("there is no open view {0}")]
    View(String),
}
