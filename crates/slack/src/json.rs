//! JSON as it really arrives: what is legal JSON but not representable here is repaired first.
//!
//! `\u0000` (which Postgres refuses in text) and lone surrogates become U+FFFD; numbers beyond a
//! double and everything nested deeper than [`DEPTH_MAX`] become `null`. Of duplicate keys the last
//! wins, as in JavaScript. The raw bytes are kept elsewhere; this is only how they are read.

use serde_json::Value;

/// How deeply nested a value may be and still be read; below serde_json's own limit of 128.
const DEPTH_MAX: usize = 100;

/// Reads a value from repaired bytes. Bytes that are not UTF-8 are read as U+FFFD.
pub(crate) fn parse(raw: &[u8]) -> Result<Value, serde_json::Error> {
    let text = String::from_utf8_lossy(raw);
    serde_json::from_slice(&Repair::of(text.as_bytes()))
}

/// The non-empty string at a JSON pointer.
pub(crate) fn text<'value>(value: &'value Value, pointer: &str) -> Option<&'value str> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A one-pass rewrite that leaves broken JSON just as broken.
struct Repair<'input> {
    input: &'input [u8],
    at: usize,
    out: Vec<u8>,
    depth: usize,
}

impl<'input> Repair<'input> {
    fn of(input: &'input [u8]) -> Vec<u8> {
        let mut repair =
            Repair { input, at: 0, out: Vec::with_capacity(input.len() + 16), depth: 0 };
        while let Some(&byte) = repair.input.get(repair.at) {
            repair.step(byte);
        }
        repair.out
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'"' => self.string(),
            b'{' | b'[' if self.depth == DEPTH_MAX => {
                self.at = skip_nested(self.input, self.at);
                self.out.extend_from_slice(b"null");
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.copy(1);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.copy(1);
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.copy(1),
        }
    }

    fn copy(&mut self, bytes: usize) {
        let end = (self.at + bytes).min(self.input.len());
        self.out.extend_from_slice(&self.input[self.at..end]);
        self.at = end;
    }

    fn string(&mut self) {
        self.copy(1);
        loop {
            let rest = &self.input[self.at..];
            let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            self.copy(special.unwrap_or(rest.len()));
            match self.input.get(self.at) {
                None => return,
                Some(b'"') => return self.copy(1),
                Some(_) => self.escape(),
            }
        }
    }

    fn escape(&mut self) {
        match code_unit(self.input, self.at) {
            None => self.copy(2),
            Some(0xD800..=0xDBFF)
                if matches!(code_unit(self.input, self.at + 6), Some(0xDC00..=0xDFFF)) =>
            {
                self.copy(12);
            }
            Some(0 | 0xD800..=0xDFFF) => {
                self.at += 6;
                self.out.extend_from_slice(b"\\ufffd");
            }
            Some(_) => self.copy(6),
        }
    }

    fn number(&mut self) {
        let rest = &self.input[self.at..];
        let in_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let length = rest.iter().take_while(|byte| in_number(byte)).count();
        let value = std::str::from_utf8(&rest[..length]).ok().and_then(|text| text.parse().ok());
        match value {
            Some(number) if f64::is_infinite(number) => {
                self.at += length;
                self.out.extend_from_slice(b"null");
            }
            _ => self.copy(length),
        }
    }
}

/// The UTF-16 unit of a `\uXXXX` escape that begins at `at`.
fn code_unit(input: &[u8], at: usize) -> Option<u16> {
    let escape = input.get(at..at + 6)?;
    let digits = escape.strip_prefix(b"\\u").filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where the object or array that begins at `at` ends; the input's end when it does not.
fn skip_nested(input: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(&byte) = input.get(at) {
        match byte {
            b'"' => {
                at = string_end(input, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The position after the string that begins with the quote at `at`.
pub(crate) fn string_end(input: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(&byte) = input.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    input.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_json_allows_and_rust_does_not_is_repaired() {
        let cases = [
            (r#""a\u0000b""#, json!("a\u{fffd}b")),
            (r#""\ud800""#, json!("\u{fffd}")),
            (r#""\udc00x""#, json!("\u{fffd}x")),
            (r#""\ud800\ud83d\ude00""#, json!("\u{fffd}😀")),
            (r#""\uD83D\uDE00""#, json!("😀")),
            (r#""\\u0000""#, json!("\\u0000")),
            (r#""\\\u0000""#, json!("\\\u{fffd}")),
            (r#""1e400000""#, json!("1e400000")),
            ("[1e400000,-1e999,1.5,-2]", json!([null, null, 1.5, -2])),
            (r#"{"a":1,"a":2}"#, json!({"a": 2})),
        ];
        for (raw, expected) in cases {
            assert_eq!(parse(raw.as_bytes()).unwrap(), expected, "{raw}");
        }
    }

    #[test]
    fn the_depths_are_cut_and_the_rest_is_read() {
        let deep =
            format!(r#"{{"deep":{}1{},"near":"x"}}"#, "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(parse(deep.as_bytes()).unwrap()["near"], "x");
        let brackets_in_text =
            format!("{}\"]]}}\\\"\"{}", "[".repeat(DEPTH_MAX + 5), "]".repeat(DEPTH_MAX + 5));
        assert!(parse(brackets_in_text.as_bytes()).is_ok());
    }

    #[test]
    fn bytes_that_are_no_utf8_are_read_as_replacement_characters() {
        assert_eq!(parse(b"\"a\xffb\"").unwrap(), json!("a\u{fffd}b"));
    }

    #[test]
    fn broken_json_stays_broken() {
        for raw in ["", "{", "\"\\u12", "\"abc", "[1,", "{\"a\"}", "nul", "\"\\", "]", "1e", "--"] {
            assert!(parse(raw.as_bytes()).is_err(), "{raw:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&raw);
        }

        #[test]
        fn json_like_noise_does_not_make_it_panic(raw in r#"[\[\]{}"\\udD89cC0fF:,eE.+\-1 ]{0,80}"#) {
            let _ = parse(raw.as_bytes());
        }

        #[test]
        fn ordinary_text_is_read_as_it_was_written(text in "[^\u{0}]{0,40}") {
            let raw = serde_json::to_vec(&json!({"text": text})).unwrap();
            prop_assert_eq!(parse(&raw).unwrap(), json!({"text": text}));
        }
    }
}
