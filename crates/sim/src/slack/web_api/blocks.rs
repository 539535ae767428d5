//! Block Kit's rules: how many blocks, which kinds, how long their texts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Answer, Call, content::MARKDOWN_CHARS_MAX, refusal::Refusal};
use crate::slack::world::fresh_id;

/// The most blocks of a message.
pub(super) const MESSAGE_BLOCKS_MAX: usize = 50;
/// The most blocks of a modal or Home tab.
pub(super) const VIEW_BLOCKS_MAX: usize = 100;
/// Where the sum of a message's texts was seen to fail, in characters.
const TEXTS_CHARS_MAX: usize = 13_200;
/// The longest `block_id` or `action_id`, in characters.
const ID_CHARS_MAX: usize = 255;

const KINDS: &[&str] = &[
    "actions",
    "alert",
    "call",
    "card",
    "carousel",
    "container",
    "context",
    "context_actions",
    "data_table",
    "data_visualization",
    "divider",
    "file",
    "header",
    "image",
    "input",
    "markdown",
    "plan",
    "rich_text",
    "section",
    "table",
    "task_card",
    "video",
];

/// `blocks.validate`: the rules without a message.
pub(super) fn validate(call: &Call<'_>) -> Answer {
    let blocks = call.args.structure("blocks", "invalid_blocks_format")?;
    let blocks = blocks.ok_or_else(|| Refusal::missing("blocks"))?;
    check(&blocks, MESSAGE_BLOCKS_MAX)?;
    Ok(json!({}))
}

/// The blocks with ids for those blocks and elements that were given none, as Slack sends them on.
pub(in crate::slack) fn with_ids(mut blocks: Value) -> Value {
    for block in blocks.as_array_mut().into_iter().flatten() {
        // An image is a block here and an element there; only the block has an id.
        if let Some(object) = block.as_object_mut() {
            object.entry("block_id").or_insert_with(short_id);
        }
        for part in ["accessory", "element"] {
            if let Some(element) = block.get_mut(part) {
                give_action_id(element);
            }
        }
        if matches!(block["type"].as_str(), Some("actions" | "context_actions")) {
            for element in block["elements"].as_array_mut().into_iter().flatten() {
                give_action_id(element);
            }
        }
    }
    blocks
}

fn give_action_id(element: &mut Value) {
    if let Some(object) = element.as_object_mut()
        && object.get("type").is_some_and(|kind| kind != "image")
    {
        object.entry("action_id").or_insert_with(short_id);
    }
}

fn short_id() -> Value {
    let mut id = fresh_id("");
    id.truncate(5);
    json!(id)
}

/// Checks the blocks of a message or view; what is wrong is told with a pointer to the place.
pub(super) fn check(blocks: &Value, blocks_max: usize) -> Result<(), Refusal> {
    let Value::Array(list) = blocks else {
        return Err(Refusal::new("invalid_blocks_format"));
    };
    if list.len() > blocks_max {
        return Err(invalid("/blocks", &format!("no more than {blocks_max} items allowed")));
    }
    let mut ids = BTreeSet::new();
    for (at, block) in list.iter().enumerate() {
        check_block(block, &format!("/blocks/{at}"))?;
        if let Some(id) = block["block_id"].as_str()
            && !ids.insert(id)
        {
            let problem = format!("block_id '{id}' is used more than once");
            return Err(invalid(&format!("/blocks/{at}/block_id"), &problem));
        }
    }
    let markdown: usize =
        list.iter().filter(|block| block["type"] == "markdown").map(text_chars).sum();
    if markdown > MARKDOWN_CHARS_MAX || text_chars(blocks) > TEXTS_CHARS_MAX {
        return Err(Refusal::new("msg_blocks_too_long"));
    }
    Ok(())
}

fn check_block(block: &Value, at: &str) -> Result<(), Refusal> {
    let kind = block["type"].as_str().ok_or_else(|| invalid(at, "missing required field: type"))?;
    if !KINDS.contains(&kind) {
        return Err(invalid(&format!("{at}/type"), &format!("unsupported type: {kind}")));
    }
    at_most(&block["block_id"], ID_CHARS_MAX, &format!("{at}/block_id"))?;
    match kind {
        "section" => {
            if block["text"].is_null() && block["fields"].is_null() {
                return Err(invalid(at, "missing required field: text or fields"));
            }
            at_most(&block["text"]["text"], 3_000, &format!("{at}/text/text"))?;
            items(&block["fields"], 10, &format!("{at}/fields"))
        }
        "header" => {
            if block["text"]["type"] != "plain_text" {
                return Err(invalid(&format!("{at}/text"), "must be a plain_text object"));
            }
            at_most(&block["text"]["text"], 150, &format!("{at}/text/text"))
        }
        "markdown" if !block["text"].is_string() => {
            Err(invalid(at, "missing required field: text"))
        }
        "context" => items(&block["elements"], 10, &format!("{at}/elements")),
        "context_actions" => check_elements(block, 5, at),
        "actions" => check_elements(block, 25, at),
        _ => Ok(()),
    }
}

fn check_elements(block: &Value, most: usize, at: &str) -> Result<(), Refusal> {
    items(&block["elements"], most, &format!("{at}/elements"))?;
    let Some(elements) = block["elements"].as_array().filter(|list| !list.is_empty()) else {
        return Err(invalid(at, "missing required field: elements"));
    };
    for (index, element) in elements.iter().enumerate() {
        let at = format!("{at}/elements/{index}");
        at_most(&element["action_id"], ID_CHARS_MAX, &format!("{at}/action_id"))?;
        if element["type"] == "button" {
            at_most(&element["text"]["text"], 75, &format!("{at}/text/text"))?;
            at_most(&element["value"], 2_000, &format!("{at}/value"))?;
        }
    }
    Ok(())
}

fn at_most(text: &Value, most: usize, at: &str) -> Result<(), Refusal> {
    if text.as_str().is_some_and(|text| text.chars().count() > most) {
        return Err(invalid(at, &format!("must be less than {} characters", most + 1)));
    }
    Ok(())
}

fn items(list: &Value, most: usize, at: &str) -> Result<(), Refusal> {
    if list.as_array().is_some_and(|list| list.len() > most) {
        return Err(invalid(at, &format!("no more than {most} items allowed")));
    }
    Ok(())
}

/// The characters of every `text` in a block, however deep.
fn text_chars(value: &Value) -> usize {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| match value.as_str() {
                Some(text) if key == "text" => text.chars().count(),
                Some(_) | None => text_chars(value),
            })
            .sum(),
        Value::Array(list) => list.iter().map(text_chars).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn invalid(at: &str, problem: &str) -> Refusal {
    Refusal::detailed("invalid_blocks", format!("[ERROR] {problem} [json-pointer:{at}]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_blocks_is_told_with_its_place() {
        let check = |blocks: Value, error: &str, place: &str| {
            let refusal = check(&blocks, MESSAGE_BLOCKS_MAX).unwrap_err();
            assert_eq!(refusal.error, error);
            assert!(refusal.messages.concat().contains(place), "{refusal:?}");
        };
        let divider = json!({"type": "divider"});
        check(json!(vec![divider; 51]), "invalid_blocks", "[json-pointer:/blocks]");
        check(json!([{"type": "nope"}]), "invalid_blocks", "/blocks/0/type");
        let long =
            json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3001)}}]);
        check(long, "invalid_blocks", "/blocks/0/text/text");
        check(json!([{"type": "markdown", "text": "x".repeat(12_001)}]), "msg_blocks_too_long", "");
        check(json!({}), "invalid_blocks_format", "");
    }

    #[test]
    fn good_blocks_pass() {
        let blocks = json!([
            {"type": "section", "text": {"type": "mrkdwn", "text": "hi"}},
            {"type": "actions", "elements": [
                {"type": "button", "action_id": "a", "text": {"type": "plain_text", "text": "Go"}},
            ]},
        ]);
        check(&blocks, MESSAGE_BLOCKS_MAX).unwrap();
    }
}
