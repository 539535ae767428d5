//! What every handler works with, and how a failed errand becomes an outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use agent::{Agent, AgentError, Fault};
use event::{ErrorChain, Outcome};
use queue::{Queue, QueueError, Stop};
use service::config::{ReactionAction, UserLimits};
use slack::{Api, Failure, Identity, SlackError};
use tokio_util::task::TaskTracker;

use crate::people::People;
use crate::view::Streams;

/// The process' own things, shared by all its jobs.
pub(crate) struct Desk {
    pub(crate) queue: Queue,
    pub(crate) slack: Api,
    /// Who we are in Slack.
    pub(crate) bot: Identity,
    pub(crate) agent: Agent,
    pub(crate) people: People,
    pub(crate) streams: Streams,
    /// Keys the effects.
    pub(crate) secret: Vec<u8>,
    /// How long after a post's deadline its message may still appear.
    pub(crate) reply_grace: Duration,
    /// Who may command, by configuration.
    pub(crate) admins: BTreeSet<String>,
    /// What reactions do, by the emoji's name.
    pub(crate) reactions: BTreeMap<String, ReactionAction>,
    /// What one person may use.
    pub(crate) user_limits: UserLimits,
    /// Small errands that outlive their job, such as taking a sign away.
    pub(crate) errands: TaskTracker,
}

/// How long a job rests that finds the database held; once the hold is in its place, it is not
/// claimed before the release.
const HELD_PAUSE: Duration = Duration::from_secs(10);

/// Why an attempt could not be finished.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JobError {
    #[error("the event's frame is not what its kind promises")]
    Frame(#[source] slack::MentionError),
    #[error("the event's body is not the JSON that its source writes")]
    Body(#[source] serde_json::Error),
    #[error("the database failed while {doing}")]
    Queue {
        doing: &'static str,
        #[source]
        source: QueueError,
    },
    #[error("Slack failed while {doing}")]
    Slack {
        doing: &'static str,
        #[source]
        source: SlackError,
    },
    #[error("no answer came about")]
    Agent(#[source] AgentError),
    #[error("no handler knows events of the kind {kind:?}; a newer worker may")]
    Kind { kind: String },
    #[error("the job was told to stop")]
    Stopped,
}

impl JobError {
    pub(crate) fn queue(doing: &'static str) -> impl FnOnce(QueueError) -> Self {
        move |source| JobError::Queue { doing, source }
    }

    pub(crate) fn slack(doing: &'static str) -> impl FnOnce(SlackError) -> Self {
        move |source| JobError::Slack { doing, source }
    }

    /// What the attempt reports. An outage of the database charges nobody.
    pub(crate) fn outcome(&self, stop: &Stop) -> Outcome {
        let error = ErrorChain::of(self);
        match self {
            JobError::Stopped => stop.outcome(),
            JobError::Frame(_) | JobError::Body(_) => Outcome::Refused(error),
            JobError::Queue { source: QueueError::Held, .. } => {
                Outcome::RateLimited { after: HELD_PAUSE, error }
            }
            JobError::Queue { source, .. } if source.is_transient() => Outcome::Released,
            // A zombie's outcome is refused anyway; any other refusal would come again.
            JobError::Queue { .. } => Outcome::Failed(error),
            JobError::Kind { .. } => Outcome::Parked(error),
            JobError::Slack { source, .. } => match source.kind() {
                Failure::RateLimited { after } => Outcome::RateLimited { after, error },
                Failure::Refused { .. } => Outcome::Refused(error),
                Failure::Auth { .. } | Failure::Unknown | Failure::NotSent => {
                    Outcome::Failed(error)
                }
            },
            JobError::Agent(source) => match source.fault() {
                Fault::Cancelled => stop.outcome(),
                Fault::RateLimited { after } => Outcome::RateLimited { after, error },
                Fault::Permanent => Outcome::Refused(error),
                Fault::Transient => Outcome::Failed(error),
            },
        }
    }
}
