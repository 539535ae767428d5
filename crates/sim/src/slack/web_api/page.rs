//! Cursors: a page of a list, and where the next one begins.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{args::Args, refusal::Refusal};

/// The first and last position of a page in its list, and the cursor of the next.
pub(super) struct Page {
    pub range: std::ops::Range<usize>,
    pub next_cursor: String,
}

impl Page {
    /// A page over a list that only grows at its end: the cursor is a position.
    pub fn of_list(args: &Args, length: usize, limit: usize) -> Result<Self, Refusal> {
        let start = match args.text("cursor") {
            None => 0,
            Some(cursor) => {
                read::<u64>(&cursor, "offset").ok_or_else(|| Refusal::new("invalid_cursor"))?
            }
        };
        let start = usize::try_from(start).unwrap_or(0).min(length);
        let end = (start + limit).min(length);
        let next_cursor =
            if end < length { write("offset", &end.to_string()) } else { String::new() };
        Ok(Self { range: start..end, next_cursor })
    }

    pub fn metadata(&self) -> Value {
        json!({"next_cursor": self.next_cursor})
    }
}

/// A cursor that names a position.
pub(super) fn write(kind: &str, position: &str) -> String {
    STANDARD.encode(format!("{kind}:{position}"))
}

/// The position that a cursor of this kind names.
pub(super) fn read<T: std::str::FromStr>(cursor: &str, kind: &str) -> Option<T> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(kind)?.strip_prefix(':')?.parse().ok()
}

/// `limit`, between 1 and `most`; `usual` when it is not given.
pub(super) fn limit(args: &Args, usual: usize, most: usize) -> Result<usize, Refusal> {
    if args.text("limit").is_none() {
        return Ok(usual);
    }
    let limit = args.number("limit").and_then(|limit| usize::try_from(limit).ok());
    match limit {
        Some(0) => Ok(usual),
        Some(limit) if limit <= most => Ok(limit),
        Some(_) | None => Err(Refusal::new("invalid_limit")),
    }
}
