//! Sources: numbered as they enter a transcript, renumbered as an answer cites them. Pure.

use event::Source;

/// The sources that a transcript has shown the model; the first has number 1.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    sources: Vec<Source>,
}

impl Ledger {
    /// The source's number: its old one when it was shown before.
    pub fn number(&mut self, source: &Source) -> usize {
        let known = self.sources.iter().position(|held| held == source);
        let at = known.unwrap_or_else(|| {
            self.sources.push(source.clone());
            self.sources.len() - 1
        });
        at + 1
    }

    /// Renumbers an answer's citations in the order of their first appearance, and gives the
    /// sources in that order.
    ///
    /// `[3]` and `[1, 3]` are citations. Numbers that no source has are taken out: they would
    /// claim support that is not there. Code and links (`[3](…)`) are left as they are.
    #[must_use]
    pub fn cite(&self, text: &str) -> (String, Vec<Source>) {
        let mut cited: Vec<usize> = Vec::new();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(['`', '[', '\\']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let verbatim = code(rest).or_else(|| escaped(rest));
            if let Some(verbatim) = verbatim {
                out.push_str(verbatim);
                rest = &rest[verbatim.len()..];
            } else if let Some((numbers, bytes)) = marker(rest) {
                self.mark(&numbers, &mut cited, &mut out);
                rest = &rest[bytes..];
            } else {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        (out, cited.into_iter().map(|number| self.sources[number - 1].clone()).collect())
    }

    /// How many bytes of an unfinished answer are cited the same way however it goes on.
    #[must_use]
    pub fn settled(text: &str) -> usize {
        let mut at = 0;
        while let Some(found) = text[at..].find(['`', '[', '\\']) {
            at += found;
            let rest = &text[at..];
            at += match settled_construct(rest) {
                Some(bytes) => bytes,
                None => return trimmed(&text[..at]),
            };
        }
        trimmed(text)
    }

    /// Writes the marker of `numbers`, one bracket each; nothing when no source has them.
    fn mark(&self, numbers: &[usize], cited: &mut Vec<usize>, out: &mut String) {
        let mut any = false;
        for &number in numbers.iter().filter(|number| (1..=self.sources.len()).contains(number)) {
            any = true;
            let place = cited.iter().position(|held| *held == number).unwrap_or_else(|| {
                cited.push(number);
                cited.len() - 1
            });
            out.push_str(&format!("[{}]", place + 1));
        }
        if !any && out.ends_with(' ') {
            out.pop();
        }
    }
}

/// A code span or fenced block at the start of `text`, with its ticks. A fence that nobody closes
/// reaches to the end; a single tick that nobody closes is no code.
fn code(text: &str) -> Option<&str> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    if ticks == 0 {
        return None;
    }
    let mut at = ticks;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let run = text[start..].len() - text[start..].trim_start_matches('`').len();
        at = start + run;
        if run == ticks {
            return Some(&text[..at]);
        }
    }
    Some(if ticks >= 3 { text } else { &text[..ticks] })
}

/// The bytes of the construct at the start of `text`; none while what follows decides what it is.
fn settled_construct(text: &str) -> Option<usize> {
    if text.starts_with('`') {
        let ticks = text.len() - text.trim_start_matches('`').len();
        let span = code(text)?;
        // More ticks may follow these.
        let open = text.len() == ticks || (span.len() == text.len() && text.ends_with('`'));
        return match span.len() > ticks && !open {
            true => Some(span.len()),
            false => None,
        };
    }
    if text.starts_with('\\') {
        return (text.len() > 1).then(|| escaped(text).map_or(1, str::len));
    }
    let inside = &text[1..];
    let plain = |c: char| !(c.is_ascii_digit() || c == ',' || c.is_whitespace());
    match inside.find(plain) {
        // Whether it is a link shows behind the bracket.
        Some(end) if inside[end..].starts_with(']') && end + 1 == inside.len() => None,
        Some(_) => Some(marker(text).map_or(1, |(_, bytes)| bytes)),
        None => None,
    }
}

/// The bytes of `text` before the white space at its end, which a dropped citation would take.
fn trimmed(text: &str) -> usize {
    text.trim_end().len()
}

/// A backslash and what it escapes.
fn escaped(text: &str) -> Option<&str> {
    let mut chars = text.strip_prefix('\\')?.chars();
    let bytes = chars.next().map_or(0, char::len_utf8);
    Some(&text[..1 + bytes])
}

/// The numbers of a citation at the start of `text`, and its length in bytes.
fn marker(text: &str) -> Option<(Vec<usize>, usize)> {
    let inside = text.strip_prefix('[')?;
    let end = inside.find(']')?;
    let is_link = inside[end + 1..].starts_with('(');
    let parts = inside[..end].split(',').map(str::trim);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Option<Vec<usize>> =
        parts.map(|part| part.parse().ok().filter(|_| digits(part))).collect();
    numbers.filter(|_| !is_link).map(|numbers| (numbers, end + 2))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ledger(sources: usize) -> Ledger {
        let mut ledger = Ledger::default();
        for number in 1..=sources {
            let source = Source { label: format!("s{number}"), link: None };
            assert_eq!(ledger.number(&source), number);
        }
        ledger
    }

    fn cite(text: &str) -> (String, Vec<String>) {
        let (text, sources) = ledger(4).cite(text);
        (text, sources.into_iter().map(|source| source.label).collect())
    }

    fn check(text: &str, expected: &str, sources: &[&str]) {
        let sources: Vec<_> = sources.iter().map(|source| (*source).to_owned()).collect();
        assert_eq!(cite(text), (expected.to_owned(), sources), "{text:?}");
    }

    #[test]
    fn sources_are_numbered_in_the_order_of_their_citations() {
        check("A [3]. B [1], again [3].", "A [1]. B [2], again [1].", &["s3", "s1"]);
        check("A [2][4].", "A [1][2].", &["s2", "s4"]);
        check("A [2, 4].", "A [1][2].", &["s2", "s4"]);
        check("Nothing cited.", "Nothing cited.", &[]);
    }

    #[test]
    fn what_no_source_supports_is_not_cited() {
        check(
            "A [9]. B [0, 2] C [99999999999999999999].",
            "A. B [1] C [99999999999999999999].",
            &["s2"],
        );
    }

    #[test]
    fn code_links_and_escapes_are_left_alone() {
        check("`a[1]` and ``b`[2]``", "`a[1]` and ``b`[2]``", &[]);
        check("```\nx[1]\n``` [2]", "```\nx[1]\n``` [1]", &["s2"]);
        check("```\nx[1] for ever", "```\nx[1] for ever", &[]);
        check("a ` tick [2]", "a ` tick [1]", &["s2"]);
        check("[1](https://example.org) \\[2\\] [x]", "[1](https://example.org) \\[2\\] [x]", &[]);
    }

    #[test]
    fn a_source_shown_twice_keeps_its_number() {
        let mut ledger = ledger(2);
        assert_eq!(ledger.number(&Source { label: "s2".into(), link: None }), 2);
        assert_eq!(ledger.number(&Source { label: "s2".into(), link: Some("l".into()) }), 3);
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_numbering(text in r"([\[\]0-9,` \\(a]|ä|\n){0,40}") {
            let (out, sources) = ledger(4).cite(&text);
            prop_assert!(sources.len() <= 4);
            let again = Ledger { sources: sources.clone() }.cite(&out);
            prop_assert_eq!(again.1.len(), sources.len());
        }

        #[test]
        fn what_is_settled_stays_as_it_is(text in r"([\[\]0-9,` \\(a]|ä|\n|```){0,40}") {
            let whole = ledger(4).cite(&text).0;
            for (end, _) in text.char_indices() {
                let settled = Ledger::settled(&text[..end]);
                let shown = ledger(4).cite(&text[..settled]).0;
                prop_assert!(whole.starts_with(&shown), "{:?} of {:?}", shown, whole);
            }
        }
    }
}
