//! Answering a command where it was given.

use serde_json::json;

use super::{Answer, Api};

impl Api {
    /// Answers a slash command so that whoever gave it sees it alone. Slack takes an answer for half an
    /// hour.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`].
    pub async fn respond(&self, response_url: &str, text: &str) -> Answer<()> {
        let body = json!({"response_type": "ephemeral", "text": text});
        self.caller.respond(response_url, &body).await
    }
}
