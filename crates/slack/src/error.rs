//! Every way in which Slack can fail us, and how each is to be read.

use std::error::Error;
use std::time::Duration;

/// A boxed cause.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What went wrong. No variant holds a response's body, a token or a socket's address.
#[derive(Debug, thiserror::Error)]
pub enum SlackError {
    /// Slack answered `ok: false`, or with an HTTP status below 500.
    #[error("Slack refused {method}: {code}")]
    Refused {
        /// The Web API method.
        method: String,
        /// Slack's error code, or `http_404` and the like.
        code: String,
    },
    /// Slack, or the budget that all of us share, asked for patience.
    #[error("the rate of {method} is limited: to be called again after {} s", after.as_secs_f64().ceil())]
    RateLimited {
        /// The Web API method.
        method: String,
        /// How long to wait.
        after: Duration,
    },
    /// The request may have been applied: the answer was lost, late or a server's fault.
    #[error("the result of {method} is unknown: {what}")]
    Unknown {
        /// The Web API method.
        method: String,
        /// `timeout`, `http_500`, `fatal_error`, and the like.
        what: String,
        /// What the connection said.
        #[source]
        source: Option<Cause>,
    },
    /// The request never left: no connection could be made.
    #[error("cannot connect to Slack for {method}")]
    NotSent {
        /// The Web API method.
        method: String,
        /// What the connection said.
        #[source]
        source: Cause,
    },
    /// The client itself cannot be made.
    #[error("cannot set up the Slack client: {expected}")]
    Setup {
        /// What was expected, what was found, and what to do.
        expected: String,
        /// Why.
        #[source]
        source: Option<Cause>,
    },
    /// A Socket Mode connection could not be opened or ended.
    #[error("the Slack socket ended: {what}")]
    Socket {
        /// What happened, without the socket's address (it holds a ticket).
        what: String,
        /// What the connection said.
        #[source]
        source: Option<std::io::Error>,
    },
}

/// How a caller must read a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was applied; try again after this long.
    RateLimited {
        /// How long Slack asked to wait.
        after: Duration,
    },
    /// It may have been applied: look before doing it again.
    Unknown,
    /// Nothing was sent; doing it again is safe.
    NotSent,
    /// Nothing was applied, and no retry heals it.
    Refused {
        /// Slack's error code.
        code: String,
    },
    /// The token, its scopes or the account: an operator must act.
    Auth {
        /// Slack's error code.
        code: String,
    },
}

/// What Slack's `Retry-After` is taken for when absent.
pub(crate) const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(30);

impl SlackError {
    /// How to read it.
    #[must_use]
    pub fn kind(&self) -> Failure {
        match self {
            SlackError::Refused { code, .. } if is_auth(code) => {
                Failure::Auth { code: code.clone() }
            }
            SlackError::Refused { code, .. } => Failure::Refused { code: code.clone() },
            SlackError::RateLimited { after, .. } => Failure::RateLimited { after: *after },
            SlackError::Unknown { .. } => Failure::Unknown,
            SlackError::NotSent { .. } | SlackError::Socket { .. } => Failure::NotSent,
            SlackError::Setup { .. } => Failure::Refused { code: "setup".to_owned() },
        }
    }

    /// An `ok: false` by its code: some codes mean that the request may have been applied.
    pub(crate) fn of_code(method: &str, code: String) -> Self {
        let method = method.to_owned();
        match code.as_str() {
            "ratelimited" | "rate_limited" => {
                SlackError::RateLimited { method, after: RETRY_AFTER_DEFAULT }
            }
            // "It's possible some aspect of the operation succeeded before the error was raised."
            "fatal_error"
            | "internal_error"
            | "request_timeout"
            | "service_unavailable"
            | "team_added_to_org" => SlackError::Unknown { method, what: code, source: None },
            _ => SlackError::Refused { method, code },
        }
    }

    /// An HTTP status other than 200 and 429: only a server's fault leaves the result open.
    pub(crate) fn of_status(method: &str, status: u16) -> Self {
        let (method, code) = (method.to_owned(), format!("http_{status}"));
        match status {
            500.. => SlackError::Unknown { method, what: code, source: None },
            _ => SlackError::Refused { method, code },
        }
    }
}

/// Codes that an operator heals: a token, its scopes, the account or Socket Mode's switch.
fn is_auth(code: &str) -> bool {
    matches!(
        code,
        "not_authed"
            | "invalid_auth"
            | "access_denied"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "no_permission"
            | "missing_scope"
            | "not_allowed_token_type"
            | "org_login_required"
            | "ekm_access_denied"
            | "user_removed_from_team"
            | "team_disabled"
            | "team_access_not_granted"
            | "enterprise_is_restricted"
            | "invalid_app_token"
            | "forbidden_team"
            | "two_factor_setup_required"
            | "link_disabled"
            | "http_401"
            | "http_403"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_by_what_may_have_happened() {
        let kind = |code: &str| SlackError::of_code("chat.postMessage", code.to_owned()).kind();
        assert_eq!(kind("fatal_error"), Failure::Unknown);
        assert_eq!(kind("internal_error"), Failure::Unknown);
        assert_eq!(kind("ratelimited"), Failure::RateLimited { after: RETRY_AFTER_DEFAULT });
        assert_eq!(kind("token_revoked"), Failure::Auth { code: "token_revoked".to_owned() });
        let refused = Failure::Refused { code: "channel_not_found".to_owned() };
        assert_eq!(kind("channel_not_found"), refused);
    }

    #[test]
    fn a_status_is_read_by_whose_fault_it_is() {
        let kind = |status| SlackError::of_status("chat.postMessage", status).kind();
        assert_eq!(kind(500), Failure::Unknown);
        assert_eq!(kind(503), Failure::Unknown);
        assert_eq!(kind(404), Failure::Refused { code: "http_404".to_owned() });
        assert_eq!(kind(401), Failure::Auth { code: "http_401".to_owned() });
    }
}
