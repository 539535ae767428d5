//! What goes wrong with an answer, and what that means for whoever asked for it.

use std::time::Duration;

use crate::model::ModelError;
use crate::prompts::PromptError;
use crate::tools::McpConfigError;
use crate::turn::StopReason;

/// Why there is no agent or no answer.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The prompts are missing or faulty.
    #[error("the prompts are not usable")]
    Prompts(#[source] PromptError),
    /// The configuration of the tool servers is missing or faulty.
    #[error("the configuration of the tool servers is not usable")]
    Tools(#[source] McpConfigError),
    /// The model is set up wrongly.
    #[error("the model's settings are not usable")]
    Settings(#[source] ModelError),
    /// The model did not answer.
    #[error("the model did not answer")]
    Model(#[source] ModelError),
    /// The model answered, but there is nothing to reply.
    #[error("the agent stopped without an answer: {reason}")]
    Stopped {
        /// Why.
        reason: StopReason,
    },
    /// The answer took too long.
    #[error("the agent stopped without an answer: it was not done after {} s", after.as_secs_f32())]
    TooLong {
        /// How long.
        after: Duration,
    },
    /// The answer was called off.
    #[error("the answer was called off")]
    Cancelled,
}

/// What a failure means for the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It may heal.
    Transient,
    /// The model's provider asks for patience.
    RateLimited {
        /// For how long, bounded.
        after: Duration,
    },
    /// No retry heals it.
    Permanent,
    /// Someone called it off.
    Cancelled,
}

impl AgentError {
    /// What this failure means for the job.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            AgentError::Prompts(_) | AgentError::Tools(_) | AgentError::Settings(_) => {
                Fault::Permanent
            }
            AgentError::Model(error) => error.fault(),
            AgentError::Stopped { reason: StopReason::Empty } => Fault::Transient,
            AgentError::Stopped {
                reason: StopReason::TurnsSpent | StopReason::Looping | StopReason::Filtered,
            } => Fault::Permanent,
            AgentError::TooLong { .. } => Fault::Permanent,
            AgentError::Cancelled => Fault::Cancelled,
        }
    }
}
