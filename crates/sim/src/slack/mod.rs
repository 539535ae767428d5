//! A local Slack: its Web API, Socket Mode, people and faults, in one process and on one port.
//!
//! It keeps to what Slack documents, and where Slack is silent to what was measured. It holds one
//! workspace with one app, in memory; [`Options::data_file`] keeps it across restarts.

mod acknowledgement;
mod channel;
mod clock;
mod connection;
mod control;
mod envelope;
mod events;
mod faults;
mod feed;
mod files;
mod handshake;
mod interaction;
mod journal;
mod limits;
mod link;
mod membership;
mod message;
mod options;
mod page;
mod persistence;
mod posting;
mod redelivery;
mod requests;
mod response;
mod rich_text;
mod server;
mod sessions;
mod socket;
mod state;
mod stream;
mod ts;
mod views;
mod web_api;
mod workspace;
mod world;

pub use clock::Clock;
pub use control::{
    Attachment, Control, ControlError, Crew, Person, Place, Press, Send, SocketAction,
};
pub use envelope::Kind;
pub use faults::{Fault, FaultKind};
pub use journal::{Entry, What};
pub use options::{MentionOrder, Options, Settings, SocketOptions};
pub use server::LocalSlack;
pub use workspace::{
    APP, BOT, BOT_NAME, BOT_USER, GENERAL, Guest, SECOND_BOT_USER, TEAM, TEAM_DOMAIN,
};
