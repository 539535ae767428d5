//! Puts an answer together from the pieces of its stream, whatever the server leaves out.
//!
//! The shape is OpenAI's chat completion chunk; read field by field, because servers disagree on
//! which fields there are and of which type. A whole (unstreamed) completion is read as one chunk.

use event::Usage;
use serde_json::Value;

use super::error::ModelError;
use crate::transcript::{Finish, ModelAnswer, ToolCall};

/// The most tool calls kept of one answer; the rest is left out.
pub const CALLS_MAX: usize = 64;

/// An answer as far as it has arrived.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    text: String,
    refusal: String,
    calls: Vec<Partial>,
    finish: Option<Finish>,
    usage: Usage,
}

#[derive(Debug, Default)]
struct Partial {
    index: Option<u64>,
    call: ToolCall,
}

impl Assembly {
    /// Adds one chunk.
    pub(super) fn add(&mut self, chunk: &Value) -> Result<(), ModelError> {
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(ModelError::in_stream(error));
        }
        self.count(&chunk["usage"]);
        let choice = &chunk["choices"][0];
        let delta = choice.get("delta").unwrap_or(&choice["message"]);
        push_text(&mut self.text, &delta["content"]);
        push_text(&mut self.refusal, &delta["refusal"]);
        for piece in delta["tool_calls"].as_array().into_iter().flatten() {
            self.add_call(piece);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(finish(reason));
        }
        Ok(())
    }

    /// The words that have arrived.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether the server said why it ended.
    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// The answer, once the stream has ended. A stream that ends without a reason was cut.
    pub(super) fn finish(self) -> Result<ModelAnswer, ModelError> {
        let finish = self.finish.ok_or(ModelError::Cut)?;
        let text = if self.text.trim().is_empty() { self.refusal } else { self.text };
        let calls = distinct(self.calls.into_iter().map(|partial| partial.call).collect());
        Ok(ModelAnswer { text, calls, finish, usage: self.usage })
    }

    /// Usage may come once at the end, or in every chunk with growing numbers.
    fn count(&mut self, usage: &Value) {
        let tokens = |names: [&str; 2]| {
            names.iter().find_map(|name| usage[*name].as_u64().or_else(|| whole(&usage[*name])))
        };
        if let Some(input) = tokens(["prompt_tokens", "input_tokens"]) {
            self.usage.input_tokens = input;
        }
        if let Some(output) = tokens(["completion_tokens", "output_tokens"]) {
            self.usage.output_tokens = output;
        }
    }

    fn add_call(&mut self, piece: &Value) {
        let index = piece["index"].as_u64();
        let id = piece["id"].as_str().unwrap_or_default();
        let name = piece["function"]["name"].as_str().unwrap_or_default();
        let Some(at) = self.place(index, id, name) else { return };
        let Partial { call, .. } = &mut self.calls[at];
        if call.id.is_empty() {
            call.id = id.to_owned();
        }
        if call.name.is_empty() {
            call.name = name.to_owned();
        }
        match &piece["function"]["arguments"] {
            Value::String(more) => call.arguments.push_str(more),
            Value::Null => {}
            whole @ (Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_)) => {
                call.arguments = whole.to_string();
            }
        }
    }

    /// Which call a piece belongs to: the one with its index, unless the ids say otherwise (some
    /// servers give every call the index 0); without an index, the one with its id; without
    /// either, the latest, unless the piece names a function and so begins another.
    fn place(&mut self, index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        let same_id =
            |held: &Partial| id.is_empty() || held.call.id.is_empty() || held.call.id == id;
        let known = match (index, id) {
            (Some(_), _) => {
                self.calls.iter().rposition(|held| held.index == index && same_id(held))
            }
            (None, "") if name.is_empty() => self.calls.len().checked_sub(1),
            (None, "") => None,
            (None, id) => self.calls.iter().rposition(|held| held.call.id == id),
        };
        if known.is_none() && self.calls.len() < CALLS_MAX {
            self.calls.push(Partial { index, call: ToolCall::default() });
            return Some(self.calls.len() - 1);
        }
        known
    }
}

/// Content is text, or an array of parts of which the texts count.
fn push_text(text: &mut String, content: &Value) {
    if let Some(more) = content.as_str() {
        text.push_str(more);
    }
    for part in content.as_array().into_iter().flatten() {
        text.push_str(part["text"].as_str().unwrap_or_default());
    }
}

fn finish(reason: &str) -> Finish {
    match reason {
        "length" | "max_tokens" => Finish::Length,
        "content_filter" => Finish::Filtered,
        _ => Finish::Complete,
    }
}

/// A whole number that came as a float.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast: nonsense counts as the nearest number of tokens"
)]
fn whole(value: &Value) -> Option<u64> {
    value.as_f64().map(|number| number as u64)
}

/// Gives calls without an id, or with another's, one of their own.
fn distinct(mut calls: Vec<ToolCall>) -> Vec<ToolCall> {
    for at in 0..calls.len() {
        let (before, rest) = calls.split_at_mut(at);
        let taken = |id: &str| id.is_empty() || before.iter().any(|earlier| earlier.id == id);
        let Some(call) = rest.first_mut() else { continue };
        let mut number = at;
        while taken(&call.id) {
            call.id = format!("call_{number}");
            number += 1;
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assemble(chunks: &[Value]) -> Result<ModelAnswer, ModelError> {
        let mut assembly = Assembly::default();
        for chunk in chunks {
            assembly.add(chunk)?;
        }
        assembly.finish()
    }

    fn delta(delta: Value) -> Value {
        json!({"choices": [{"delta": delta}]})
    }

    fn end(reason: &str) -> Value {
        json!({"choices": [{"delta": {}, "finish_reason": reason}]})
    }

    fn calls(deltas: &[Value]) -> Vec<(String, String, String)> {
        let mut chunks: Vec<_> =
            deltas.iter().map(|call| delta(json!({"tool_calls": [call]}))).collect();
        chunks.push(end("tool_calls"));
        let answer = assemble(&chunks).unwrap();
        answer.calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    }

    #[test]
    fn text_is_joined_and_usage_kept() {
        let answer = assemble(&[
            json!({"choices": [], "prompt_filter_results": []}),
            delta(json!({"role": "assistant", "content": ""})),
            delta(json!({"content": "Hel", "reasoning_content": "hm"})),
            delta(json!({"content": [{"type": "text", "text": "lo"}]})),
            end("end_turn"),
            json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2.0}}),
        ])
        .unwrap();
        assert_eq!(answer.text, "Hello");
        assert_eq!(answer.usage, Usage { input_tokens: 7, output_tokens: 2 });
        assert_eq!(answer.finish, Finish::Complete);
    }

    #[test]
    fn a_stream_without_a_reason_to_end_was_cut() {
        assert!(matches!(assemble(&[delta(json!({"content": "Hel"}))]), Err(ModelError::Cut)));
        assert!(matches!(assemble(&[]), Err(ModelError::Cut)));
    }

    #[test]
    fn an_error_in_mid_stream_is_an_error() {
        let error = assemble(&[json!({"error": {"message": "overloaded", "code": 529}})]);
        assert!(matches!(error, Err(ModelError::Failed { status: 200, .. })));
        let limited = assemble(&[json!({"error": {"code": "rate_limit_exceeded"}})]);
        assert!(matches!(limited, Err(ModelError::RateLimited { .. })));
    }

    #[test]
    fn parallel_calls_are_told_apart_by_index() {
        let found = calls(&[
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"q\""}}),
            json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": ""}}),
            json!({"index": 0, "function": {"arguments": ":1}"}}),
            json!({"index": 1, "function": {"arguments": "{}"}}),
        ]);
        assert_eq!(found, [call("a", "f", "{\"q\":1}"), call("b", "g", "{}")]);
    }

    #[test]
    fn calls_without_an_index_are_told_apart_by_id_or_name() {
        let by_id = calls(&[
            json!({"id": "a", "function": {"name": "f", "arguments": "{}"}}),
            json!({"id": "b", "function": {"name": "g", "arguments": "{"}}),
            json!({"id": "b", "function": {"arguments": "}"}}),
        ]);
        assert_eq!(by_id, [call("a", "f", "{}"), call("b", "g", "{}")]);
        let by_name = calls(&[
            json!({"function": {"name": "f", "arguments": "{"}}),
            json!({"function": {"arguments": "}"}}),
            json!({"function": {"name": "f", "arguments": "{}"}}),
        ]);
        assert_eq!(by_name, [call("call_0", "f", "{}"), call("call_1", "f", "{}")]);
    }

    #[test]
    fn one_index_for_all_calls_misleads_nobody() {
        let found = calls(&[
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}),
            json!({"index": 0, "id": "b", "function": {"name": "f", "arguments": "{}"}}),
        ]);
        assert_eq!(found, [call("a", "f", "{}"), call("b", "f", "{}")]);
    }

    #[test]
    fn arguments_may_be_an_object() {
        let found = calls(&[
            json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": {"q": 1}}}),
        ]);
        assert_eq!(found, [call("a", "f", "{\"q\":1}")]);
    }

    #[test]
    fn ids_are_made_distinct() {
        let whole = json!({"choices": [{"finish_reason": "stop", "message": {"tool_calls": [
            {"index": 0, "id": "call_1", "function": {"name": "f", "arguments": "{}"}},
            {"index": 1, "id": "", "function": {"name": "f", "arguments": "{}"}},
            {"index": 2, "id": "call_1", "function": {"name": "f", "arguments": "{}"}},
        ]}}]});
        let ids: Vec<_> = assemble(&[whole]).unwrap().calls.into_iter().map(|c| c.id).collect();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 3, "{ids:?}");
    }

    #[test]
    fn a_refusal_is_an_answer() {
        let answer = assemble(&[delta(json!({"refusal": "I won't."})), end("stop")]).unwrap();
        assert_eq!(answer.text, "I won't.");
    }

    #[test]
    fn odd_shapes_harm_nothing() {
        for odd in [
            json!(null),
            json!([]),
            json!({"choices": "none"}),
            json!({"choices": [{"delta": "x"}]}),
            delta(json!({"content": 7, "tool_calls": [null, 7, {"function": null}]})),
            json!({"choices": [{"delta": {}, "finish_reason": 7}], "usage": "free"}),
        ] {
            assert!(matches!(assemble(&[odd]), Err(ModelError::Cut)));
        }
    }
}
