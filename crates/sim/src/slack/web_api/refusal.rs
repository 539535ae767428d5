//! What the Web API answers when it does not do what it was asked.

use serde_json::{Value, json};

/// An answer with `"ok": false`.
#[derive(Clone, Debug, Default)]
pub(in crate::slack) struct Refusal {
    /// The code, such as `channel_not_found`.
    pub error: String,
    /// The scope or kind of token that was needed, and what was provided.
    pub needed: Option<(String, String)>,
    /// Details for a person, in `response_metadata.messages`.
    pub messages: Vec<String>,
    /// Seconds to wait; makes it an HTTP 429.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    pub fn new(error: &str) -> Self {
        Self { error: error.to_owned(), ..Self::default() }
    }

    /// A required argument is missing.
    pub fn missing(name: &str) -> Self {
        Self::detailed("invalid_arguments", format!("[ERROR] missing required field: {name}"))
    }

    pub fn detailed(error: &str, message: String) -> Self {
        Self { error: error.to_owned(), messages: vec![message], ..Self::default() }
    }

    pub fn rate_limited(retry_after_s: u64) -> Self {
        Self { retry_after_s: Some(retry_after_s), ..Self::new("ratelimited") }
    }

    pub fn body(&self) -> Value {
        let mut body = json!({"ok": false, "error": self.error});
        if let Some((needed, provided)) = &self.needed {
            body["needed"] = json!(needed);
            body["provided"] = json!(provided);
        }
        if !self.messages.is_empty() {
            body["response_metadata"] = json!({"messages": self.messages});
        }
        body
    }
}
