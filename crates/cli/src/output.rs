//! What goes to stdout (the result, alone) and what to stderr (everything else).

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// A cell of a table is cut to this many characters.
const CELL_CHARS_MAX: usize = 100;

/// Where a command's result goes, and in which form.
pub(crate) struct Output {
    json: bool,
    color: bool,
}

/// How a word is to stand out.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Good,
    Doubtful,
    Bad,
}

impl Output {
    pub fn new(json: bool) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Output { json, color: !refused && io::stdout().is_terminal() }
    }

    /// Whether a program reads the result.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The result: as one JSON object, or as `people` read it.
    pub fn result(
        &self,
        value: &impl Serialize,
        people: impl FnOnce() -> String,
    ) -> io::Result<()> {
        let text = match self.json {
            true => serde_json::to_string_pretty(value)?,
            false => printable(people().trim_end()),
        };
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    }

    /// A word in colour, where a person watches.
    pub fn toned(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Good => 32,
            Tone::Doubtful => 33,
            Tone::Bad => 31,
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Progress, notes and questions. A closed stderr is nobody's fault.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{}", printable(text));
}

/// Text without the control characters by which a stored message could command a terminal; our own
/// colours pass.
fn printable(text: &str) -> String {
    let ours =
        |rest: &str| ["[31m", "[32m", "[33m", "[0m"].iter().any(|code| rest.starts_with(code));
    text.char_indices()
        .filter(|&(at, c)| match c {
            '\n' | '\t' => true,
            '\u{1b}' => ours(&text[at + 1..]),
            other => !other.is_control(),
        })
        .map(|(_, c)| c)
        .collect()
}

/// Columns as wide as their widest cell; the last one is not padded.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let cell = |text: &str| cut(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows.iter().map(|row| row.each_ref().map(|text| cell(text))));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or_default()).collect();
    let render = |line: &[String; N]| {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines.iter().map(render).collect::<Vec<_>>().join("\n")
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CELL_CHARS_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(CELL_CHARS_MAX - 1).collect();
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows =
            [["1".to_owned(), "dead\nletter".to_owned()], ["4711".to_owned(), String::new()]];
        assert_eq!(table(["ID", "ERROR"], &rows), "ID    ERROR\n1     dead letter\n4711");
    }

    #[test]
    fn a_long_cell_is_cut_and_says_so() {
        let rows = [["ä".repeat(CELL_CHARS_MAX + 1)]];
        let table = table(["X"], &rows);
        let cell = table.lines().nth(1).unwrap();
        assert_eq!(cell.chars().count(), CELL_CHARS_MAX);
        assert!(cell.ends_with('…'));
    }

    #[test]
    fn a_message_cannot_command_the_terminal() {
        assert_eq!(
            printable("a\u{1b}]0;title\u{7}b\n\u{1b}[31mc\u{1b}[0m"),
            "a]0;titleb\n\u{1b}[31mc\u{1b}[0m"
        );
    }
}
