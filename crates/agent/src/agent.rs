//! The agent: prompts, model and tools, made ready once and shared by all answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::error::AgentError;
use crate::model::{Model, ModelOptions, Probe};
use crate::prompts::{Notice, Prompts};
use crate::question::{Allowance, Answer, Progress, Question, Unlimited};
use crate::run::Run;
use crate::tools::{McpConfig, ServerHealth, Toolbox};
use crate::turn::Limits;

/// What an agent is made from.
#[derive(Clone, Debug)]
pub struct AgentOptions {
    /// What it calls itself.
    pub name: String,
    /// Where its prompts are.
    pub prompts_dir: PathBuf,
    /// Which file names its tool servers; without one it has no tools.
    pub mcp_config: Option<PathBuf>,
    /// How long one tool call may take.
    pub tool_timeout: Duration,
    /// How long an answer may take in all.
    pub answer_timeout: Duration,
    /// The model it asks.
    pub model: ModelOptions,
    /// How far an answer may go.
    pub limits: Limits,
}

impl Default for AgentOptions {
    /// Athenaeum with OpenAI's model and the prompts below the working directory, without tools.
    fn default() -> Self {
        AgentOptions {
            name: "Athenaeum".to_owned(),
            prompts_dir: "prompts".into(),
            mcp_config: None,
            tool_timeout: Duration::from_secs(30),
            answer_timeout: Duration::from_secs(600),
            model: ModelOptions::new("https://api.openai.com/v1", None, "gpt-5-mini"),
            limits: Limits::default(),
        }
    }
}

/// Answers questions. Clones are the same agent.
#[derive(Clone)]
pub struct Agent {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    pub(crate) name: String,
    pub(crate) prompts: Prompts,
    pub(crate) model: Model,
    pub(crate) toolbox: Toolbox,
    pub(crate) limits: Limits,
    answer_timeout: Duration,
}

impl Agent {
    /// Checks everything that can be checked without calling anyone. Tool servers are started by
    /// the first answer, or by [`Agent::health`]. The process must have installed a provider of
    /// cryptography for rustls.
    ///
    /// # Errors
    /// When prompts, tool configuration or model settings cannot be used.
    pub fn new(options: AgentOptions) -> Result<Agent, AgentError> {
        let prompts = Prompts::load(&options.prompts_dir).map_err(AgentError::Prompts)?;
        let config = match options.mcp_config {
            Some(path) => McpConfig::read(&path).map_err(AgentError::Tools)?,
            None => McpConfig::default(),
        };
        let model = Model::new(&options.model).map_err(AgentError::Settings)?;
        let toolbox = Toolbox::new(config, options.tool_timeout);
        let AgentOptions { name, limits, answer_timeout, .. } = options;
        let parts = Parts { name, prompts, model, toolbox, limits, answer_timeout };
        Ok(Agent { parts: Arc::new(parts) })
    }

    /// Answers one question. Cancelling ends the model's stream and the tool calls at once.
    ///
    /// # Errors
    /// When no answer came about; [`AgentError::fault`] says whether a retry can heal it.
    pub async fn answer(
        &self,
        question: &Question,
        progress: &dyn Progress,
        cancel: CancellationToken,
    ) -> Result<Answer, AgentError> {
        self.answer_within(question, progress, &Unlimited, cancel).await
    }

    /// As [`Agent::answer`], with no more tool calls than somebody allows.
    ///
    /// # Errors
    /// As [`Agent::answer`].
    pub async fn answer_within(
        &self,
        question: &Question,
        progress: &dyn Progress,
        allowance: &dyn Allowance,
        cancel: CancellationToken,
    ) -> Result<Answer, AgentError> {
        let after = self.parts.answer_timeout;
        let answer = timeout(after, Run::of(&self.parts, question, progress, allowance));
        // Nothing that an answer does must be finished, so it may be dropped anywhere.
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(AgentError::Cancelled),
            answer = answer => answer.unwrap_or(Err(AgentError::TooLong { after })),
        }
    }

    /// What the asker is told when no answer will come.
    ///
    /// # Errors
    /// When the template fails to render, which its check makes unlikely.
    pub fn notice(&self, notice: Notice) -> Result<String, AgentError> {
        self.parts.prompts.notice(notice).map_err(AgentError::Prompts)
    }

    /// How the tool servers are; starts those that are not up.
    pub async fn health(&self) -> Vec<ServerHealth> {
        self.parts.toolbox.health().await
    }

    /// Whether the model's server is there and takes our key. Costs no tokens.
    ///
    /// # Errors
    /// When it is not, or does not.
    pub async fn probe_model(&self) -> Result<Probe, AgentError> {
        self.parts.model.probe().await.map_err(AgentError::Model)
    }

    /// Ends the tool servers and waits until they are gone. Afterwards answers have no tools.
    pub async fn shutdown(&self) {
        self.parts.toolbox.shutdown().await;
    }
}
