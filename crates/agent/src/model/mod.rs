//! Calls a model over any server that speaks OpenAI's chat completions, streaming.
//!
//! Servers differ in what they leave out and what they add, so answers are read leniently
//! (`assembly`); they also fail in many ways, and every one ends as a [`ModelError`] within a
//! bounded time and memory (`guard`).
//!
//! **Invariant:** one call is one request. Nothing is retried here.

mod assembly;
mod error;
mod guard;
mod patience;
mod probe;
mod request;
mod settings;

use std::time::Duration;

use async_openai::Client;
use event::Usage;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};

pub use error::ModelError;
pub use patience::{RETRY_AFTER_DEFAULT, RETRY_AFTER_MAX};
pub use probe::Probe;
pub use request::ToolOffer;
pub use settings::ModelOptions;

use crate::transcript::{ModelAnswer, Transcript};
use assembly::Assembly;
use settings::Settings;

/// How long a connection to the model's server may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A model to call; clones share its connections.
#[derive(Clone)]
pub struct Model {
    client: Client<Settings>,
    http: reqwest::Client,
    settings: Settings,
    idle_timeout: Duration,
    total_timeout: Duration,
}

impl Model {
    /// Prepares the client; connects to nothing yet.
    ///
    /// # Errors
    /// When the base URL or the key cannot be sent.
    pub fn new(options: &ModelOptions) -> Result<Model, ModelError> {
        let settings = Settings::of(options)?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(ModelError::network)?;
        let client = Client::build(http.clone(), settings.clone());
        let client = client.with_http_service(guard::service(http.clone()));
        let (idle_timeout, total_timeout) = (options.idle_timeout, options.total_timeout);
        Ok(Model { client, http, settings, idle_timeout, total_timeout })
    }

    /// Asks the model once. `on_text` is called with all that it has said so far, whenever more arrives.
    ///
    /// Dropping the future closes the request.
    ///
    /// # Errors
    /// Whenever no complete answer arrived.
    pub async fn ask(
        &self,
        transcript: &Transcript,
        tools: &ToolOffer<'_>,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<ModelAnswer, ModelError> {
        let started = Instant::now();
        let answer =
            timeout_at(started + self.total_timeout, self.read(transcript, tools, on_text));
        let answer = answer.await.unwrap_or(Err(ModelError::TooLong { after: self.total_timeout }));
        record(started.elapsed(), &answer);
        answer
    }

    async fn read(
        &self,
        transcript: &Transcript,
        tools: &ToolOffer<'_>,
        on_text: &mut (dyn FnMut(&str) + Send),
    ) -> Result<ModelAnswer, ModelError> {
        let request = request::build(&self.settings, transcript, tools)?;
        let silent = |_| ModelError::Silent { after: self.idle_timeout };
        let chat = self.client.chat();
        let stream = timeout(self.idle_timeout, chat.create_stream_byot::<_, Value>(request));
        let mut stream = stream.await.map_err(silent)?.map_err(ModelError::of)?;
        let mut assembly = Assembly::default();
        let mut said = 0;
        loop {
            match timeout(self.idle_timeout, stream.next()).await {
                Ok(Some(chunk)) => assembly.add(&chunk.map_err(ModelError::of)?)?,
                Ok(None) => break,
                // Some servers say why they finished and then leave the connection open.
                Err(_) if assembly.is_finished() => break,
                Err(elapsed) => return Err(silent(elapsed)),
            }
            if assembly.text().len() > said {
                said = assembly.text().len();
                on_text(assembly.text());
            }
        }
        assembly.finish()
    }
}

fn record(elapsed: Duration, answer: &Result<ModelAnswer, ModelError>) {
    let outcome = match answer {
        Ok(_) => "answered",
        Err(error) => error.code(),
    };
    metrics::counter!("athenaeum_model_calls_total", "outcome" => outcome).increment(1);
    metrics::histogram!("athenaeum_model_call_seconds").record(elapsed.as_secs_f64());
    let elapsed_ms = elapsed.as_secs_f64() * 1e3;
    match answer {
        Ok(ModelAnswer { usage: Usage { input_tokens, output_tokens }, calls, .. }) => {
            let tokens = "athenaeum_model_tokens_total";
            metrics::counter!(tokens, "direction" => "input").increment(*input_tokens);
            metrics::counter!(tokens, "direction" => "output").increment(*output_tokens);
            tracing::debug!(elapsed_ms, input_tokens, output_tokens, calls = calls.len(), "asked");
        }
        Err(_) => tracing::debug!(elapsed_ms, outcome, "the model did not answer"),
    }
}
