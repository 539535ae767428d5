//! Why an answer failed, in words for the person who waits for it.

use event::ErrorChain;
use event::policy::LOST;

/// The classes of failure that a failure notice tells apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// The model could not be reached or did not finish.
    ModelUnavailable,
    /// The model's server refuses our requests.
    ModelRefused,
    /// The model gave no answer, or none within its steps.
    NoAnswer,
    /// The process that worked on it died.
    Lost,
    /// Something else.
    #[default]
    Unknown,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Reason; 5] = [
        Reason::ModelUnavailable,
        Reason::ModelRefused,
        Reason::NoAnswer,
        Reason::Lost,
        Reason::Unknown,
    ];

    /// Reads the reason from a recorded error.
    #[must_use]
    pub fn of(error: &ErrorChain) -> Reason {
        let has = |text: &str| error.0.iter().any(|link| link.starts_with(text));
        if has(LOST) {
            Reason::Lost
        } else if has("the model's server refused the request") {
            Reason::ModelRefused
        } else if has("the model did not answer") {
            Reason::ModelUnavailable
        } else if has("the agent stopped without an answer") {
            Reason::NoAnswer
        } else {
            Reason::Unknown
        }
    }

    /// Its name in templates.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Reason::ModelUnavailable => "model_unavailable",
            Reason::ModelRefused => "model_refused",
            Reason::NoAnswer => "no_answer",
            Reason::Lost => "lost",
            Reason::Unknown => "unknown",
        }
    }

    /// A clause that follows "because".
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Reason::ModelUnavailable => "the language model could not be reached or broke off",
            Reason::ModelRefused => "the language model's server refused the request",
            Reason::NoAnswer => "the language model came to no answer",
            Reason::Lost => "the process that worked on it stopped unexpectedly",
            Reason::Unknown => "something failed on my side",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::AgentError;
    use crate::model::ModelError;
    use crate::turn::StopReason;

    #[test]
    fn a_recorded_error_gives_its_reason_back() {
        let refused = ModelError::Refused { status: 401, message: "no".into() };
        let down = ModelError::Cut;
        let stopped = AgentError::Stopped { reason: StopReason::Looping };
        for (error, reason) in [
            (AgentError::Model(refused), Reason::ModelRefused),
            (AgentError::Model(down), Reason::ModelUnavailable),
            (stopped, Reason::NoAnswer),
            (AgentError::TooLong { after: Duration::from_secs(1) }, Reason::NoAnswer),
            (AgentError::Cancelled, Reason::Unknown),
        ] {
            let mut chain = ErrorChain::of(&error);
            chain.0.insert(0, "no answer came about".into());
            assert_eq!(Reason::of(&chain), reason);
        }
        assert_eq!(Reason::of(&ErrorChain::message(LOST)), Reason::Lost);
    }
}
