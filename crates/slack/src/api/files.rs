//! Files: what they are, what is in them, and sending them.

use serde_json::json;

use super::{Answer, Api, required};
use crate::error::SlackError;
use crate::file::FileRef;
use crate::json::text;

/// A file that was sent to Slack and is shown nowhere yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Slack's id of it.
    pub id: String,
}

impl Api {
    /// What is known of a file (`files.info`).
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn file_info(&self, id: &str) -> Answer<FileRef> {
        let answer = self.caller.get("files.info", &[("file", id)]).await?;
        FileRef::read(&answer["file"]).ok_or_else(|| SlackError::Unknown {
            method: "files.info".to_owned(),
            what: "expected a file in the answer, found none".to_owned(),
            source: None,
        })
    }

    /// The content of a file, of at most `bytes_max` bytes.
    ///
    /// # Errors
    /// See [`SlackError::kind`]. Refused as `not_an_address_of_slacks` where the token must not go, as
    /// `file_too_large`, and as `missing_scope` when Slack answers with its login page.
    pub async fn download(&self, file: &FileRef, bytes_max: usize) -> Answer<Vec<u8>> {
        let Some(url) = &file.url else {
            let code = "file_has_no_address".to_owned();
            return Err(SlackError::Refused { method: "download".to_owned(), code });
        };
        self.caller.download(url, &file.mimetype, bytes_max).await
    }

    /// Sends a file to Slack (`files.getUploadURLExternal`), where nobody sees it before
    /// [`Api::show_file`].
    ///
    /// # Errors
    /// See [`SlackError::kind`]; doing it again is safe.
    pub async fn upload(&self, name: &str, content: &[u8]) -> Answer<Uploaded> {
        const METHOD: &str = "files.getUploadURLExternal";
        let bytes = content.len().to_string();
        let answer = self.caller.get(METHOD, &[("filename", name), ("length", &bytes)]).await?;
        let address = required(&answer, "/upload_url", METHOD)?;
        let id = required(&answer, "/file_id", METHOD)?;
        self.caller.upload(&address, content).await?;
        Ok(Uploaded { id })
    }

    /// Shows an uploaded file in a thread (`files.completeUploadExternal`).
    ///
    /// # Errors
    /// See [`SlackError::kind`]; after [`crate::Failure::Unknown`], ask [`Api::file_shown_at`] first.
    pub async fn show_file(
        &self,
        file: &Uploaded,
        title: &str,
        channel: &str,
        thread_ts: &str,
    ) -> Answer<()> {
        let body = json!({
            "files": [{"id": file.id, "title": title}],
            "channel_id": channel,
            "thread_ts": thread_ts,
        });
        self.caller.post("files.completeUploadExternal", &body).await.map(drop)
    }

    /// The message that shows a file in a channel, if any does (`files.info`).
    ///
    /// # Errors
    /// See [`SlackError::kind`].
    pub async fn file_shown_at(&self, file: &Uploaded, channel: &str) -> Answer<Option<String>> {
        let answer = self.caller.get("files.info", &[("file", &file.id)]).await?;
        let places = ["public", "private"].into_iter().find_map(|kind| {
            let shares = answer.pointer(&format!("/file/shares/{kind}/{channel}"))?;
            shares.as_array()?.first().and_then(|share| text(share, "/ts"))
        });
        Ok(places.map(str::to_owned))
    }
}
