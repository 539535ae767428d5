//! Decides the honest reply: search first, quote what was found, say plainly when nothing was.

use serde_json::{Value, json};

use super::answer;
use super::completion::{Call, Reply};
use super::request::{ChatRequest, Message, Role, Tool, ToolChoice};
use super::text::content_words;

const GREETING: &str = "Hello. I am the offline model: ask me something, and I quote what the \
                        search finds about it.";
const NO_QUESTION: &str = "There is no question here for me. I am the offline model and only quote \
                           sources that a search finds.";
const NO_SOURCES: &str = "I have no sources to answer that from. I am the offline model: without a \
                          search tool I have nothing to quote, and I do not guess.";

/// Words a search query may have; what comes after them in a long question is left out.
const QUERY_WORDS_MAX: usize = 16;

/// The honest reply to a request.
pub(super) fn reply(request: &ChatRequest) -> Reply {
    let Some((at, question)) = request.question() else {
        return Reply::Text(NO_QUESTION.to_owned());
    };
    let turn = &request.messages[at..];
    let results: Vec<&Message> = turn.iter().filter(|message| message.role == Role::Tool).collect();
    if results.is_empty() {
        return first_move(request, question);
    }
    let texts: Vec<&str> = results.iter().map(|result| result.text.as_str()).collect();
    let unsourced = texts.iter().all(|text| answer::passages(text).is_empty());
    match results.iter().find(|result| unsourced && !answers_a_search(turn, result)) {
        Some(result) => Reply::Text(answer::verbatim(&result.text)),
        None => Reply::Text(answer::compose(question, &texts)),
    }
}

fn answers_a_search(turn: &[Message], result: &Message) -> bool {
    let mut calls = turn.iter().flat_map(|message| &message.calls);
    calls.any(|(id, name)| Some(id) == result.answers_call.as_ref() && is_search(name))
}

fn is_search(tool: &str) -> bool {
    tool.to_lowercase().contains("search")
}

/// Before any result: a search if one is offered and there is something to search for.
fn first_move(request: &ChatRequest, question: &str) -> Reply {
    let words = content_words(question);
    if let Some(tool) = tool_to_call(request, !words.is_empty()) {
        return Reply::Calls(vec![Call::new(
            tool.name.clone(),
            arguments(tool, &words).to_string(),
        )]);
    }
    let text = if words.is_empty() { GREETING } else { NO_SOURCES };
    Reply::Text(text.to_owned())
}

fn tool_to_call(request: &ChatRequest, something_to_search: bool) -> Option<&Tool> {
    let search = request.tools.iter().find(|tool| is_search(&tool.name));
    match &request.tool_choice {
        ToolChoice::None => None,
        ToolChoice::Auto => search.filter(|_| something_to_search),
        ToolChoice::Required => search.or(request.tools.first()),
        ToolChoice::Named(name) => request.tools.iter().find(|tool| tool.name == *name),
    }
}

/// Fills in the argument that takes the query, and nothing else the tool does not demand.
fn arguments(tool: &Tool, words: &[&str]) -> Value {
    let query = words[..words.len().min(QUERY_WORDS_MAX)].join(" ");
    let name = query_property(&tool.parameters).unwrap_or("query");
    json!({ name: query })
}

fn query_property(schema: &Value) -> Option<&str> {
    let properties = schema.get("properties")?.as_object()?;
    let usual = ["query", "q", "question", "text", "search", "terms"];
    if let Some(name) = usual.into_iter().find(|name| properties.contains_key(*name)) {
        return Some(name);
    }
    let is_text =
        |name: &&str| properties.get(*name).and_then(|p| p["type"].as_str()) == Some("string");
    let required = schema.get("required").and_then(Value::as_array);
    let mut demanded = required.into_iter().flatten().filter_map(Value::as_str);
    demanded
        .find(is_text)
        .or_else(|| properties.keys().map(String::as_str).find(|name| is_text(name)))
}
