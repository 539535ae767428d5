//! The tools: servers that speak the Model Context Protocol, started once and shared by all
//! answers of the process.
//!
//! **Invariant:** a tool server sees nothing of our environment but a short list of harmless
//! variables and what its configuration gives it.

mod config;
mod environment;
mod last_words;
mod outcome;
mod server;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event::ErrorChain;
use futures::future::join_all;
use serde_json::{Map, Value};

pub use config::{McpConfig, McpConfigError, ServerConfig};
pub(crate) use outcome::Outcome;
pub use outcome::{PASSAGE_BYTES_MAX, RESULT_BYTES_MAX};
pub use server::START_TIMEOUT;
use server::Server;
pub(crate) use words::step_text;

/// The most tools that a model is told of; OpenAI's own limit. The rest is left out.
pub const TOOLS_MAX: usize = 128;

/// The most bytes of a tool's description, and of the schema of its arguments.
const DESCRIPTION_BYTES_MAX: usize = 2 * 1024;
const SCHEMA_BYTES_MAX: usize = 32 * 1024;

/// The longest name of a tool; OpenAI's own limit.
const NAME_BYTES_MAX: usize = 64;

/// A tool as the model is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolDefinition {
    /// Its name, different from all others.
    pub name: String,
    /// What it does, in its server's words.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// How a tool server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerHealth {
    /// Its name in the configuration.
    pub server: String,
    /// The names of its tools, or why it cannot be used.
    pub tools: Result<Vec<String>, String>,
}

/// All tool servers.
#[derive(Debug, Default)]
pub(crate) struct Toolbox {
    servers: Vec<Arc<Server>>,
}

/// The tools of the servers that were up when an answer began.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    pub(crate) definitions: Vec<ToolDefinition>,
    /// Server and own name of each definition, in the same order.
    places: Vec<(Arc<Server>, String)>,
    /// The servers that were not up.
    pub(crate) down: Vec<String>,
}

impl Toolbox {
    pub(crate) fn new(config: McpConfig, call_timeout: Duration) -> Toolbox {
        let servers = config.servers.into_iter();
        let servers =
            servers.map(|(name, server)| Arc::new(Server::new(&name, server, call_timeout)));
        Toolbox { servers: servers.collect() }
    }

    /// The tools of all servers, which are started where need be. A server that does not start is
    /// left out and named.
    pub(crate) async fn open(&self) -> Tools {
        let mut tools = Tools::default();
        let listed = join_all(self.servers.iter().map(|server| server.tools())).await;
        for (server, listed) in self.servers.iter().zip(listed) {
            match listed {
                Ok(listed) => listed.iter().for_each(|tool| tools.add(server, tool)),
                Err(_) => tools.down.push(server.name.clone()),
            }
        }
        tools
    }

    pub(crate) async fn health(&self) -> Vec<ServerHealth> {
        let health = self.servers.iter().map(|server| async {
            let listed = server.tools().await.map_err(|error| ErrorChain::line(&error));
            let names = |tools: Arc<Vec<rmcp::model::Tool>>| {
                tools.iter().map(|tool| tool.name.to_string()).collect()
            };
            ServerHealth { server: server.name.clone(), tools: listed.map(names) }
        });
        join_all(health).await
    }

    /// Ends all servers and waits until they are gone.
    pub(crate) async fn shutdown(&self) {
        join_all(self.servers.iter().map(|server| server.shutdown())).await;
    }
}

impl Tools {
    /// The names of all tools.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.definitions.iter().map(|tool| tool.name.clone()).collect()
    }

    /// What a person is told while the tool runs.
    pub(crate) fn step(&self, name: &str) -> String {
        let place = self.place(name);
        step_text(place.map_or(name, |(_, own_name)| own_name))
    }

    /// Calls a tool. Whatever happens is an outcome that the model can be told.
    pub(crate) async fn call(&self, name: &str, arguments: Map<String, Value>) -> Outcome {
        match self.place(name) {
            Some((server, own_name)) => server.call(own_name, arguments).await,
            None => Outcome::failed("there is no such tool"),
        }
    }

    fn place(&self, name: &str) -> Option<&(Arc<Server>, String)> {
        let at = self.definitions.iter().position(|tool| tool.name == name)?;
        self.places.get(at)
    }

    fn add(&mut self, server: &Arc<Server>, tool: &rmcp::model::Tool) {
        let parameters = Value::Object((*tool.input_schema).clone());
        let too_large = parameters.to_string().len() > SCHEMA_BYTES_MAX;
        if too_large || self.definitions.len() >= TOOLS_MAX {
            tracing::warn!(server = %server.name, tool = %tool.name, "tool left out: too many or too large");
            return;
        }
        let name = self.free_name(&server.name, &tool.name);
        let description = tool.description.as_deref();
        let description =
            description.map(|text| crate::transcript::cut(text, DESCRIPTION_BYTES_MAX));
        self.definitions.push(ToolDefinition { name, description, parameters });
        self.places.push((Arc::clone(server), tool.name.to_string()));
    }

    /// The tool's name in the letters that models accept; with its server's name before it, and a
    /// number after it, where another tool has it already.
    fn free_name(&self, server: &str, tool: &str) -> String {
        let accepted = |name: &str| {
            let letters = name.chars().map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' => c,
                _ => '_',
            });
            letters.take(NAME_BYTES_MAX).collect::<String>()
        };
        let taken = |name: &str| self.definitions.iter().any(|tool| tool.name == name);
        let numbered = (2..).map(|number: usize| {
            let end = format!("_{number}");
            let start: String = accepted(tool).chars().take(NAME_BYTES_MAX - end.len()).collect();
            start + &end
        });
        [accepted(tool), accepted(&format!("{server}__{tool}"))]
            .into_iter()
            .chain(numbered)
            .find(|name| !name.is_empty() && !taken(name))
            .unwrap_or_default()
    }
}
