//! Reads passages out of a tool's result.

use serde_json::Value;

/// A passage of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct Passage {
    /// The number it is cited by.
    pub number: u64,
    /// The source and its title, such as `README.md › Replay`.
    pub heading: String,
    /// Markdown.
    pub text: String,
}

/// The passages of a result: lines that begin with `[1] README.md › Title: text` with all lines up
/// to the next such line, or JSON with `results` of `source`, `title` and `text`, numbered from 1.
pub(in crate::model) fn passages(result: &str) -> Vec<Passage> {
    if let Some(passages) = from_json(result) {
        return passages;
    }
    let mut passages: Vec<Passage> = Vec::new();
    for line in result.lines() {
        if let Some(passage) = opening(line) {
            passages.push(passage);
        } else if let Some(last) = passages.last_mut() {
            last.text.push('\n');
            last.text.push_str(line);
        }
    }
    passages
}

fn from_json(result: &str) -> Option<Vec<Passage>> {
    let document: Value = serde_json::from_str(result).ok()?;
    let results = document.get("results")?.as_array()?;
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let numbered = (1..).zip(results);
    let read = |(number, entry): (u64, &Value)| Passage {
        number,
        heading: format!("{} › {}", text(entry, "source"), text(entry, "title")),
        text: text(entry, "text"),
    };
    Some(numbered.map(read).collect())
}

fn opening(line: &str) -> Option<Passage> {
    let (number, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let number = number.parse().ok()?;
    let rest = rest.trim_start();
    // The title ends at the first colon after the arrow; a source may have colons of its own.
    let after_arrow = rest.find('›').unwrap_or_default();
    let colon = rest[after_arrow..].find(':').map(|at| after_arrow + at);
    let (heading, text) = match colon {
        Some(at) => (&rest[..at], &rest[at + 1..]),
        None => ("", rest),
    };
    Some(Passage { number, heading: heading.trim().to_owned(), text: text.trim_start().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_number_heading_and_text() {
        let read = passages(
            "Found:\n[12] README.md › Replay › By id: Run it.\nTwice.\n\n[3] b.md: No title.",
        );
        let expected =
            [(12, "README.md › Replay › By id", "Run it.\nTwice.\n"), (3, "b.md", "No title.")];
        assert_eq!(read.len(), expected.len());
        for (passage, (number, heading, text)) in read.iter().zip(expected) {
            assert_eq!(
                (passage.number, &*passage.heading, &*passage.text),
                (number, heading, text)
            );
        }
    }

    #[test]
    fn structured_results_are_numbered_in_order() {
        let read = passages(r#"{"results":[{"source":"a.md","title":"T","text":"One."}]}"#);
        assert_eq!(read, [Passage { number: 1, heading: "a.md › T".into(), text: "One.".into() }]);
    }

    #[test]
    fn a_result_without_numbers_has_no_passages() {
        assert!(passages("No results for failed events.").is_empty());
        assert!(passages("[x] not a number").is_empty());
    }
}
