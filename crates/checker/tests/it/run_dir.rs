//! Run directories made from one hand-written good run.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

const GOOD: &str = include_str!("good.txt");

/// A run directory that a test may still spoil.
pub struct RunDir {
    files: Vec<(String, String)>,
}

impl RunDir {
    /// The good run.
    pub fn good() -> Self {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in GOOD.lines() {
            if let Some(name) = line.strip_prefix("== ") {
                files.push((name.to_owned(), String::new()));
            } else {
                let (_, text) = files.last_mut().expect("a name comes first");
                text.push_str(line);
                text.push('\n');
            }
        }
        let mut run = Self { files };
        // One worker was killed in the middle of a line.
        let torn = run.text("workers/one.jsonl");
        assert_eq!(torn.pop(), Some('\n'));
        run
    }

    /// A file's text.
    pub fn text(&mut self, name: &str) -> &mut String {
        let file = self.files.iter_mut().find(|(known, _)| known == name);
        &mut file.unwrap_or_else(|| panic!("there is no {name}")).1
    }

    /// Replaces what must be there exactly once.
    pub fn replace(&mut self, name: &str, from: &str, to: &str) {
        let text = self.text(name);
        assert_eq!(text.matches(from).count(), 1, "{name} should hold {from} once");
        *text = text.replace(from, to);
    }

    /// Takes out the lines that hold `part`, of which there must be one.
    pub fn cut(&mut self, name: &str, part: &str) {
        let text = self.text(name);
        assert_eq!(text.lines().filter(|line| line.contains(part)).count(), 1, "{name}: {part}");
        *text = text
            .lines()
            .filter(|line| !line.contains(part))
            .map(|line| format!("{line}\n"))
            .collect();
    }

    /// Adds a line at the end.
    pub fn add(&mut self, name: &str, line: &str) {
        let text = self.text(name);
        text.push_str(line);
        text.push('\n');
    }

    /// Writes it out, `run.json` with what is there.
    pub fn write(&self) -> TempDir {
        let directory = TempDir::new().expect("a folder");
        let mut counts = serde_json::Map::new();
        let mut run = Value::Null;
        for (name, text) in &self.files {
            if name == "run.json" {
                run = serde_json::from_str(text).expect("run.json");
                continue;
            }
            write(directory.path(), name, text);
            counts.insert(name.clone(), json!(text.matches('\n').count()));
        }
        run["files"] = Value::Object(counts);
        write(directory.path(), "run.json", &run.to_string());
        directory
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("its folder");
    fs::write(path, text).expect("a file");
}
