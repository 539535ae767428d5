//! A long answer in parts, each of which Slack shows in one message. Pure.
//!
//! Every character of the answer is in exactly one part. A code fence that is open where a part ends
//! is closed there and opened again in the next.

use std::ops::Range;

use slack::api::EDIT_CHARS_MAX;

/// What one part holds, in characters; with a fence opened before and closed behind it, it may still
/// be edited.
pub(crate) const PART_CHARS_MAX: usize = EDIT_CHARS_MAX - 200;

/// How many parts an answer has at most; a longer one is cut and says so.
pub(crate) const PARTS_MAX: usize = 8;

/// How much of a fence's opening line is repeated, in characters.
const FENCE_CHARS_MAX: usize = 40;

/// The parts of `text`, of which the first end at `fixed` (byte offsets, rising).
pub(crate) fn parts(text: &str, fixed: &[usize]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for end in fixed.iter().copied().filter(|end| *end < text.len()) {
        parts.push(start..end);
        start = end;
    }
    while let Some(end) = cut(text, start, start) {
        parts.push(start..end);
        start = end;
    }
    parts.push(start..text.len());
    parts
}

/// Where the part that begins at `start` ends, `not_before` a byte offset; none when all the rest
/// fits into it.
pub(crate) fn cut(text: &str, start: usize, not_before: usize) -> Option<usize> {
    let rest = &text[start..];
    let limit = start + rest.char_indices().nth(PART_CHARS_MAX).map(|(at, _)| at)?;
    Some(boundary(text, not_before.max(start + (limit - start) / 2), limit))
}

/// The best place to end a part within a range: behind a paragraph, a line, a word, at its end.
pub(crate) fn boundary(text: &str, from: usize, to: usize) -> usize {
    let from = (from..=to).find(|at| text.is_char_boundary(*at)).unwrap_or(to);
    let window = &text[from..to];
    let behind = |mark: &str| window.rfind(mark).map(|at| from + at + mark.len());
    behind("\n\n").or_else(|| behind("\n")).or_else(|| behind(" ")).unwrap_or(to)
}

/// A part as a message shows it.
pub(crate) fn render(text: &str, part: &Range<usize>) -> String {
    if part.end < text.len() { render_closed(text, part) } else { render_open(text, part) }
}

/// The same for a part that another follows, now or later.
pub(crate) fn render_closed(text: &str, part: &Range<usize>) -> String {
    let mut shown = render_open(text, part);
    if open_fence(&text[..part.end]).is_some() {
        shown.push_str(if shown.ends_with('\n') { "```" } else { "\n```" });
    }
    shown
}

/// The same for a part that may go on.
pub(crate) fn render_open(text: &str, part: &Range<usize>) -> String {
    match open_fence(&text[..part.start]) {
        Some(fence) => format!("{fence}\n{}", &text[part.clone()]),
        None => text[part.clone()].to_owned(),
    }
}

/// The opening line of the fence that is open where `text` ends (CommonMark 0.31, §4.5; backticks
/// alone, as Slack knows no others).
pub(crate) fn open_fence(text: &str) -> Option<String> {
    let mut open: Option<&str> = None;
    for line in text.split('\n') {
        let fence = line.trim_start_matches(' ');
        let ticks = fence.len() - fence.trim_start_matches('`').len();
        let info = fence[ticks..].trim();
        match open {
            None if ticks >= 3 && !info.contains('`') => open = Some(fence.trim_end()),
            Some(_) if ticks >= 3 && info.is_empty() => open = None,
            _ => {}
        }
    }
    open.map(|fence| fence.chars().take(FENCE_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_answer_is_one_part() {
        for text in ["So.", ""] {
            let parts: Vec<_> = parts(text, &[]).into_iter().map(|part| &text[part]).collect();
            assert_eq!(parts, [text]);
        }
    }

    #[test]
    fn a_long_answer_is_cut_behind_a_paragraph() {
        let text = format!("{}\n\n{}", "a ".repeat(1_500), "b ".repeat(1_500));
        let parts = parts(&text, &[]);
        assert_eq!(parts.len(), 2);
        assert!(text[parts[0].clone()].ends_with("\n\n"));
    }

    #[test]
    fn a_fence_is_closed_and_opened_again() {
        let text = format!("```rust\n{}```\nso", "let a = 1;\n".repeat(500));
        let parts = parts(&text, &[]);
        let shown: Vec<_> = parts.iter().map(|part| render(&text, part)).collect();
        assert_eq!(shown.len(), 2);
        assert!(shown[0].starts_with("```rust\n") && shown[0].ends_with(";\n```"), "{}", shown[0]);
        assert!(shown[1].starts_with("```rust\nlet") && shown[1].ends_with("```\nso"));
    }

    #[test]
    fn the_first_parts_end_where_they_ended_before() {
        let text = "word ".repeat(2_000);
        let parts = parts(&text, &[100, 250]);
        assert_eq!(parts[..2], [0..100, 100..250]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_character_is_lost_or_repeated(
            text in "(word |ä|\n|```x\n|```\n|[a-z]{200}){0,120}",
            fixed in prop::collection::vec(1usize..3_000, 0..3),
        ) {
            let mut fixed = fixed;
            fixed.sort_unstable();
            fixed.dedup();
            fixed.retain(|at| text.is_char_boundary(*at) && *at < text.len());
            let parts = parts(&text, &fixed);
            let joined: String = parts.iter().map(|part| &text[part.clone()]).collect();
            prop_assert_eq!(&joined, &text);
            for part in &parts[fixed.len()..] {
                prop_assert!(render(&text, part).chars().count() <= EDIT_CHARS_MAX);
            }
        }
    }
}
