//! The page that describes the JSON, compared with what the commands print.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = include_str!("../../../../docs/cli-json.md");

/// Every key of the snapshots.
fn printed() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/snapshots");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let texts = files.map(|path| fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.lines().filter_map(key).collect::<Vec<_>>()).collect()
}

fn key(line: &str) -> Option<String> {
    let (key, _) = line.trim_start().strip_prefix('"')?.split_once("\": ")?;
    Some(key.to_owned())
}

#[test]
fn every_key_that_a_command_prints_is_documented() {
    let printed = printed();
    assert!(printed.len() > 40, "the snapshots were found: {printed:?}");
    let missing: Vec<_> =
        printed.iter().filter(|key| !PAGE.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/cli-json.md does not mention {missing:?}");
}
