//! What a message says: text, Markdown, blocks, attachments, metadata; read and checked.

use serde_json::Value;

use super::{args::Args, blocks, refusal::Refusal};
use crate::slack::message::{Message, Persona};

/// Plain text beyond this is cut off, in characters.
pub(super) const TEXT_CHARS_MAX: usize = 40_000;
/// Plain text of an update may be this long, in characters.
pub(super) const UPDATE_TEXT_CHARS_MAX: usize = 4_000;
/// Plain text longer than this was measured to be split into several messages, in characters.
pub(super) const SPLIT_TEXT_CHARS: usize = 4_040;
/// `markdown_text` may be this long, in characters.
pub(super) const MARKDOWN_CHARS_MAX: usize = 12_000;
/// Metadata may be this long as JSON, in bytes.
const METADATA_BYTES_MAX: usize = 8_000;

/// The content of a message to be.
#[derive(Debug)]
pub(super) struct Content {
    pub text: String,
    pub has_text: bool,
    pub markdown: bool,
    pub blocks: Option<Value>,
    pub attachments: Option<Value>,
    pub metadata: Option<Value>,
}

impl Content {
    pub fn read(args: &Args) -> Result<Self, Refusal> {
        let text = args.text("text");
        let markdown = markdown_text(args)?;
        let blocks = args.structure("blocks", "invalid_blocks_format")?;
        if let Some(blocks) = &blocks {
            blocks::check(blocks, blocks::MESSAGE_BLOCKS_MAX)?;
        }
        if markdown.is_some() && (text.is_some() || blocks.is_some()) {
            return Err(Refusal::new("markdown_text_conflict"));
        }
        let attachments = args.structure("attachments", "invalid_attachments")?;
        if attachments.as_ref().is_some_and(|attachments| !attachments.is_array()) {
            return Err(Refusal::new("invalid_attachments"));
        }
        Ok(Self {
            has_text: text.is_some() || markdown.is_some(),
            markdown: markdown.is_some(),
            text: markdown.or(text).unwrap_or_default(),
            blocks: blocks
                .filter(|blocks| blocks.as_array().is_some_and(|list| !list.is_empty()))
                .map(blocks::with_ids),
            attachments,
            metadata: metadata(args)?,
        })
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        !self.has_text
            && self.blocks.is_none()
            && self
                .attachments
                .as_ref()
                .is_none_or(|list| list.as_array().is_none_or(Vec::is_empty))
    }

    /// The texts of the messages that Slack makes of this content: one, or the parts of a long text.
    pub fn parts(&self) -> Vec<String> {
        let text: String = self.text.chars().take(TEXT_CHARS_MAX).collect();
        if self.markdown || self.blocks.is_some() || text.chars().count() <= SPLIT_TEXT_CHARS {
            return vec![text];
        }
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(UPDATE_TEXT_CHARS_MAX).map(|part| part.iter().collect()).collect()
    }

    /// Puts everything but the text into a message.
    pub fn dress(&self, message: &mut Message) {
        message.markdown = self.markdown;
        message.blocks.clone_from(&self.blocks);
        message.attachments.clone_from(&self.attachments);
        message.metadata.clone_from(&self.metadata);
    }
}

/// `markdown_text`, within its limit.
pub(super) fn markdown_text(args: &Args) -> Result<Option<String>, Refusal> {
    let markdown = args.text("markdown_text");
    if markdown.as_ref().is_some_and(|text| text.chars().count() > MARKDOWN_CHARS_MAX) {
        return Err(Refusal::new("msg_too_long"));
    }
    Ok(markdown)
}

/// `metadata`: a type and an object, of bounded size.
pub(super) fn metadata(args: &Args) -> Result<Option<Value>, Refusal> {
    let Some(metadata) = args.structure("metadata", "invalid_metadata_format")? else {
        return Ok(None);
    };
    let Value::Object(object) = &metadata else {
        return Err(Refusal::new("invalid_metadata_format"));
    };
    let typed = object.get("event_type").is_some_and(Value::is_string);
    let filled = object.get("event_payload").is_some_and(Value::is_object);
    if object.is_empty() {
        return Ok(None);
    }
    let is_event = typed && filled;
    if !is_event && !object.contains_key("entities") {
        return Err(Refusal::new("invalid_metadata_schema"));
    }
    if metadata.to_string().len() > METADATA_BYTES_MAX {
        return Err(Refusal::new("metadata_too_large"));
    }
    Ok(Some(metadata))
}

/// The name and icon a call asks for.
pub(super) fn persona(args: &Args) -> Option<Persona> {
    let persona = Persona {
        username: args.text("username").unwrap_or_default(),
        icon_emoji: args.text("icon_emoji"),
        icon_url: args.text("icon_url"),
    };
    let is_given =
        !persona.username.is_empty() || persona.icon_emoji.is_some() || persona.icon_url.is_some();
    is_given.then_some(persona)
}
