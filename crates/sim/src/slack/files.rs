//! Files: where they are uploaded to and downloaded from.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{workspace::TEAM, world::World};

/// The largest file, in bytes.
pub(super) const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How many files are kept before the oldest is forgotten.
pub(super) const FILES_MAX: usize = 500;

/// A file, uploaded or announced.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct File {
    pub id: String,
    pub name: String,
    pub title: String,
    pub user: String,
    pub created_s: i64,
    /// The secret of its upload address, until it is complete.
    pub ticket: Option<String>,
    pub announced_bytes: u64,
    /// The messages that show it: channel and `ts`.
    #[serde(default)]
    pub shown: Vec<(String, String)>,
    #[serde(with = "base64_text")]
    pub content: Option<Bytes>,
}

impl File {
    pub fn mimetype(&self) -> &'static str {
        match self.extension() {
            "txt" | "log" | "rs" | "py" | "toml" | "yaml" | "yml" => "text/plain",
            "md" => "text/markdown",
            "csv" => "text/csv",
            "json" => "application/json",
            "html" => "text/html",
            "pdf" => "application/pdf",
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            _ => "application/octet-stream",
        }
    }

    fn extension(&self) -> &str {
        self.name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// The file object, with addresses at `authority`.
    pub fn render(&self, authority: &str) -> Value {
        let path = format!("http://{authority}/files-pri/{TEAM}-{}", self.id);
        let bytes = self.content.as_ref().map_or(0, Bytes::len);
        let mut shares = json!({});
        for (channel, ts) in &self.shown {
            shares["public"][channel] = json!([{"ts": ts}]);
        }
        json!({
            "id": self.id, "created": self.created_s, "timestamp": self.created_s,
            "name": self.name, "title": self.title, "mimetype": self.mimetype(),
            "filetype": self.extension(), "pretty_type": self.extension().to_uppercase(),
            "user": self.user, "user_team": TEAM, "editable": false, "size": bytes,
            "mode": "hosted", "is_external": false, "external_type": "", "is_public": true,
            "public_url_shared": false, "display_as_bot": false, "username": "",
            "file_access": "visible", "shares": shares, "media_display_type": "unknown",
            "url_private": format!("{path}/{}", self.name),
            "url_private_download": format!("{path}/download/{}", self.name),
            "permalink": format!("http://{authority}/files/{}/{}/{}", self.user, self.id, self.name),
        })
    }
}

/// What a message in a shared channel shows of a file: the app must ask `files.info`
/// (<https://docs.slack.dev/apis/slack-connect/using-the-slack-web-api-with-slack-connect/>).
pub(super) fn unchecked(file: &Value) -> Value {
    json!({
        "id": file["id"], "created": file["created"], "timestamp": file["timestamp"],
        "mode": "file_access", "file_access": "check_file_info", "user": "", "name": null,
    })
}

/// `POST /upload/v1/{ticket}`: the bytes as they are, or the one file of a multipart form.
pub(super) async fn upload(
    State(world): State<Arc<World>>,
    Path(ticket): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let refused = |why: &'static str| (StatusCode::BAD_REQUEST, why).into_response();
    let Some(content) = read_upload(&headers, request).await else {
        return refused("expected a file of at most 32 MiB");
    };
    let mut state = world.state();
    let file = state.files.values_mut().find(|file| file.ticket.as_deref() == Some(&ticket));
    let Some(file) = file else { return refused("expected an unused upload address") };
    let answer = format!("OK - {}", content.len());
    file.content = Some(content);
    answer.into_response()
}

async fn read_upload(headers: &HeaderMap, request: Request) -> Option<Bytes> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if !kind.is_some_and(|kind| kind.starts_with("multipart/form-data")) {
        return axum::body::to_bytes(request.into_body(), FILE_BYTES_MAX).await.ok();
    }
    let mut parts = Multipart::from_request(request, &()).await.ok()?;
    parts.next_field().await.ok()??.bytes().await.ok()
}

/// `GET /files-pri/{team-file}[/download]/{name}`: the bytes, or the login page for a wrong token.
pub(super) async fn download(
    State(world): State<Arc<World>>,
    Path((place, _name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    if token != Some(world.options.bot_token.as_str())
        || !world.settings().scopes.contains("files:read")
    {
        // Slack answers 200 with its login page, not 401.
        return Html("<!doctype html><title>Sign in</title><p>Sign in to your workspace.</p>")
            .into_response();
    }
    let id = place.split_once('-').map_or("", |(_, id)| id);
    let state = world.state();
    let Some(file) = state.files.get(id) else { return StatusCode::NOT_FOUND.into_response() };
    let content = file.content.clone().unwrap_or_default();
    ([(header::CONTENT_TYPE, file.mimetype())], Body::from(content)).into_response()
}

/// Bytes as base64 text in the data file.
mod base64_text {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(
        bytes: &Option<Bytes>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes.as_ref().map(|bytes| STANDARD.encode(bytes)).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Bytes>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom))
            .transpose()
    }
}
