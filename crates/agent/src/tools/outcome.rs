//! Turns what a tool returned into what a model is told: cleaned, bounded, its sources numbered.

use event::Source;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Deserialize;
use serde_json::Value;

use crate::citations::Ledger;
use crate::transcript::cut;

/// The most bytes of one result that a model is told.
pub const RESULT_BYTES_MAX: usize = 32 * 1024;

/// The most bytes of one passage within a result.
pub const PASSAGE_BYTES_MAX: usize = 4 * 1024;

/// The longest label of a source, in bytes.
const LABEL_BYTES_MAX: usize = 200;

/// The longest link of a source, in bytes; a longer one is left out.
const LINK_BYTES_MAX: usize = 1_000;

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// It found passages, each with its source. Maybe none.
    Passages(Vec<(Source, String)>),
    /// It said something else, of which it is itself the source.
    Text {
        /// The server's and tool's names.
        source: Source,
        /// What it said.
        text: String,
    },
    /// It failed, in words for the model.
    Failed(String),
}

/// Results in the shape of our own documentation search.
#[derive(Deserialize)]
struct Found {
    results: Vec<FoundPassage>,
}

#[derive(Deserialize)]
struct FoundPassage {
    source: String,
    #[serde(default)]
    title: Option<String>,
    text: String,
    #[serde(default)]
    link: Option<String>,
}

impl Outcome {
    pub(crate) fn failed(why: &str) -> Outcome {
        Outcome::Failed(clean(why))
    }

    /// Reads what a server's tool returned.
    pub(super) fn of(server: &str, tool: &str, result: CallToolResult) -> Outcome {
        let failed = result.is_error == Some(true);
        let structured = result.structured_content.filter(|_| !failed);
        if let Some(Ok(found)) = structured.as_ref().map(Found::deserialize) {
            return Outcome::Passages(found.results.into_iter().map(passage).collect());
        }
        let text = match (texts(&result.content), structured) {
            (text, Some(value)) if text.is_empty() => value.to_string(),
            (text, _) => text,
        };
        let text = clean(&text);
        match failed {
            true => Outcome::Failed(text),
            false => {
                let label = clean_label(&format!("{server} › {tool}"));
                Outcome::Text { source: Source { label, link: None }, text }
            }
        }
    }

    /// What it found, each source once.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let mut sources = Vec::new();
        if let Outcome::Passages(passages) = self {
            for (source, _) in passages {
                if !sources.contains(source) {
                    sources.push(source.clone());
                }
            }
        }
        sources
    }

    /// What the model is told. Sources get their numbers here.
    pub(crate) fn told(&self, ledger: &mut Ledger) -> String {
        match self {
            Outcome::Passages(passages) if passages.is_empty() => "Nothing was found.".to_owned(),
            Outcome::Passages(passages) => numbered(passages, ledger),
            Outcome::Text { text, .. } if text.is_empty() => {
                "Done; it returned no text.".to_owned()
            }
            Outcome::Text { source, text } => {
                let number = ledger.number(source);
                format!("[{number}] {}: {}", source.label, cut(text, RESULT_BYTES_MAX))
            }
            Outcome::Failed(why) => {
                format!("The call failed: {}", cut(why, PASSAGE_BYTES_MAX))
            }
        }
    }
}

/// One paragraph a passage, as many as fit.
fn numbered(passages: &[(Source, String)], ledger: &mut Ledger) -> String {
    let mut told = String::new();
    for (at, (source, text)) in passages.iter().enumerate() {
        let text = cut(text, PASSAGE_BYTES_MAX);
        if told.len() + source.label.len() + text.len() > RESULT_BYTES_MAX {
            told.push_str(&format!("[cut: {} more results left out]\n\n", passages.len() - at));
            break;
        }
        let number = ledger.number(source);
        told.push_str(&format!("[{number}] {}: {text}\n\n", source.label));
    }
    told.trim_end().to_owned()
}

fn passage(found: FoundPassage) -> (Source, String) {
    let title = found.title.filter(|title| !title.trim().is_empty());
    let label = match title {
        Some(title) => format!("{} › {title}", found.source),
        None => found.source,
    };
    let link = found.link.filter(|link| is_web_address(link));
    (Source { label: clean_label(&label), link }, clean(&found.text))
}

/// Whether a link is one that a reply may carry into `[label](link)`: anything else would break out
/// of it, or lead elsewhere than to the web.
fn is_web_address(link: &str) -> bool {
    let breaks_out = |c: char| c.is_whitespace() || c.is_control() || "()<>|".contains(c);
    (link.starts_with("https://") || link.starts_with("http://"))
        && link.len() <= LINK_BYTES_MAX
        && !link.contains(breaks_out)
}

/// The texts of a result; what is no text is named in its place.
fn texts(content: &[ContentBlock]) -> String {
    let text = |block: &ContentBlock| match serde_json::to_value(block) {
        Ok(block) => match (block["type"].as_str(), block["text"].as_str()) {
            (Some("text"), Some(text)) => text.to_owned(),
            (Some("resource_link"), _) => format!("[link: {}]", text_of(&block["uri"])),
            (Some("resource"), _) => text_of(&block["resource"]["text"]).to_owned(),
            (kind, _) => format!("[{} left out]", kind.unwrap_or("content")),
        },
        Err(_) => String::new(),
    };
    content.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or("left out")
}

/// Text without terminal sequences and control characters, which only ever mislead.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(2 * RESULT_BYTES_MAX));
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
                chars.next();
            }
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}

fn clean_label(label: &str) -> String {
    let words: Vec<_> = label.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line[..line.floor_char_boundary(LABEL_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn structured(value: Value) -> Outcome {
        Outcome::of("docs", "search_docs", CallToolResult::structured(value))
    }

    fn said(text: &str) -> Outcome {
        Outcome::of("shell", "run", CallToolResult::success(vec![ContentBlock::text(text)]))
    }

    #[test]
    fn passages_are_numbered_across_results() {
        let mut ledger = Ledger::default();
        let first = structured(json!({"results": [
            {"source": "README.md", "title": "Replay", "text": "Run it.", "link": null},
            {"source": "a.md", "title": "", "text": "Else.", "link": "https://x"},
        ]}));
        assert_eq!(first.told(&mut ledger), "[1] README.md › Replay: Run it.\n\n[2] a.md: Else.");
        let second = structured(json!({"results": [
            {"source": "b.md", "text": "New."},
            {"source": "README.md", "title": "Replay", "text": "Run it twice."},
        ]}));
        assert_eq!(
            second.told(&mut ledger),
            "[3] b.md: New.\n\n[1] README.md › Replay: Run it twice."
        );
        assert_eq!(structured(json!({"results": []})).told(&mut ledger), "Nothing was found.");
    }

    #[test]
    fn only_a_plain_web_address_becomes_a_link() {
        let link = |link: &str| {
            let found = json!({"results": [{"source": "a.md", "text": "A.", "link": link}]});
            let Outcome::Passages(passages) = structured(found) else { panic!("passages") };
            passages[0].0.link.clone()
        };
        assert_eq!(link("https://x/a?b=c#d").as_deref(), Some("https://x/a?b=c#d"));
        for wrong in ["", " ", "javascript:alert(1)", "https://x) <!channel>", "https://x\n# A"] {
            assert_eq!(link(wrong), None, "{wrong:?}");
        }
        assert_eq!(link(&format!("https://x/{}", "a".repeat(LINK_BYTES_MAX))), None);
    }

    #[test]
    fn another_tools_words_are_their_own_source() {
        let told = said("It rains.").told(&mut Ledger::default());
        assert_eq!(told, "[1] shell › run: It rains.");
        let told = structured(json!({"degrees": 7})).told(&mut Ledger::default());
        assert_eq!(told, "[1] docs › search_docs: {\"degrees\":7}");
    }

    #[test]
    fn a_failure_is_no_source() {
        let mut ledger = Ledger::default();
        let result = CallToolResult::error(vec![ContentBlock::text("`limit`: expected 1 to 20")]);
        let told = Outcome::of("docs", "search_docs", result).told(&mut ledger);
        assert_eq!(told, "The call failed: `limit`: expected 1 to 20");
        assert!(ledger.cite("[1]").1.is_empty());
    }

    #[test]
    fn a_huge_result_is_cut_with_a_marker() {
        let told = said(&"ä".repeat(25_000_000)).told(&mut Ledger::default());
        assert!(told.len() < RESULT_BYTES_MAX + 200, "{}", told.len());
        assert!(told.ends_with("of 50000000 bytes shown]"));
        let one = json!({"source": "a.md", "text": "x".repeat(PASSAGE_BYTES_MAX)});
        let told = structured(json!({"results": vec![one; 100]})).told(&mut Ledger::default());
        assert!(told.len() < RESULT_BYTES_MAX + 200, "{}", told.len());
        assert!(told.contains("more results left out]"));
    }

    #[test]
    fn control_characters_and_terminal_sequences_are_taken_out() {
        let told = said("a\0b\u{1b}[31mred\u{1b}[0m\r\nnext\u{7}").told(&mut Ledger::default());
        assert_eq!(told, "[1] shell › run: abred\nnext");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let result = CallToolResult::success(vec![
            ContentBlock::text("see"),
            ContentBlock::image("AAAA", "image/png"),
        ]);
        let told = Outcome::of("shell", "run", result).told(&mut Ledger::default());
        assert_eq!(told, "[1] shell › run: see\n[image left out]");
    }
}
