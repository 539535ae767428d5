//! Slack's wire: Socket Mode frames in, Web API calls out, and what an event means to the queue.
//!
//! * [`socket`] keeps the Socket Mode connections open and hands over every frame as it came;
//! * [`request`] lets Slack's signed HTTP requests in and nobody else's;
//! * [`frame`] reads a frame's or a request's envelope, however broken the rest is;
//! * [`normalise`] turns an envelope into an [`event::NewEvent`], [`mention`] into a question,
//!   [`gesture`] into an edit, a deletion or a Stop, [`opinion`] and [`remark`] into what somebody thinks of an
//!   answer,
//!   [`command`] into an order;
//! * [`history`] makes of messages that nobody heard the events that they would have been;
//! * [`api`] makes the Web API calls of the reply protocol and says how each failure is to be read;
//! * [`budget`] knows how often each method may be called, and asks for each call's turn.
//!
//! **Invariant:** nothing here acknowledges a frame before its handler returned.
//! **Invariant:** no HTTP request is sent twice for one call.

pub mod api;
pub mod budget;
pub mod command;
pub mod error;
pub mod file;
pub mod frame;
pub mod gesture;
pub mod history;
pub mod mention;
pub mod normalise;
pub mod opinion;
pub mod remark;
pub mod request;
pub mod socket;

mod caller;
mod json;

pub use api::{
    Api, ApiOptions, Content, Conversation, Found, Identity, KeyedMessage, Page, Post,
    ThreadMessage, User,
};
pub use command::{Order, SlashCommand};
pub use error::{Failure, SlackError};
pub use file::FileRef;
pub use frame::{Envelope, Frame};
pub use gesture::{Change, StopRequest};
pub use mention::{Mention, MentionError};
pub use normalise::Hearing;
pub use opinion::{Pressed, Reaction};
pub use remark::Remark;
pub use socket::{Ack, FrameHandler, SocketOptions, SocketStatus};
