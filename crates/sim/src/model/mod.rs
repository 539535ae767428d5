//! The offline model: an OpenAI-compatible server that answers honestly without weights.
//!
//! It calls a search tool when one is offered, quotes the sentences that bear on the question and
//! cites them by number, and says so when nothing does. Tests script it instead: what it answers,
//! how slowly, and how it fails; or turn it into an adversary.
//!
//! **Invariant:** a reply that is neither scripted nor adversarial states nothing that does not stand
//! in the request.

mod adversary;
mod answer;
mod body;
mod chat;
mod completion;
mod control;
mod embeddings;
mod error;
mod journal;
mod request;
mod routes;
mod script;
mod server;
mod text;

pub use journal::{Ending, Recorded};
pub use script::{Endpoint, ScriptedCall, Step};
pub use server::{OfflineModel, Options};
