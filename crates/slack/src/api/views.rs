//! Modals.

use serde_json::{Value, json};

use super::{Answer, Api};
use crate::budget::{OPEN_VIEW, POST_PATIENCE, Purpose};

impl Api {
    /// Opens a modal for whoever pressed something (`views.open`). A trigger serves once and lives three
    /// seconds, so that this waits for its turn no longer than one.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`]; [`crate::Failure::Refused`] when the trigger is too old.
    pub async fn open_view(&self, trigger_id: &str, view: &Value) -> Answer<()> {
        let body = json!({"trigger_id": trigger_id, "view": view});
        let (purpose, patience) = (Purpose::Answer, POST_PATIENCE);
        self.caller.post_for(purpose, patience, OPEN_VIEW, &body).await.map(drop)
    }
}
