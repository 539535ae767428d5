//! A finished reply, and the shapes it takes on the wire.

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use super::request::ChatRequest;
use super::text;

/// Tokens that frame each message of a prompt, and the reply's opening.
const FRAMING_TOKENS: usize = 3;
/// The size of the pieces that tool arguments are streamed in, in characters.
const ARGUMENT_PIECE_CHARS: usize = 12;

/// What the model decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    /// It says something.
    Text(String),
    /// It calls tools.
    Calls(Vec<Call>),
}

/// One tool call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub id: String,
    pub name: String,
    /// JSON, unless a script wants it broken.
    pub arguments: String,
}

impl Call {
    /// A call with an id of its own.
    pub fn new(name: String, arguments: String) -> Call {
        let id = Uuid::new_v4().simple().to_string();
        Call { id: format!("call_{}", &id[..24]), name, arguments }
    }
}

/// Everything that both forms of the response are made of.
#[derive(Clone, Debug)]
pub(super) struct Completion {
    id: String,
    created: i64,
    model: String,
    reply: Reply,
    finish_reason: String,
    prompt_tokens: usize,
    completion_tokens: usize,
}

impl Completion {
    /// Counts tokens and applies the request's limit on them.
    pub fn new(request: &ChatRequest, reply: Reply, finish_reason: Option<String>) -> Completion {
        let framing = FRAMING_TOKENS * (request.messages.len() + 1);
        let (reply, cut) = limited(reply, request.tokens_max);
        let fitting = match (&reply, cut) {
            (Reply::Text(_), true) => "length",
            (Reply::Text(_), false) => "stop",
            (Reply::Calls(_), _) => "tool_calls",
        };
        Completion {
            id: format!("chatcmpl-{}", Uuid::new_v4().simple()),
            created: Utc::now().timestamp(),
            model: request.model.clone(),
            completion_tokens: reply_tokens(&reply),
            reply,
            finish_reason: finish_reason.unwrap_or_else(|| fitting.to_owned()),
            prompt_tokens: framing + text::tokens(&request.prompt_text),
        }
    }

    /// The response to a request without `stream`.
    pub fn whole(&self) -> Value {
        let mut message = json!({"role": "assistant", "content": null, "refusal": null});
        match &self.reply {
            Reply::Text(text) => message["content"] = json!(text),
            Reply::Calls(calls) => {
                message["tool_calls"] = calls.iter().map(whole_call).collect();
            }
        }
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": message,
                "logprobs": null,
                "finish_reason": self.finish_reason,
            }],
            "usage": self.usage(),
        })
    }

    /// The chunks of a streamed response: role, deltas, finish reason, and usage if asked for.
    pub fn chunks(&self, include_usage: bool) -> Vec<Value> {
        let mut deltas = vec![json!({"role": "assistant", "content": "", "refusal": null})];
        match &self.reply {
            Reply::Text(text) => {
                deltas.extend(text::pieces(text).map(|piece| json!({"content": piece})));
            }
            Reply::Calls(calls) => {
                deltas[0]["content"] = Value::Null;
                deltas.extend(
                    calls.iter().enumerate().flat_map(|(index, call)| call_deltas(index, call)),
                );
            }
        }
        let mut chunks: Vec<Value> = deltas
            .into_iter()
            .map(|delta| self.chunk(choice(delta, None), include_usage))
            .collect();
        let last = choice(json!({}), Some(&self.finish_reason));
        chunks.push(self.chunk(last, include_usage));
        if include_usage {
            let mut usage = self.chunk(json!([]), true);
            usage["usage"] = self.usage();
            chunks.push(usage);
        }
        chunks
    }

    fn chunk(&self, choices: Value, include_usage: bool) -> Value {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        // OpenAI sends an empty usage with every chunk once the client asked for it.
        if include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn usage(&self) -> Value {
        json!({
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
        })
    }
}

fn choice(delta: Value, finish_reason: Option<&str>) -> Value {
    json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason}])
}

fn whole_call(call: &Call) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    })
}

/// A call is streamed as its name first and its arguments in pieces after.
fn call_deltas(index: usize, call: &Call) -> Vec<Value> {
    let mut head = whole_call(call);
    head["index"] = json!(index);
    head["function"]["arguments"] = json!("");
    let characters: Vec<char> = call.arguments.chars().collect();
    let pieces = characters.chunks(ARGUMENT_PIECE_CHARS).map(|piece| {
        let piece: String = piece.iter().collect();
        json!({"index": index, "function": {"arguments": piece}})
    });
    std::iter::once(head).chain(pieces).map(|delta| json!({"tool_calls": [delta]})).collect()
}

fn reply_tokens(reply: &Reply) -> usize {
    match reply {
        Reply::Text(text) => text::tokens(text),
        Reply::Calls(calls) => calls
            .iter()
            .map(|call| text::tokens(&call.name) + text::tokens(&call.arguments) + FRAMING_TOKENS)
            .sum(),
    }
}

/// Cuts a text after as many tokens as are allowed, between words.
fn limited(reply: Reply, tokens_max: Option<usize>) -> (Reply, bool) {
    let (Reply::Text(whole), Some(tokens_max)) = (&reply, tokens_max) else {
        return (reply, false);
    };
    let mut kept = String::new();
    let mut count = 0;
    for piece in text::pieces(whole) {
        count += text::tokens(piece);
        if count > tokens_max {
            return (Reply::Text(kept), true);
        }
        kept.push_str(piece);
    }
    (reply, false)
}
