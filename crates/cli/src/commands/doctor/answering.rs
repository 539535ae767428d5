//! What an answer is made with: prompts, model, tool servers.

use agent::{Agent, AgentOptions, McpConfig, ModelOptions, ServerHealth};
use service::config::{DoctorConfig, ModelConfig};

use super::{Finding, chain};

pub(super) async fn examine(config: &DoctorConfig) -> Vec<Finding> {
    let Some(prompts_dir) = &config.prompts_dir else { return Vec::new() };
    let mut findings = Vec::new();
    let mut usable = true;
    match agent::prompts::check(prompts_dir) {
        Ok(files) => findings.push(Finding::ok("prompts", format!("{} files", files.len()))),
        Err(error) => {
            usable = false;
            let fix = "correct the file that is named, or take it from the repository's prompts/";
            findings.push(Finding::fail("prompts", chain(error), fix));
        }
    }
    if let Some(Err(error)) = config.mcp_config.as_deref().map(McpConfig::read) {
        usable = false;
        let fix = "correct the file of ATHENAEUM_MCP_CONFIG";
        findings.push(Finding::fail("tools", chain(error), fix));
    }
    // A model that is unset was told already; the tools can be checked without one.
    let options = AgentOptions {
        prompts_dir: prompts_dir.clone(),
        mcp_config: config.mcp_config.clone(),
        ..AgentOptions::default()
    };
    let options = match &config.model {
        Some(ModelConfig { base_url, api_key, model }) => {
            AgentOptions { model: ModelOptions::new(base_url, api_key.clone(), model), ..options }
        }
        None => options,
    };
    if usable {
        findings.extend(ask(options, config.model.as_ref()).await);
    }
    findings
}

async fn ask(options: AgentOptions, model: Option<&ModelConfig>) -> Vec<Finding> {
    let agent = match Agent::new(options) {
        Ok(agent) => agent,
        Err(error) => {
            let fix = "correct the variable that is named";
            return vec![Finding::fail("agent", chain(error), fix)];
        }
    };
    let mut findings = Vec::new();
    if let Some(model) = model {
        findings.push(probe(&agent, model).await);
    }
    let servers = agent.health().await;
    agent.shutdown().await;
    if servers.is_empty() {
        let fix = "name tool servers in prompts/mcp.json, or in the file of ATHENAEUM_MCP_CONFIG";
        findings.push(Finding::warn("tools", "no tool server is configured", fix));
    }
    findings.extend(servers.into_iter().map(tool_server));
    findings
}

async fn probe(agent: &Agent, model: &ModelConfig) -> Finding {
    let ModelConfig { base_url, model, .. } = model;
    match agent.probe_model().await {
        Ok(probe) if probe.listed == Some(false) => Finding::warn(
            "model",
            format!("{base_url} answers, but does not list {model:?}"),
            "set ATHENAEUM_MODEL to a model that the server lists",
        ),
        Ok(_) => Finding::ok("model", format!("{base_url} answers; model {model:?}")),
        Err(error) => {
            let fix = "see that OPENAI_BASE_URL is reachable from here and that OPENAI_API_KEY is \
                       valid for it";
            Finding::fail("model", chain(error), fix)
        }
    }
}

fn tool_server(health: ServerHealth) -> Finding {
    let check = format!("tools.{}", health.server);
    match health.tools {
        Ok(tools) => Finding::ok(&check, format!("offers {}", tools.join(", "))),
        Err(why) => {
            let fix = "see its command and arguments in the tool servers' file";
            Finding::fail(&check, why, fix)
        }
    }
}
