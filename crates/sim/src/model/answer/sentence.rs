//! Cuts Markdown into sentences that can be quoted.

/// Words with a full stop that ends no sentence.
const ABBREVIATIONS: &[&str] = &["e.g", "i.e", "etc", "vs", "cf", "approx", "no", "fig", "ca"];
/// Bytes of code or list that may hang on the sentence that introduces them.
const ATTACHED_BYTES_MAX: usize = 800;

/// How a sentence stood in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In running text, or as a row of a table.
    Prose,
    /// As an item of a list.
    Item,
}

/// A sentence and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sentence {
    pub text: String,
    pub form: Form,
    /// The code or list a sentence that ends with a colon introduces.
    pub attached: Option<String>,
}

/// The sentences of a Markdown text, in order; headings and bare code are left out.
pub(super) fn sentences(markdown: &str) -> Vec<Sentence> {
    let blocks = blocks(markdown);
    let mut sentences: Vec<Sentence> = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let form = match block.kind {
            Kind::Code | Kind::Heading => continue,
            Kind::Item => Form::Item,
            Kind::Paragraph | Kind::Row => Form::Prose,
        };
        for text in split(&block.text) {
            sentences.push(Sentence { text: cleaned(text), form, attached: None });
        }
        if let Some(last) = sentences.last_mut().filter(|last| last.text.ends_with(':')) {
            last.attached = introduced(&blocks[at + 1..]);
        }
    }
    sentences
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Paragraph,
    Item,
    Row,
    Code,
    Heading,
}

struct Block {
    kind: Kind,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut in_code = false;
    let mut closed = true;
    for line in markdown.lines() {
        let trimmed = line.trim();
        let fence = trimmed.starts_with("```") || trimmed.starts_with("~~~");
        if let Some(code) = blocks.last_mut().filter(|_| in_code) {
            code.text.push('\n');
            code.text.push_str(line);
            in_code = !fence;
            continue;
        }
        let (kind, text) = if fence { (Kind::Code, trimmed.to_owned()) } else { classify(trimmed) };
        let continues = !closed && kind == Kind::Paragraph;
        in_code = fence;
        closed = fence || trimmed.is_empty() || matches!(kind, Kind::Heading | Kind::Row);
        if text.is_empty() {
            continue;
        }
        match blocks.last_mut().filter(|_| continues) {
            Some(open) => open.text.push_str(&format!(" {text}")),
            None => blocks.push(Block { kind, text }),
        }
    }
    blocks
}

fn classify(line: &str) -> (Kind, String) {
    if line.starts_with('#') {
        return (Kind::Heading, line.to_owned());
    }
    if let Some(row) = line.strip_prefix('|') {
        return (Kind::Row, row_text(row));
    }
    if let Some(item) = ["- ", "* ", "+ "].iter().find_map(|mark| line.strip_prefix(mark)) {
        return (Kind::Item, item.trim().to_owned());
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = line[digits..].strip_prefix(". ").or_else(|| line[digits..].strip_prefix(") "));
    match numbered.filter(|_| (1..=3).contains(&digits)) {
        Some(item) => (Kind::Item, item.trim().to_owned()),
        None => (Kind::Paragraph, line.trim_start_matches("> ").to_owned()),
    }
}

/// A table's row as a phrase: the first cell, a colon, the others. Rules between rows are empty.
fn row_text(row: &str) -> String {
    let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
    if cells.iter().all(|cell| cell.chars().all(|c| matches!(c, '-' | ':' | ' '))) {
        return String::new();
    }
    let (first, others) = cells.split_first().unwrap_or((&"", &[]));
    let others: Vec<&str> = others.iter().copied().filter(|cell| !cell.is_empty()).collect();
    if others.is_empty() { (*first).to_owned() } else { format!("{first}: {}", others.join(", ")) }
}

fn introduced(following: &[Block]) -> Option<String> {
    let first = following.first()?;
    let text = match first.kind {
        Kind::Code => first.text.clone(),
        Kind::Item => {
            let items = following.iter().take_while(|block| block.kind == Kind::Item);
            items.map(|item| format!("- {}", cleaned(&item.text))).collect::<Vec<_>>().join("\n")
        }
        Kind::Paragraph | Kind::Row | Kind::Heading => return None,
    };
    (text.len() <= ATTACHED_BYTES_MAX).then_some(text)
}

/// Cuts after `.`, `!` and `?` outside code spans, where a new sentence seems to begin.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut in_code = false;
    for (at, c) in text.char_indices() {
        in_code ^= c == '`';
        if in_code || !matches!(c, '.' | '!' | '?') {
            continue;
        }
        let after = &text[at + 1..];
        let closing = after.len() - after.trim_start_matches(['"', '”', ')', '*', '_', '’']).len();
        let end = at + 1 + closing;
        if begins_sentence(&text[end..]) && !abbreviated(&text[start..at]) {
            parts.push(text[start..end].trim());
            start = end;
        }
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn begins_sentence(rest: &str) -> bool {
    let trimmed = rest.trim_start();
    let first = trimmed.trim_start_matches(['*', '_', '"', '“', '(', '[']).chars().next();
    trimmed.len() < rest.len() && first.is_some_and(|c| !c.is_lowercase())
}

fn abbreviated(front: &str) -> bool {
    let last = front.rsplit([' ', '(']).next().unwrap_or_default().to_lowercase();
    ABBREVIATIONS.contains(&last.as_str())
}

/// Takes out what means something else in the answer: relative links, images, numbers in brackets.
fn cleaned(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, from) = rest.split_at(open);
        let Some(close) = from.find(']') else { break };
        let (label, after) = (&from[1..close], &from[close + 1..]);
        if label.contains('[') {
            out.push_str(&rest[..=open]);
            rest = &rest[open + 1..];
            continue;
        }
        let target = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        out.push_str(before.strip_suffix('!').filter(|_| target.is_some()).unwrap_or(before));
        rest = match target {
            Some((url, tail)) if url.starts_with("http") => {
                out.push_str(&format!("[{label}]({url})"));
                tail
            }
            Some((_, tail)) => {
                out.push_str(label);
                tail
            }
            None if label.bytes().all(|byte| byte.is_ascii_digit()) => {
                out.push_str(&format!("({label})"));
                after
            }
            None => {
                out.push_str(&format!("[{label}]"));
                after
            }
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(markdown: &str) -> Vec<String> {
        sentences(markdown).into_iter().map(|sentence| sentence.text).collect()
    }

    #[test]
    fn wrapped_lines_are_one_sentence_and_stops_in_code_end_none() {
        let markdown = "Run `a.b --c. D` twice,\ne.g. Monday. Then wait!";
        assert_eq!(texts(markdown), ["Run `a.b --c. D` twice, e.g. Monday.", "Then wait!"]);
    }

    #[test]
    fn headings_and_bare_code_are_not_quoted() {
        assert_eq!(texts("# Title\n```sh\nrm -rf x\n```\nText."), ["Text."]);
    }

    #[test]
    fn a_row_reads_as_a_phrase() {
        assert_eq!(
            texts("| Flag | Use |\n|---|---|\n| `-x` | Fast |"),
            ["Flag: Use", "`-x`: Fast"]
        );
    }

    #[test]
    fn a_lead_in_carries_its_list() {
        let read = sentences("Two states:\n\n- ready\n- done\n\nMore.");
        assert_eq!(read[0].attached.as_deref(), Some("- ready\n- done"));
        assert_eq!(read[1].form, Form::Item);
    }

    #[test]
    fn an_unclosed_bracket_is_left_alone() {
        let markdown = "a [b and ![i](p.png) [x](https://e.org) [c";
        assert_eq!(cleaned(markdown), "a [b and i [x](https://e.org) [c");
    }
}
