//! One answer: a question in, a cited answer out, by way of a model and tools.
//!
//! [`turn()`] decides what happens next and is pure: a transcript in, a step out. The rest carries
//! its decisions out: [`prompts`] renders what the model is told, [`model`] calls it, [`tools`]
//! runs the tool servers, [`Agent`] ties them together.
//!
//! **Invariant:** nothing here retries a model's call: retries are the queue's, and recorded.
//! **Invariant:** an answer is never followed by work of its own: dropping the future that makes
//! it, or cancelling its token, ends the model's stream at once.

mod agent;
pub mod citations;
mod error;
pub mod model;
pub mod prompts;
mod question;
mod reason;
mod run;
mod telling;
pub mod tools;
pub mod transcript;
pub mod turn;

pub use agent::{Agent, AgentOptions};
pub use error::{AgentError, Fault};
pub use model::ModelOptions;
pub use question::{
    Allowance, Answer, Asker, Attachment, Content, Progress, Question, Task, TaskState, Unlimited,
    Utterance,
};
pub use reason::Reason;
pub use tools::{McpConfig, ServerHealth};
pub use turn::{Limits, Next, turn};
