//! Cuts a Markdown document into passages, by heading.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// The most bytes of one passage's text. A model reads a handful of passages at a time, and a
/// passage that says one thing ranks better than one that says ten.
pub const CHUNK_BYTES_MAX: usize = 1_500;

/// The most passages taken from one document; the rest is left out.
pub const CHUNKS_MAX: usize = 2_000;

/// The most bytes of one heading.
pub const TITLE_BYTES_MAX: usize = 200;

/// A passage of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The headings that it stands under, outermost first; empty above the first heading.
    pub titles: Vec<String>,
    /// Its Markdown, without the headings, at most [`CHUNK_BYTES_MAX`] bytes.
    pub text: String,
}

/// Cuts `markdown` at its headings, and long sections at the ends of blocks, lines or words.
///
/// Front matter and HTML comments are left out; so is a heading with nothing under it.
#[must_use]
pub fn chunks(markdown: &str) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    for section in sections(markdown) {
        let mut open: Option<Range<usize>> = None;
        for block in section.blocks {
            match &mut open {
                Some(range) if block.end - range.start <= CHUNK_BYTES_MAX => range.end = block.end,
                Some(_) | None => {
                    let full = open.replace(block);
                    push(&mut chunks, &section.titles, full.map(|range| &markdown[range]));
                }
            }
        }
        push(&mut chunks, &section.titles, open.map(|range| &markdown[range]));
    }
    chunks.truncate(CHUNKS_MAX);
    chunks
}

/// What stands between two headings.
#[derive(Default)]
struct Section {
    titles: Vec<String>,
    blocks: Vec<Range<usize>>,
}

fn sections(markdown: &str) -> Vec<Section> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_FOOTNOTES;
    let mut outline = Outline { sections: vec![Section::default()], ..Outline::default() };
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        outline.event(event, &markdown[range.clone()], range);
    }
    outline.sections
}

/// The sections as far as the document has been read.
#[derive(Default)]
struct Outline {
    sections: Vec<Section>,
    /// The headings that the next section stands under.
    path: Vec<(HeadingLevel, String)>,
    /// The heading that is being read.
    heading: Option<(HeadingLevel, String)>,
    /// How many elements are open.
    depth: usize,
}

impl Outline {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the parser's enum: most events say nothing"
    )]
    fn event(&mut self, event: Event<'_>, text: &str, range: Range<usize>) {
        match event {
            Event::Start(tag) => {
                if self.depth == 0 {
                    self.block(&tag, text, range);
                }
                self.depth += 1;
            }
            Event::End(tag) => {
                self.depth = self.depth.saturating_sub(1);
                if let (TagEnd::Heading(_), 0) = (tag, self.depth) {
                    self.section();
                }
            }
            Event::Text(text) | Event::Code(text) => self.title(&text),
            Event::SoftBreak | Event::HardBreak => self.title(" "),
            _ => {}
        }
    }

    /// A block of the document's own level opens: a heading, or text unless a reader sees none.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's enum: the rest is text")]
    fn block(&mut self, tag: &Tag<'_>, text: &str, range: Range<usize>) {
        match tag {
            Tag::Heading { level, .. } => self.heading = Some((*level, String::new())),
            Tag::MetadataBlock(_) => {}
            Tag::HtmlBlock if text.trim_start().starts_with("<!--") => {}
            _ => self
                .sections
                .last_mut()
                .into_iter()
                .for_each(|open| open.blocks.push(range.clone())),
        }
    }

    fn title(&mut self, text: &str) {
        if let Some((_, title)) = &mut self.heading {
            title.push_str(text);
        }
    }

    fn section(&mut self) {
        let Some((level, title)) = self.heading.take() else { return };
        self.path.retain(|(above, _)| *above < level);
        self.path.push((level, cut(title.trim(), TITLE_BYTES_MAX).to_owned()));
        let titles = self.path.iter().map(|(_, title)| title.clone()).collect();
        self.sections.push(Section { titles, blocks: Vec::new() });
    }
}

/// Adds a passage, in pieces when a single block is too long.
fn push(chunks: &mut Vec<Chunk>, titles: &[String], text: Option<&str>) {
    let mut rest = text.unwrap_or_default().trim_matches('\n').trim_end();
    while !rest.is_empty() {
        let piece = match rest.len() > CHUNK_BYTES_MAX {
            true => cut_at_a_break(rest),
            false => rest,
        };
        chunks.push(Chunk { titles: titles.to_vec(), text: piece.trim_end().to_owned() });
        rest = rest[piece.len()..].trim_start_matches('\n');
    }
}

/// The longest head of `text` within the bound that ends a line, else a word, else a character.
fn cut_at_a_break(text: &str) -> &str {
    let head = cut(text, CHUNK_BYTES_MAX);
    let end = head.rfind('\n').or_else(|| head.rfind(char::is_whitespace));
    match end.filter(|&end| end > 0) {
        Some(end) => &head[..end],
        None => head,
    }
}

/// The text's first `bytes_max` bytes, to a whole character.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_stands_under_its_headings() {
        let found = chunks("Intro.\n\n# A\none\n\n## B `x`\ntwo\n\n# C\nthree\n");
        let read: Vec<_> =
            found.iter().map(|chunk| (chunk.titles.join("/"), chunk.text.as_str())).collect();
        assert_eq!(
            read,
            [
                (String::new(), "Intro."),
                ("A".into(), "one"),
                ("A/B x".into(), "two"),
                ("C".into(), "three"),
            ]
        );
    }

    #[test]
    fn a_hash_in_a_code_block_is_no_heading() {
        let found = chunks("# A\n```sh\n# not a heading\nrun\n```\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].text.contains("# not a heading"));
    }

    #[test]
    fn front_matter_comments_and_bare_headings_say_nothing() {
        assert_eq!(chunks("---\ntitle: x\n---\n# A\n<!-- note -->\n## B\n"), []);
        assert_eq!(chunks(""), []);
    }

    #[test]
    fn a_long_section_is_cut_between_its_paragraphs() {
        let paragraph = "word ".repeat(200);
        let found = chunks(&format!("# A\n\n{paragraph}\n\n{paragraph}\n\n{paragraph}\n"));
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|chunk| chunk.text == paragraph.trim()));
    }

    #[test]
    fn no_passage_is_longer_than_its_bound_and_none_is_lost() {
        for block in ["ä".repeat(5_000), "line of words\n".repeat(1_000), "x".repeat(4_000)] {
            let found = chunks(&format!("# A\n```\n{block}\n```\n"));
            assert!(found.iter().all(|chunk| chunk.text.len() <= CHUNK_BYTES_MAX));
            let kept: usize = found
                .iter()
                .map(|chunk| chunk.text.chars().filter(|c| c.is_alphabetic()).count())
                .sum();
            assert_eq!(kept, block.chars().filter(|c| c.is_alphabetic()).count());
        }
    }
}
