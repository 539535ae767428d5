//! The arguments of a call, however they came: query, form, multipart form or JSON.

use axum::{
    body::Body,
    extract::{FromRequest, Multipart, Request},
    http::{HeaderMap, Uri, header},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::refusal::Refusal;
use crate::slack::ts::Ts;

/// A call's arguments. Forms carry numbers, flags and objects as text; JSON carries them as such.
#[derive(Debug, Default)]
pub(in crate::slack) struct Args(pub Map<String, Value>);

/// How a call came, besides its arguments.
#[derive(Debug, Default)]
pub(in crate::slack) struct Arrival {
    /// The token of a query or form. One inside JSON is not looked at, as with Slack.
    pub field_token: Option<String>,
    /// JSON without `charset=utf-8`, which Slack warns of.
    pub lacks_charset: bool,
}

impl Args {
    /// Reads query and body.
    pub async fn read(
        uri: &Uri,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(Self, Arrival), Refusal> {
        let mut args = Self::default();
        let mut arrival = Arrival::default();
        args.take_pairs(uri.query().unwrap_or_default().as_bytes());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
        let kind = kind.to_ascii_lowercase();
        if kind.starts_with("application/json") {
            arrival.lacks_charset = !kind.contains("charset");
            arrival.field_token = args.take_token();
            args.take_json(&body)?;
            args.take_token();
            return Ok((args, arrival));
        }
        if kind.starts_with("multipart/form-data") {
            args.take_multipart(headers, body).await?;
        } else {
            args.take_pairs(&body);
        }
        arrival.field_token = args.take_token();
        Ok((args, arrival))
    }

    fn take_pairs(&mut self, encoded: &[u8]) {
        for (key, value) in form_urlencoded::parse(encoded) {
            self.0.insert(key.into_owned(), Value::String(value.into_owned()));
        }
    }

    fn take_json(&mut self, body: &[u8]) -> Result<(), Refusal> {
        if body.is_empty() {
            return Ok(());
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => self.0.extend(object),
            Ok(_) => return Err(Refusal::new("json_not_object")),
            Err(_) => return Err(Refusal::new("invalid_json")),
        }
        Ok(())
    }

    async fn take_multipart(&mut self, headers: &HeaderMap, body: Bytes) -> Result<(), Refusal> {
        let invalid = || Refusal::new("invalid_form_data");
        let mut request = Request::new(Body::from(body));
        request.headers_mut().clone_from(headers);
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| invalid())?;
        while let Some(part) = parts.next_field().await.map_err(|_| invalid())? {
            let Some(name) = part.name().map(str::to_owned) else { continue };
            let bytes = part.bytes().await.map_err(|_| invalid())?;
            self.0.insert(name, json!(String::from_utf8_lossy(&bytes)));
        }
        Ok(())
    }

    fn take_token(&mut self) -> Option<String> {
        match self.0.remove("token")? {
            Value::String(token) => Some(token),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        }
    }

    /// Text, or a number or flag as text; `None` when absent, null or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = match self.0.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// Text that must be there.
    pub fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::missing(name))
    }

    /// `true`, `1` or JSON's true.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "true" || text == "1")
    }

    /// A whole number, not negative.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }

    /// A timestamp; one that cannot be read is refused with `error`.
    pub fn ts(&self, name: &str, error: &'static str) -> Result<Option<Ts>, Refusal> {
        self.text(name).map(|text| text.parse().map_err(|_| Refusal::new(error))).transpose()
    }

    /// A timestamp that must be there.
    pub fn required_ts(&self, name: &str, error: &'static str) -> Result<Ts, Refusal> {
        self.ts(name, error)?.ok_or_else(|| Refusal::missing(name))
    }

    /// An object or list, as such or as JSON in text; refused with `error` if it is neither.
    pub fn structure(&self, name: &str, error: &'static str) -> Result<Option<Value>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => {
                serde_json::from_str(text).map(Some).map_err(|_| Refusal::new(error))
            }
            Some(value) => Ok(Some(value.clone())),
        }
    }

    /// A list of names, separated by commas or as JSON's list.
    pub fn names(&self, name: &str) -> Vec<String> {
        if let Some(Value::Array(list)) = self.0.get(name) {
            return list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect();
        }
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }
}
