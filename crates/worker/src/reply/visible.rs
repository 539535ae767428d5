//! A reply as the asker sees it.

use std::fmt::Write;

use event::Reply;
use serde_json::{Value, json};

use super::parts::{PART_CHARS_MAX, PARTS_MAX};

/// What a longer answer ends with.
const CUT: &str =
    "\n\n… _(the answer is cut here; where files may be sent, the whole of it follows as one)_";

/// How long an answer may be, in characters; its parts are at least half as long as they may be.
const ANSWER_CHARS_MAX: usize = PART_CHARS_MAX / 2 * PARTS_MAX;

/// The answer and its numbered sources, which may take several messages.
pub(crate) fn visible_text(reply: &Reply) -> String {
    let text = reply.text.trim_end();
    let sources = source_list(reply);
    match text.char_indices().nth(ANSWER_CHARS_MAX) {
        Some((end, _)) => format!("{}{CUT}{sources}", &text[..end]),
        None => format!("{text}{sources}"),
    }
}

/// Whether an answer is longer than its messages.
pub(crate) fn is_cut(reply: &Reply) -> bool {
    reply.text.trim_end().chars().nth(ANSWER_CHARS_MAX).is_some()
}

/// The answer and its sources without any bound.
pub(crate) fn whole_text(reply: &Reply) -> String {
    format!("{}{}\n", reply.text.trim_end(), source_list(reply))
}

/// The buttons below an answer by which people say what they think of it. Slack's shape:
/// <https://docs.slack.dev/reference/block-kit/blocks/context-actions-block>.
pub(crate) fn feedback_buttons() -> Value {
    let button = |text: &str, value: &str| {
        json!({"text": {"type": "plain_text", "text": text}, "value": value,
            "accessibility_label": format!("{text} about this answer")})
    };
    json!({"type": "context_actions", "elements": [{
        "type": "feedback_buttons",
        "action_id": "feedback",
        "positive_button": button("Good", "positive"),
        "negative_button": button("Bad", "negative"),
    }]})
}

/// How many sources a message lists; far above what an answer cites.
const SOURCES_MAX: usize = 20;

/// How much of a source's name a message shows, in characters.
const LABEL_CHARS_MAX: usize = 200;

/// What a source's name may not hold beside its link, or it would end the link's text.
const BRACKETS: [char; 2] = ['[', ']'];

fn source_list(reply: &Reply) -> String {
    let mut list = String::new();
    for (number, source) in (1..=SOURCES_MAX).zip(&reply.sources) {
        let head = if number == 1 { "\n\n**Sources**\n" } else { "\n" };
        let label: String = source.label.chars().take(LABEL_CHARS_MAX).collect();
        let label = label.replace(BRACKETS, "");
        let _ = match &source.link {
            Some(link) => write!(list, "{head}{number}. [{label}]({link})"),
            None => write!(list, "{head}{number}. {label}"),
        };
    }
    list
}

#[cfg(test)]
mod tests {
    use event::Source;

    use super::*;

    fn reply(text: &str, sources: &[(&str, Option<&str>)]) -> Reply {
        let source = |&(label, link): &(&str, Option<&str>)| Source {
            label: label.to_owned(),
            link: link.map(str::to_owned),
        };
        Reply {
            text: text.to_owned(),
            sources: sources.iter().map(source).collect(),
            ..Reply::default()
        }
    }

    #[test]
    fn sources_are_numbered_and_linked_where_they_can_be_opened() {
        let text = visible_text(&reply(
            "So [1], and so [2].",
            &[("README.md › Replay", None), ("Guide", Some("https://example.com/guide"))],
        ));
        assert_eq!(
            text,
            "So [1], and so [2].\n\n**Sources**\n1. README.md › Replay\n\
             2. [Guide](https://example.com/guide)"
        );
    }

    #[test]
    fn no_list_of_sources_outgrows_its_bounds() {
        let label = "[x]".repeat(LABEL_CHARS_MAX);
        let many = vec![(label.as_str(), None); 10 * SOURCES_MAX];
        let text = visible_text(&reply("So.", &many));
        assert!(text.chars().count() <= SOURCES_MAX * (LABEL_CHARS_MAX + 10));
        assert!(text.starts_with("So.") && !text.contains('['));
    }

    #[test]
    fn an_answer_without_sources_stands_alone() {
        assert_eq!(visible_text(&reply("No idea.\n", &[])), "No idea.");
    }

    #[test]
    fn a_very_long_answer_is_cut_and_says_so_and_keeps_its_sources() {
        let text = visible_text(&reply(&"ä".repeat(50_000), &[("README.md", None)]));
        assert!(super::super::parts::parts(&text, &[]).len() <= PARTS_MAX);
        assert!(text.contains("is cut here"));
        assert!(text.ends_with("1. README.md"));
    }
}
