//! Every way in which a model does not answer.

use std::time::Duration;

use async_openai::error::OpenAIError;
use serde_json::{Value, json};

use crate::error::Fault;
use crate::transcript::cut;

/// The most bytes kept of what a server says of an error.
const MESSAGE_BYTES_MAX: usize = 500;

/// The code of our own guard's event.
const UNREADABLE: &str = "athenaeum_unreadable";

/// Why the model did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The base URL is no address.
    #[error("OPENAI_BASE_URL: expected an address like https://api.openai.com/v1, found {found:?}")]
    BaseUrl {
        /// What it was.
        found: String,
    },
    /// The key cannot be sent.
    #[error("OPENAI_API_KEY: expected visible ASCII characters, found others")]
    Key,
    /// The request could not be put together.
    #[error("the request to the model could not be built")]
    Request(#[source] OpenAIError),
    /// The server could not be reached, or the connection broke.
    #[error("the model's server could not be reached")]
    Network(#[source] reqwest::Error),
    /// The server asks for patience.
    #[error("the model's server asks to wait {} s: {message}", after.as_secs())]
    RateLimited {
        /// For how long, bounded.
        after: Duration,
        /// What it said.
        message: String,
    },
    /// The server will refuse this request every time.
    #[error("the model's server refused the request with status {status}: {message}{}", hint(*status))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The server failed.
    #[error("the model's server failed with status {status}: {message}")]
    Failed {
        /// The HTTP status; 200 when it failed in mid-answer.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The stream ended before the answer did.
    #[error("the model's answer was cut off before its end")]
    Cut,
    /// The stream was unreadable, too large, or broke.
    #[error("the model's answer could not be read: {reason}")]
    Unreadable {
        /// What was wrong with it; never its text.
        reason: String,
    },
    /// Nothing came for too long.
    #[error("the model's server said nothing for {} s", after.as_secs_f32())]
    Silent {
        /// How long.
        after: Duration,
    },
    /// The answer took too long in all.
    #[error("the model's answer was not complete after {} s", after.as_secs_f32())]
    TooLong {
        /// How long.
        after: Duration,
    },
}

impl ModelError {
    /// What this failure means for the job.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            ModelError::BaseUrl { .. }
            | ModelError::Key
            | ModelError::Request(_)
            | ModelError::Refused { .. } => Fault::Permanent,
            ModelError::RateLimited { after, .. } => Fault::RateLimited { after: *after },
            ModelError::Network(_)
            | ModelError::Failed { .. }
            | ModelError::Cut
            | ModelError::Unreadable { .. }
            | ModelError::Silent { .. }
            | ModelError::TooLong { .. } => Fault::Transient,
        }
    }

    /// Its name in metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            ModelError::BaseUrl { .. } | ModelError::Key | ModelError::Request(_) => "settings",
            ModelError::Network(_) => "network",
            ModelError::RateLimited { .. } => "rate_limited",
            ModelError::Refused { .. } => "refused",
            ModelError::Failed { .. } => "failed",
            ModelError::Cut => "cut",
            ModelError::Unreadable { .. } => "unreadable",
            ModelError::Silent { .. } | ModelError::TooLong { .. } => "timeout",
        }
    }

    /// A broken or refused connection; a read that timed out counts as one.
    pub(super) fn network(error: reqwest::Error) -> ModelError {
        ModelError::Network(error.without_url())
    }

    /// What the client made of a failure. Its own texts can hold the model's, so they are dropped.
    pub(super) fn of(error: OpenAIError) -> ModelError {
        match error {
            OpenAIError::Boxed(inner) => match inner.downcast::<ModelError>() {
                Ok(error) => *error,
                Err(_) => ModelError::Unreadable { reason: "the connection failed".into() },
            },
            OpenAIError::Reqwest(error) => ModelError::network(error),
            OpenAIError::StreamError(error) => {
                ModelError::Unreadable { reason: cut(&error.to_string(), MESSAGE_BYTES_MAX) }
            }
            OpenAIError::JSONDeserialize(..) => {
                ModelError::Unreadable { reason: "a part of it is not JSON".into() }
            }
            OpenAIError::ApiError(error) => {
                ModelError::status(error.status_code.as_u16(), &error.api_error.message, None)
            }
            error @ (OpenAIError::InvalidArgument(_)
            | OpenAIError::FileSaveError(_)
            | OpenAIError::FileReadError(_)) => ModelError::Request(error),
        }
    }

    /// What an HTTP error status means; `body` is whatever came with it.
    pub(super) fn status(status: u16, body: &str, wait: Option<Duration>) -> ModelError {
        let said = Said::read(body);
        let message = said.message;
        match status {
            429 if said.code.as_deref() == Some("insufficient_quota") => {
                ModelError::Refused { status, message }
            }
            429 => {
                let after = wait.unwrap_or(super::patience::RETRY_AFTER_DEFAULT);
                ModelError::RateLimited { after, message }
            }
            400..=499 if !matches!(status, 408 | 409 | 425) => {
                ModelError::Refused { status, message }
            }
            _ => ModelError::Failed { status, message },
        }
    }

    /// The event by which our own guard tells what is wrong with a stream.
    pub(super) fn unreadable_event(reason: &str) -> String {
        let error = json!({"error": {"code": UNREADABLE, "message": reason}});
        format!("\n\ndata: {error}\n\n")
    }

    /// What an `error` object in mid-answer means.
    pub(super) fn in_stream(error: &Value) -> ModelError {
        let said = Said::read(&error.to_string());
        let code = said.code.unwrap_or_default();
        if code == UNREADABLE {
            return ModelError::Unreadable { reason: said.message };
        }
        if code == "429" || code.contains("rate_limit") {
            let after = super::patience::RETRY_AFTER_DEFAULT;
            return ModelError::RateLimited { after, message: said.message };
        }
        ModelError::Failed { status: 200, message: said.message }
    }
}

/// What an error body says, in whichever of the known shapes.
struct Said {
    message: String,
    /// The code, or else the type; numbers as text.
    code: Option<String>,
}

impl Said {
    fn read(body: &str) -> Said {
        let json: Value = serde_json::from_str(body).unwrap_or(Value::Null);
        let error = json.get("error").filter(|error| !error.is_null()).unwrap_or(&json);
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let message = ["message", "detail", "error"]
            .iter()
            .find_map(|key| error.get(key).and_then(text))
            .or_else(|| text(error))
            .unwrap_or_else(|| body.trim().to_owned());
        let clean = message.replace(char::is_control, " ");
        let message = match clean.trim() {
            "" => "(no explanation)".to_owned(),
            said => cut(said, MESSAGE_BYTES_MAX),
        };
        let code = ["code", "type"].iter().find_map(|key| error.get(key).and_then(text));
        Said { message, code }
    }
}

/// What to do about the commonest refusals.
fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "; check OPENAI_API_KEY",
        404 => "; check OPENAI_BASE_URL and ATHENAEUM_MODEL",
        429 => "; check the account's quota",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_error_body_is_read() {
        for (body, message) in [
            (r#"{"error":{"message":"no","type":"t","code":"c"}}"#, "no"),
            (r#"{"error":{"message":"no","code":500}}"#, "no"),
            (r#"{"error":"no"}"#, "no"),
            (r#"{"detail":"no"}"#, "no"),
            (r#"{"message":"no"}"#, "no"),
            (r#""no""#, "no"),
            ("no\r\n", "no"),
            ("", "(no explanation)"),
            (r#"{"detail":[{"loc":["body"]}]}"#, r#"{"detail":[{"loc":["body"]}]}"#),
        ] {
            assert_eq!(Said::read(body).message, message, "{body}");
        }
        let code = |body| Said::read(body).code;
        assert_eq!(code(r#"{"error":{"code":429,"type":"x"}}"#).as_deref(), Some("429"));
        assert_eq!(code(r#"{"error":{"code":null,"type":"x"}}"#).as_deref(), Some("x"));
    }

    #[test]
    fn a_status_decides_whether_a_retry_can_heal() {
        for status in [408, 409, 425, 500, 502, 503, 504, 529, 599, 302] {
            assert_eq!(ModelError::status(status, "", None).fault(), Fault::Transient, "{status}");
        }
        for status in [400, 401, 403, 404, 413, 422] {
            assert_eq!(ModelError::status(status, "", None).fault(), Fault::Permanent, "{status}");
        }
        let quota = r#"{"error":{"message":"no money","code":"insufficient_quota"}}"#;
        assert_eq!(ModelError::status(429, quota, None).fault(), Fault::Permanent);
        let after = Duration::from_secs(7);
        let limited = ModelError::status(429, "<html>", Some(after));
        assert_eq!(limited.fault(), Fault::RateLimited { after });
    }

    #[test]
    fn a_long_error_page_is_cut() {
        let error = ModelError::status(502, &"ä\0".repeat(10_000), None).to_string();
        assert!(error.len() < 700 && !error.contains('\0'));
    }
}
