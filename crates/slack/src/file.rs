//! Files that people send with their messages.

use serde_json::Value;

use crate::json::text;

/// Files looked at of one message.
pub const FILES_MAX: usize = 10;

/// A file as a message shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileRef {
    /// Slack's id of it.
    pub id: String,
    /// What it is called; empty when the message does not say.
    pub name: String,
    /// What Slack takes it for: `application/pdf`.
    pub mimetype: String,
    /// How long it is, in bytes; zero when the message does not say.
    pub bytes: u64,
    /// Where it lies; `None` when `files.info` has to be asked first, as in a shared channel:
    /// <https://docs.slack.dev/apis/slack-connect/using-the-slack-web-api-with-slack-connect/>.
    pub url: Option<String>,
}

impl FileRef {
    /// The files of a message.
    #[must_use]
    pub fn all_of(message: &Value) -> Vec<FileRef> {
        let files = message.get("files").and_then(Value::as_array);
        files.into_iter().flatten().filter_map(FileRef::read).take(FILES_MAX).collect()
    }

    /// Reads a file object: <https://docs.slack.dev/reference/objects/file-object>.
    pub(crate) fn read(file: &Value) -> Option<FileRef> {
        let own = |at| text(file, at).map(str::to_owned);
        let gone = text(file, "/mode") == Some("tombstone");
        let url = own("/url_private_download").or_else(|| own("/url_private"));
        (!gone).then_some(FileRef {
            id: own("/id")?,
            name: own("/name").unwrap_or_default(),
            mimetype: own("/mimetype").unwrap_or_default(),
            bytes: file["size"].as_u64().unwrap_or_default(),
            url: url.filter(|_| text(file, "/file_access") != Some("check_file_info")),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_names_its_files_and_not_those_that_are_gone() {
        let message = json!({"files": [
            {"id": "F1", "name": "a.pdf", "mimetype": "application/pdf", "size": 7,
             "url_private": "https://x/1", "url_private_download": "https://x/1/download"},
            {"id": "F2", "mode": "tombstone"},
            {"id": "F3", "mode": "file_access", "file_access": "check_file_info", "name": null},
            {"name": "without an id"},
        ]});
        let first = FileRef {
            id: "F1".to_owned(),
            name: "a.pdf".to_owned(),
            mimetype: "application/pdf".to_owned(),
            bytes: 7,
            url: Some("https://x/1/download".to_owned()),
        };
        let unchecked = FileRef { id: "F3".to_owned(), ..FileRef::default() };
        assert_eq!(FileRef::all_of(&message), [first, unchecked]);
        assert_eq!(FileRef::all_of(&json!({})), []);
    }
}
