//! How each sort of value is read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::reader::Mismatch;
use super::{ReactionAction, ToolCaps};

pub(super) const POSTGRES_URL: &str = "a postgres:// URL";

pub(super) fn postgres_url(text: &str) -> Result<SecretString, Mismatch> {
    let mismatch =
        |found: String| Mismatch { expected: POSTGRES_URL.to_owned(), found: Some(found) };
    let url = Url::parse(text).map_err(|error| mismatch(format!("no URL ({error})")))?;
    match url.scheme() {
        "postgres" | "postgresql" => Ok(text.into()),
        other => Err(mismatch(format!("a URL that starts with {other}:"))),
    }
}

/// An `http` or `https` URL, without the slash at its end.
pub(super) fn web_url(text: &str) -> Result<String, Mismatch> {
    let valid = Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match valid {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err(Mismatch::expected("an http:// or https:// URL")),
    }
}

/// A secret that starts with `prefix`.
pub(super) fn token(prefix: &'static str) -> impl Fn(&str) -> Result<SecretString, Mismatch> {
    move |text| match text.starts_with(prefix) {
        true => Ok(text.into()),
        false => Err(Mismatch::expected(format!("a token that starts with {prefix}"))),
    }
}

/// A secret of at least `chars_min` characters.
pub(super) fn secret(chars_min: usize) -> impl Fn(&str) -> Result<SecretString, Mismatch> {
    move |text| match text.chars().count() >= chars_min {
        true => Ok(text.into()),
        false => Err(Mismatch::expected(format!("{chars_min} characters or more"))),
    }
}

pub(super) fn number(range: RangeInclusive<u32>) -> impl Fn(&str) -> Result<u32, Mismatch> {
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let (from, to) = (range.start(), range.end());
            Err(Mismatch::expected(format!("a whole number from {from} to {to}")))
        }
    }
}

pub(super) fn seconds(range: RangeInclusive<u32>) -> impl Fn(&str) -> Result<Duration, Mismatch> {
    let number = number(range);
    move |text| number(text).map(|seconds| Duration::from_secs(seconds.into()))
}

pub(super) fn hours(range: RangeInclusive<u32>) -> impl Fn(&str) -> Result<Duration, Mismatch> {
    let number = number(range);
    move |text| number(text).map(|hours| Duration::from_secs(u64::from(hours) * 3_600))
}

/// Slack ids that begin with one of these letters, separated by commas.
pub(super) fn ids(letters: &'static [char]) -> impl Fn(&str) -> Result<BTreeSet<String>, Mismatch> {
    let is_id = move |id: &str| {
        let plain = id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
        id.len() > 1 && id.starts_with(letters) && plain
    };
    move |text| match parts(text).all(is_id) {
        true => Ok(parts(text).map(str::to_owned).collect()),
        false => {
            let letters: Vec<String> = letters.iter().map(ToString::to_string).collect();
            let expected = format!("Slack ids that begin with {}", letters.join(" or "));
            Err(Mismatch::expected(format!("{expected}, separated by commas")))
        }
    }
}

/// What reactions do, by the emoji's name.
pub(super) fn reactions(text: &str) -> Result<BTreeMap<String, ReactionAction>, Mismatch> {
    if text == "none" {
        return Ok(BTreeMap::new());
    }
    let pair = |part: &str| {
        let (emoji, word) = part.split_once('=')?;
        let action = ReactionAction::ALL.iter().find(|action| action.as_str() == word.trim())?;
        let emoji = emoji.trim().trim_matches(':');
        (!emoji.is_empty()).then(|| (emoji.to_owned(), *action))
    };
    let words: Vec<&str> = ReactionAction::ALL.iter().map(|action| action.as_str()).collect();
    let expected = || Mismatch::expected(format!("EMOJI={}, separated by commas", words.join("|")));
    parts(text).map(|part| pair(part).ok_or_else(expected)).collect()
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// `TOOL=COUNT` pairs, separated by commas.
pub(super) fn tool_caps(text: &str) -> Result<ToolCaps, Mismatch> {
    let caps = parts(text).map(|pair| {
        let (tool, count) = pair.split_once('=')?;
        let tool = Some(tool.trim()).filter(|tool| !tool.is_empty())?;
        Some((tool.to_owned(), count.trim().parse().ok()?))
    });
    let caps: Option<_> = caps.collect();
    caps.map(ToolCaps).ok_or_else(|| Mismatch::expected("TOOL=COUNT pairs, separated by commas"))
}

pub(super) fn flag(text: &str) -> Result<bool, Mismatch> {
    match text {
        "true" | "1" | "yes" => Ok(true),
        "false" | "0" | "no" => Ok(false),
        _ => Err(Mismatch::expected("true or false")),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Mismatch> {
    text.parse().map_err(|_| Mismatch::expected("an address and port"))
}

pub(super) fn text(text: &str) -> Result<String, Mismatch> {
    Ok(text.to_owned())
}

pub(super) fn folder(text: &str) -> Result<PathBuf, Mismatch> {
    existing(text, "a folder", Path::is_dir)
}

pub(super) fn file(text: &str) -> Result<PathBuf, Mismatch> {
    existing(text, "a file", Path::is_file)
}

fn existing(text: &str, expected: &str, is: fn(&Path) -> bool) -> Result<PathBuf, Mismatch> {
    let path = PathBuf::from(text);
    if is(&path) {
        return Ok(path);
    }
    let there = if path.exists() { "something else" } else { "nothing" };
    let found = Some(format!("{there} at {text:?}"));
    Err(Mismatch { expected: expected.to_owned(), found })
}
