//! Asks a model's server whether it is there, for the operator's check of the set-up.

use serde_json::Value;
use tokio::time::timeout;

use super::error::ModelError;
use super::settings::Settings;
use super::{CONNECT_TIMEOUT, Model};

/// What a server said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether its list of models holds ours; `None` when it keeps no list.
    pub listed: Option<bool>,
}

impl Model {
    /// Asks for the list of models. It costs no tokens.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the key.
    pub async fn probe(&self) -> Result<Probe, ModelError> {
        let url = format!("{}/models", self.settings.base_url);
        let headers = async_openai::config::Config::headers(&self.settings);
        let asked = self.http.get(url).headers(headers).send();
        let silent = |_| ModelError::Silent { after: CONNECT_TIMEOUT };
        let response = timeout(CONNECT_TIMEOUT, asked).await.map_err(silent)?;
        let response = response.map_err(ModelError::network)?;
        let status = response.status().as_u16();
        if matches!(status, 404 | 405) {
            return Ok(Probe { listed: None });
        }
        let body = timeout(CONNECT_TIMEOUT, response.text()).await.map_err(silent)?;
        let body = body.map_err(ModelError::network)?;
        if !(200..300).contains(&status) {
            return Err(ModelError::status(status, &body, None));
        }
        Ok(Probe { listed: listed(&body, &self.settings) })
    }
}

fn listed(body: &str, settings: &Settings) -> Option<bool> {
    let body: Value = serde_json::from_str(body).ok()?;
    let models = body["data"].as_array()?;
    Some(models.iter().any(|model| model["id"].as_str() == Some(&settings.model)))
}
