//! What the repository's own text must keep to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a source file may be, in lines; the house looks hard at 500.
const FILE_LINES_MAX: usize = 500;

/// Which crates of ours a crate may depend on, outside its tests.
const ARROWS: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("queue", &["event"]),
    ("slack", &["event"]),
    ("agent", &["event"]),
    ("knowledge", &["event"]),
    ("service", &["event"]),
    ("sim", &[]),
    ("checker", &[]),
    ("ingest", &["event", "queue", "slack", "service"]),
    ("worker", &["event", "queue", "slack", "agent", "service"]),
    ("mcp", &["event", "knowledge", "service"]),
    ("cli", &["event", "queue", "slack", "agent", "knowledge", "service", "sim"]),
    ("bench", &["event", "queue", "service", "sim"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

fn manifest(path: &Path) -> toml::Table {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Every file below the root that git would keep, by its ending.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of ours").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() {
                let foreign = name == "target" || name == "node_modules" || name.starts_with('.');
                if !foreign {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let crates = fs::read_dir(root().join("crates")).expect("crates/").flatten();
    let mut seen = BTreeSet::new();
    for folder in crates.filter(|entry| entry.path().is_dir()) {
        let name = folder.file_name().to_string_lossy().into_owned();
        let table = manifest(&folder.path().join("Cargo.toml"));
        assert_eq!(table["package"]["name"].as_str(), Some(name.as_str()), "folder = package");
        let may =
            allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no place in ARROWS"));
        for dependency in table["dependencies"].as_table().into_iter().flat_map(|t| t.keys()) {
            let ours = allowed.contains_key(dependency.as_str());
            assert!(
                !ours || may.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
        seen.insert(name);
    }
    let named: BTreeSet<String> = ARROWS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(seen, named, "every crate has its place in ARROWS, and every place its crate");
}

#[test]
fn the_map_names_every_crate() {
    let map = fs::read_to_string(root().join("crates/README.md")).expect("the map");
    for (name, _) in ARROWS {
        assert!(map.contains(&format!("**`{name}`**")), "crates/README.md does not tell of {name}");
    }
}

#[test]
fn no_file_outgrows_a_reader() {
    for path in files(".rs") {
        let lines = fs::read_to_string(&path).expect("a source file").lines().count();
        assert!(lines <= FILE_LINES_MAX, "{path:?} has {lines} lines; split it");
    }
}

#[test]
fn every_statement_says_who_calls_it() {
    let statements = files(".sql")
        .into_iter()
        .filter(|path| path.components().any(|part| part.as_os_str() == "sql"));
    for path in statements {
        let text = fs::read_to_string(&path).expect("a statement");
        let header = text.lines().take_while(|line| line.starts_with("--"));
        let header = header.collect::<Vec<_>>().join("\n");
        for word in ["Called by:", "Locks:", "Index:"] {
            assert!(header.contains(word), "the header of {path:?} does not say {word:?}");
        }
    }
}

#[test]
fn ingest_holds_no_agent_and_the_workspace_no_second_tls() {
    let lock: toml::Table = manifest(&root().join("Cargo.lock"));
    let packages = lock["package"].as_array().expect("a lock file");
    let banned = ["aws-lc-rs", "openssl", "native-tls", "backoff"];
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        assert!(!banned.contains(&name), "{name} is in the lock file");
    }
}
