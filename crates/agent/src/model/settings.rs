//! Which model is called, where, and how patiently.

use std::time::Duration;

use async_openai::config::Config;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::error::ModelError;

/// The model and its server.
#[derive(Clone, Debug)]
pub struct ModelOptions {
    /// Where the server's API begins, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The key, if the server wants one.
    pub api_key: Option<SecretString>,
    /// The model's name.
    pub model: String,
    /// Whether it is shown pictures.
    pub sees: bool,
    /// How long the server may say nothing, before or within an answer.
    pub idle_timeout: Duration,
    /// How long one answer may take in all.
    pub total_timeout: Duration,
}

impl ModelOptions {
    /// A model with patience for slow ones: a minute of silence, five minutes in all.
    #[must_use]
    pub fn new(base_url: &str, api_key: Option<SecretString>, model: &str) -> ModelOptions {
        ModelOptions {
            base_url: base_url.to_owned(),
            api_key,
            model: model.to_owned(),
            sees: false,
            idle_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(300),
        }
    }
}

/// The settings in the form that the client asks for. Reads no environment variables.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) base_url: String,
    pub(super) model: String,
    pub(super) sees: bool,
    key: SecretString,
    headers: HeaderMap,
}

impl Settings {
    pub(super) fn of(options: &ModelOptions) -> Result<Settings, ModelError> {
        let base_url = options.base_url.trim_end_matches('/').to_owned();
        let scheme = reqwest::Url::parse(&base_url).map(|url| url.scheme().to_owned());
        if !matches!(scheme.as_deref(), Ok("http" | "https")) {
            return Err(ModelError::BaseUrl { found: base_url });
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = &options.api_key {
            let bearer = format!("Bearer {}", key.expose_secret());
            let mut value = HeaderValue::from_str(&bearer).map_err(|_| ModelError::Key)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let key = options.api_key.clone().unwrap_or_default();
        Ok(Settings { base_url, model: options.model.clone(), sees: options.sees, key, headers })
    }
}

impl Config for Settings {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        Vec::new()
    }

    fn api_base(&self) -> &str {
        &self.base_url
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}
