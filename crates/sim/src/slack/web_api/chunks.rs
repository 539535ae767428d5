//! The chunks of a stream, read and checked.

use serde_json::{Map, Value};

use super::{args::Args, blocks, content, refusal::Refusal};
use crate::slack::stream::{BLOCKS_MAX, Chunk};

/// The longest text field of a task, in characters.
const TASK_FIELD_CHARS_MAX: usize = 256;

const TASK_STATES: &[&str] = &["pending", "in_progress", "complete", "error"];

/// What a call gives a stream.
pub(super) struct Given {
    pub chunks: Vec<Chunk>,
    /// It came as `chunks`, also if they hold nothing but text.
    pub has_chunks: bool,
}

/// `markdown_text` and `chunks` of a call, in that order.
pub(super) fn read(args: &Args) -> Result<Given, Refusal> {
    let mut chunks: Vec<Chunk> = Vec::new();
    chunks.extend(content::markdown_text(args)?.map(Chunk::Markdown));
    let texts = chunks.len();
    match args.structure("chunks", "invalid_chunks")? {
        None => {}
        Some(Value::Array(list)) => {
            for (at, chunk) in list.into_iter().enumerate() {
                chunks.push(read_one(chunk).map_err(|problem| invalid(at, problem))?);
            }
        }
        Some(_) => return Err(Refusal::new("invalid_chunks")),
    }
    let characters: usize = chunks
        .iter()
        .map(|chunk| match chunk {
            Chunk::Markdown(text) => text.chars().count(),
            Chunk::Task(_) | Chunk::Plan { .. } | Chunk::Blocks(_) => 0,
        })
        .sum();
    if characters > content::MARKDOWN_CHARS_MAX {
        return Err(Refusal::new("msg_too_long"));
    }
    Ok(Given { has_chunks: chunks.len() > texts, chunks })
}

fn read_one(chunk: Value) -> Result<Chunk, &'static str> {
    let Value::Object(mut object) = chunk else { return Err("must be an object") };
    let kind = object.remove("type");
    match kind.as_ref().and_then(Value::as_str) {
        Some("markdown_text") => {
            let text = object.get("text").and_then(Value::as_str);
            Ok(Chunk::Markdown(text.ok_or("missing required field: text")?.to_owned()))
        }
        Some("plan_update") => {
            let title = object.get("title").and_then(Value::as_str);
            let title = title.ok_or("missing required field: title")?.to_owned();
            within_bounds(&object)?;
            Ok(Chunk::Plan { title })
        }
        Some("task_update") => read_task(object),
        Some("blocks") => read_blocks(object.remove("blocks")),
        Some(_) | None => Err("unsupported type"),
    }
}

fn read_task(task: Map<String, Value>) -> Result<Chunk, &'static str> {
    let text = |field: &str| task.get(field).and_then(Value::as_str);
    if text("id").is_none() {
        return Err("missing required field: id");
    }
    if text("title").is_none() {
        return Err("missing required field: title");
    }
    if !text("status").is_some_and(|status| TASK_STATES.contains(&status)) {
        return Err("status must be one of: pending, in_progress, complete, error");
    }
    within_bounds(&task)?;
    match task.get("sources") {
        None => {}
        Some(Value::Array(sources)) if sources.iter().all(is_source) => {}
        Some(_) => return Err("sources must be url elements with url and text"),
    }
    Ok(Chunk::Task(task))
}

/// An element of type `url`, the only kind of source there is.
fn is_source(source: &Value) -> bool {
    source["type"] == "url" && source["url"].is_string() && source["text"].is_string()
}

fn within_bounds(chunk: &Map<String, Value>) -> Result<(), &'static str> {
    let too_long = ["title", "details", "output"].iter().any(|field| {
        let text = chunk.get(*field).and_then(Value::as_str).unwrap_or_default();
        text.chars().count() > TASK_FIELD_CHARS_MAX
    });
    if too_long { Err("a text must be less than 257 characters") } else { Ok(()) }
}

fn read_blocks(list: Option<Value>) -> Result<Chunk, &'static str> {
    let list = list.filter(Value::is_array).ok_or("missing required field: blocks")?;
    blocks::check(&list, BLOCKS_MAX).map_err(|_| "invalid blocks")?;
    let list = blocks::with_ids(list);
    Ok(Chunk::Blocks(list.as_array().cloned().unwrap_or_default()))
}

fn invalid(at: usize, problem: &str) -> Refusal {
    Refusal::detailed("invalid_chunks", format!("[ERROR] {problem} [json-pointer:/chunks/{at}]"))
}
