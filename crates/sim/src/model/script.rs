//! Scripted mode: what the next requests get instead of an honest answer.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which requests a step is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `POST /v1/chat/completions`.
    #[default]
    Chat,
    /// `POST /v1/embeddings`.
    Embeddings,
}

/// A tool call the model is told to make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool's name, offered or not.
    pub name: String,
    /// Its arguments: an object, or a string sent as it is (for malformed JSON).
    #[serde(default)]
    pub arguments: Value,
    /// The call's id; made up when absent.
    #[serde(default)]
    pub id: Option<String>,
}

/// What happens to one request. Without `answer`, `tool_calls`, `status` and `adversary` the model
/// answers as it would without the step, with the delays and mishaps asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    /// Which requests may use the step.
    pub endpoint: Endpoint,
    /// The text of the answer.
    pub answer: Option<String>,
    /// The tools called, all in one message.
    pub tool_calls: Vec<ScriptedCall>,
    /// Without `answer` and `tool_calls`, an adversary with this seed answers.
    pub adversary: Option<u64>,
    /// The finish reason said, instead of the fitting one.
    pub finish_reason: Option<String>,
    /// An HTTP status instead of an answer.
    pub status: Option<u16>,
    /// The `Retry-After` header sent with `status`, in seconds.
    pub retry_after_s: Option<u64>,
    /// The `code` of the error sent with `status`, such as `insufficient_quota`.
    pub code: Option<String>,
    /// The raw body sent with `status`, instead of OpenAI's error shape.
    pub body: Option<String>,
    /// The pause before the response headers, in milliseconds.
    pub delay_ms: u64,
    /// The pause before each further streamed chunk, in milliseconds.
    pub chunk_delay_ms: u64,
    /// The stream ends after so many chunks, cleanly but without finish reason and `[DONE]`.
    pub cut_after_chunks: Option<usize>,
    /// The connection breaks after so many chunks; without `stream`, in the middle of the body.
    pub break_after_chunks: Option<usize>,
    /// After so many chunks nothing more comes, and the connection stays open.
    pub stall_after_chunks: Option<usize>,
    /// After so many chunks one that is not JSON comes; the rest follows.
    pub malformed_after_chunks: Option<usize>,
    /// After so many chunks an `error` event comes, and the stream ends.
    pub error_after_chunks: Option<usize>,
}

impl Step {
    /// The model says `text`.
    #[must_use]
    pub fn answer(text: impl Into<String>) -> Step {
        Step { answer: Some(text.into()), ..Step::default() }
    }

    /// The model calls one tool.
    #[must_use]
    pub fn tool_call(name: impl Into<String>, arguments: Value) -> Step {
        let call = ScriptedCall { name: name.into(), arguments, id: None };
        Step { tool_calls: vec![call], ..Step::default() }
    }

    /// The server refuses with an HTTP status and OpenAI's error shape.
    #[must_use]
    pub fn status(status: u16) -> Step {
        Step { status: Some(status), ..Step::default() }
    }

    /// An adversary answers: it echoes what it was given, links to foreign hosts, mentions everyone.
    #[must_use]
    pub fn adversary(seed: u64) -> Step {
        Step { adversary: Some(seed), ..Step::default() }
    }

    /// The model answers honestly; for use with delays and mishaps.
    #[must_use]
    pub fn honest() -> Step {
        Step::default()
    }

    /// Adds `Retry-After`, in whole seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Step {
        Step { retry_after_s: Some(seconds), ..self }
    }

    /// Adds a pause before the response headers.
    #[must_use]
    pub fn delay(self, pause: Duration) -> Step {
        Step { delay_ms: milliseconds(pause), ..self }
    }

    /// Adds a pause before each further streamed chunk.
    #[must_use]
    pub fn chunk_delay(self, pause: Duration) -> Step {
        Step { chunk_delay_ms: milliseconds(pause), ..self }
    }

    /// Ends the stream after `chunks`, cleanly but unfinished.
    #[must_use]
    pub fn cut_after(self, chunks: usize) -> Step {
        Step { cut_after_chunks: Some(chunks), ..self }
    }

    /// Breaks the connection after `chunks`.
    #[must_use]
    pub fn break_after(self, chunks: usize) -> Step {
        Step { break_after_chunks: Some(chunks), ..self }
    }

    /// Sends nothing more after `chunks`, and keeps the connection open.
    #[must_use]
    pub fn stall_after(self, chunks: usize) -> Step {
        Step { stall_after_chunks: Some(chunks), ..self }
    }

    /// Makes the step one for embedding requests.
    #[must_use]
    pub fn for_embeddings(self) -> Step {
        Step { endpoint: Endpoint::Embeddings, ..self }
    }
}

fn milliseconds(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

/// The queue of steps.
#[derive(Debug, Default)]
pub(super) struct Script {
    steps: Mutex<VecDeque<Step>>,
}

impl Script {
    /// Appends steps.
    pub fn push(&self, steps: impl IntoIterator<Item = Step>) {
        self.lock().extend(steps);
    }

    /// Takes the first step for `endpoint`, if there is one.
    pub fn next(&self, endpoint: Endpoint) -> Option<Step> {
        let mut steps = self.lock();
        let position = steps.iter().position(|step| step.endpoint == endpoint)?;
        steps.remove(position)
    }

    /// How many steps wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Removes all steps and returns how many they were.
    pub fn clear(&self) -> usize {
        self.lock().drain(..).count()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Step>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
