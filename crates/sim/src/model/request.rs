//! Reads a chat completion request, as strictly as OpenAI where it helps a client's author.

use serde::Deserialize;
use serde_json::Value;

use super::error::ApiError;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    System,
    Developer,
    User,
    Assistant,
    Tool,
    Function,
}

/// One message of the transcript, its content as plain text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub role: Role,
    pub text: String,
    /// The tool calls an assistant message makes: their ids and the tools' names.
    pub calls: Vec<(String, String)>,
    /// The call a tool message answers.
    pub answers_call: Option<String>,
}

/// A tool the client offers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tool {
    pub name: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
}

/// Whether the model may or must call tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ToolChoice {
    Auto,
    None,
    Required,
    Named(String),
}

/// A request to complete a chat.
#[derive(Clone, Debug)]
pub(super) struct ChatRequest {
    pub model: String,
    pub messages: Vec<Message>,
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    pub stream: bool,
    pub include_usage: bool,
    /// The longest answer, in tokens.
    pub tokens_max: Option<usize>,
    /// The size of the prompt, in bytes of messages and tools.
    pub prompt_text: String,
}

#[derive(Deserialize)]
struct Wire {
    model: Option<String>,
    messages: Option<Vec<WireMessage>>,
    #[serde(default)]
    tools: Vec<WireTool>,
    #[serde(default)]
    tool_choice: Value,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    n: Option<u32>,
    #[serde(default)]
    response_format: Value,
}

#[derive(Deserialize)]
struct WireMessage {
    role: Role,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    tool_calls: Option<Vec<Value>>,
    tool_call_id: Option<String>,
}

#[derive(Deserialize)]
struct WireTool {
    #[serde(default)]
    function: Option<WireFunction>,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    #[serde(default)]
    parameters: Value,
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// Parses a JSON body.
pub(super) fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(body) {
        let message = format!("We could not parse the JSON body of your request: {error}.");
        return Err(ApiError::invalid(message, None, None));
    }
    serde_json::from_slice(body).map_err(|error| {
        ApiError::invalid(format!("Invalid request: {error}."), None, Some("invalid_type"))
    })
}

impl ChatRequest {
    /// Reads a request's body.
    pub fn read(body: &[u8]) -> Result<ChatRequest, ApiError> {
        let wire: Wire = parse(body)?;
        refuse_unsupported(&wire)?;
        let model = wire.model.ok_or_else(|| ApiError::missing("model"))?;
        let messages = wire.messages.ok_or_else(|| ApiError::missing("messages"))?;
        if messages.is_empty() {
            let message = "Invalid 'messages': empty array. Expected an array with minimum length \
                           1, but got an empty array instead.";
            return Err(ApiError::invalid(message, Some("messages"), Some("empty_array")));
        }
        let messages = messages.into_iter().map(Message::read).collect::<Result<Vec<_>, _>>()?;
        check_tool_messages(&messages)?;
        let mut prompt_text = String::new();
        for message in &messages {
            prompt_text.push_str(&message.text);
            prompt_text.push('\n');
        }
        let tools: Vec<Tool> = wire.tools.into_iter().filter_map(Tool::read).collect();
        for tool in &tools {
            prompt_text.push_str(&format!("{} {}\n", tool.name, tool.parameters));
        }
        Ok(ChatRequest {
            model,
            messages,
            tool_choice: tool_choice(&wire.tool_choice, &tools)?,
            tools,
            stream: wire.stream.unwrap_or(false),
            include_usage: wire.stream_options.is_some_and(|options| options.include_usage),
            tokens_max: wire.max_completion_tokens.or(wire.max_tokens),
            prompt_text,
        })
    }

    /// The last user message and where it stands; everything after it is this turn's work.
    pub fn question(&self) -> Option<(usize, &str)> {
        let at = self.messages.iter().rposition(|message| message.role == Role::User)?;
        Some((at, &self.messages[at].text))
    }
}

fn refuse_unsupported(wire: &Wire) -> Result<(), ApiError> {
    if wire.n.is_some_and(|n| n != 1) {
        let message = "The offline model gives one choice: 'n' must be 1.";
        return Err(ApiError::invalid(message, Some("n"), Some("unsupported_value")));
    }
    let format = wire.response_format.get("type").and_then(Value::as_str).unwrap_or("text");
    if format != "text" {
        let message = format!("The offline model quotes text and cannot answer in '{format}'.");
        return Err(ApiError::invalid(message, Some("response_format"), Some("unsupported_value")));
    }
    Ok(())
}

impl Message {
    fn read(wire: WireMessage) -> Result<Message, ApiError> {
        let calls = wire.tool_calls.unwrap_or_default();
        let calls = calls.iter().filter_map(call_identity).collect();
        Ok(Message {
            role: wire.role,
            text: content(&wire.content)?,
            calls,
            answers_call: wire.tool_call_id,
        })
    }
}

fn call_identity(call: &Value) -> Option<(String, String)> {
    let id = call.get("id")?.as_str()?;
    let name = call.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
    Some((id.to_owned(), name.to_owned()))
}

/// Flattens content: a string, null, or parts of which only the text can be read here.
fn content(value: &Value) -> Result<String, ApiError> {
    if value.is_null() {
        return Ok(String::new());
    }
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    let Some(parts) = value.as_array() else {
        let message = "Invalid type for 'messages.content': expected a string or an array.";
        return Err(ApiError::invalid(message, Some("messages"), Some("invalid_type")));
    };
    let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
    Ok(texts.collect::<Vec<_>>().join("\n"))
}

impl Tool {
    fn read(wire: WireTool) -> Option<Tool> {
        let WireFunction { name, parameters } = wire.function?;
        Some(Tool { name, parameters })
    }
}

fn tool_choice(value: &Value, tools: &[Tool]) -> Result<ToolChoice, ApiError> {
    let named = value.pointer("/function/name").and_then(Value::as_str);
    let choice = match (value.as_str(), named) {
        (Some("none"), _) => ToolChoice::None,
        (Some("required"), _) => ToolChoice::Required,
        (_, Some(name)) => ToolChoice::Named(name.to_owned()),
        (_, None) => ToolChoice::Auto,
    };
    if let ToolChoice::Named(name) = &choice
        && !tools.iter().any(|tool| tool.name == *name)
    {
        let message = format!("Tool choice '{name}' not found in 'tools' parameter.");
        return Err(ApiError::invalid(message, Some("tool_choice"), None));
    }
    Ok(choice)
}

/// Every tool message answers a call of the assistant message before it, and every call is answered.
fn check_tool_messages(messages: &[Message]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        if message.role == Role::Tool {
            let id = message.answers_call.as_deref().unwrap_or_default();
            let Some(position) = open.iter().position(|call| *call == id) else {
                let text = "Invalid parameter: messages with role 'tool' must be a response to a \
                            preceding message with 'tool_calls'.";
                return Err(ApiError::invalid(text, Some("messages"), None));
            };
            open.remove(position);
            continue;
        }
        refuse_unanswered(&open)?;
        open = message.calls.iter().map(|(id, _)| id.as_str()).collect();
    }
    refuse_unanswered(&open)
}

fn refuse_unanswered(open: &[&str]) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to \
         each 'tool_call_id'. The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(ApiError::invalid(message, Some("messages"), None))
}
