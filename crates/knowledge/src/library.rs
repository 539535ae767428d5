//! The Markdown files under some directories, searched in memory and read again when they change.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::chunk::chunks;
use crate::index::Index;

/// The most bytes of one file; larger ones are left out.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The most files in a library; further ones, in order of their paths, are left out.
pub const FILES_MAX: usize = 5_000;

/// The most directories walked in search of them.
pub const DIRECTORIES_MAX: usize = 20_000;

/// Directories whose Markdown is not the project's own. Hidden ones are left out too.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// What goes wrong with a library.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A root cannot be looked into.
    #[error("{path}: expected a directory of Markdown files that can be read")]
    Root {
        /// The root as it was given.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A root is no directory.
    #[error("{path}: expected a directory of Markdown files, found something else")]
    NoDirectory {
        /// The root as it was given.
        path: PathBuf,
    },
}

/// A passage of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The file, relative to its root; with several roots the root's own name stands before it.
    pub source: String,
    /// The headings that it stands under, outermost first.
    pub titles: Vec<String>,
    /// Its Markdown.
    pub text: String,
}

/// What a look at the files came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refresh {
    /// Files held now.
    pub files: usize,
    /// Files read anew.
    pub read: usize,
    /// Files that are gone.
    pub removed: usize,
    /// Files left out: too large, unreadable, or over [`FILES_MAX`].
    pub left_out: usize,
}

/// The files, their passages and the index over these.
#[derive(Debug)]
pub struct Library {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, Held>,
    /// File and passage number within it, by the index's number.
    order: Vec<(PathBuf, usize)>,
    index: Index,
}

#[derive(Debug)]
struct Held {
    stamp: Stamp,
    passages: Vec<Passage>,
}

/// What tells a changed file from an unchanged one without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified_at: Option<SystemTime>,
    bytes: u64,
}

/// A file met on a walk.
struct Met {
    path: PathBuf,
    source: String,
    stamp: Stamp,
}

impl Library {
    /// Reads all Markdown files (`.md`, `.markdown`) under `roots`.
    ///
    /// # Errors
    /// When a root is missing, unreadable or no directory.
    pub fn open(roots: &[PathBuf]) -> Result<Library, LibraryError> {
        let mut found = Vec::new();
        for path in roots {
            let root = fs::canonicalize(path)
                .map_err(|source| LibraryError::Root { path: path.clone(), source })?;
            if !root.is_dir() {
                return Err(LibraryError::NoDirectory { path: path.clone() });
            }
            found.push(root);
        }
        found.dedup();
        let (files, order) = (BTreeMap::new(), Vec::new());
        let mut library = Library { roots: found, files, order, index: Index::default() };
        library.refresh();
        Ok(library)
    }

    /// Reads what has changed since the last look, by size and time of change alone.
    ///
    /// What cannot be read any more is left out: a search answers from what there is.
    pub fn refresh(&mut self) -> Refresh {
        let (met, mut report) = self.walk();
        let before = self.files.len();
        let mut files = BTreeMap::new();
        let mut kept = 0;
        for Met { path, source, stamp } in met {
            let held = match self.files.remove(&path) {
                Some(held) if held.stamp == stamp => {
                    kept += 1;
                    held
                }
                Some(_) | None => match read(&path, &source) {
                    Ok(passages) => {
                        report.read += 1;
                        Held { stamp, passages }
                    }
                    Err(_) => {
                        report.left_out += 1;
                        continue;
                    }
                },
            };
            files.insert(path, held);
        }
        report.removed = self.files.len();
        report.files = files.len();
        self.files = files;
        if report.read > 0 || kept < before {
            self.reindex();
        }
        report
    }

    /// The passages that share a word with `query`, best first, at most `limit`.
    #[must_use]
    pub fn search(&self, query: &str, limit: usize) -> Vec<&Passage> {
        let found = self.index.search(query, limit);
        found
            .into_iter()
            .filter_map(|found| {
                let (path, number) = self.order.get(found.passage)?;
                self.files.get(path)?.passages.get(*number)
            })
            .collect()
    }

    fn reindex(&mut self) {
        self.index = Index::default();
        self.order.clear();
        for (path, held) in &self.files {
            for (number, passage) in held.passages.iter().enumerate() {
                let title = format!("{} {}", passage.titles.join(" "), passage.source);
                self.index.add(&title, &passage.text);
                self.order.push((path.clone(), number));
            }
        }
    }

    /// Every Markdown file under the roots, once, bounded. Symbolic links are not followed, so
    /// that a walk ends and stays inside its root.
    fn walk(&self) -> (Vec<Met>, Refresh) {
        let mut report = Refresh::default();
        let mut met: BTreeMap<PathBuf, Met> = BTreeMap::new();
        let mut directories = 0;
        for root in &self.roots {
            let mut open = vec![root.clone()];
            while let Some(directory) = open.pop() {
                directories += 1;
                if directories > DIRECTORIES_MAX {
                    break;
                }
                let Ok(entries) = fs::read_dir(&directory) else { continue };
                for entry in entries.flatten() {
                    let Ok(kind) = entry.file_type() else { continue };
                    if kind.is_dir() && is_searched(&entry) {
                        open.push(entry.path());
                    } else if kind.is_file() && is_markdown(&entry.path()) {
                        match self.meet(root, &entry) {
                            Some(file) => drop(met.insert(file.path.clone(), file)),
                            None => report.left_out += 1,
                        }
                    }
                }
            }
        }
        report.left_out += met.len().saturating_sub(FILES_MAX);
        (met.into_values().take(FILES_MAX).collect(), report)
    }

    fn meet(&self, root: &Path, entry: &fs::DirEntry) -> Option<Met> {
        let path = entry.path();
        let facts = entry.metadata().ok().filter(|facts| facts.len() <= FILE_BYTES_MAX)?;
        let stamp = Stamp { modified_at: facts.modified().ok(), bytes: facts.len() };
        let below = path.strip_prefix(root).ok()?.to_string_lossy().into_owned();
        let source = match (self.roots.len(), root.file_name()) {
            (0 | 1, _) | (_, None) => below,
            (_, Some(name)) => format!("{}/{below}", name.to_string_lossy()),
        };
        Some(Met { path, source, stamp })
    }
}

fn is_searched(directory: &fs::DirEntry) -> bool {
    let name = directory.file_name();
    let name = name.to_string_lossy();
    !name.starts_with('.') && !SKIPPED.contains(&name.as_ref())
}

fn is_markdown(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    extension.is_some_and(|extension| extension == "md" || extension == "markdown")
}

fn read(path: &Path, source: &str) -> io::Result<Vec<Passage>> {
    let bytes = fs::read(path)?;
    let markdown = String::from_utf8_lossy(&bytes);
    let passage = |chunk: crate::Chunk| Passage {
        source: source.to_owned(),
        titles: chunk.titles,
        text: chunk.text,
    };
    Ok(chunks(&markdown).into_iter().map(passage).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn open(root: &Path) -> Library {
        Library::open(&[root.to_owned()]).unwrap()
    }

    fn sources(library: &Library, query: &str) -> Vec<String> {
        library.search(query, 10).iter().map(|passage| passage.source.clone()).collect()
    }

    #[test]
    fn only_the_projects_own_markdown_is_read() {
        let root = tempfile::tempdir().unwrap();
        for path in
            ["README.md", "docs/a.MD", "target/x.md", "node_modules/p/x.md", ".git/x.md", "x.rs"]
        {
            write(root.path(), path, "# Lanes\nlanes keep order\n");
        }
        write(root.path(), ".athenaeum/x.md", "lanes");
        write(root.path(), "large.md", &"lanes ".repeat(300_000));
        assert_eq!(sources(&open(root.path()), "lanes"), ["README.md", "docs/a.MD"]);
    }

    #[test]
    fn only_what_changed_is_read_again() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a.md", "apples");
        write(root.path(), "b.md", "pears");
        let mut library = open(root.path());
        assert_eq!(library.refresh(), Refresh { files: 2, ..Refresh::default() });

        write(root.path(), "b.md", "plums and pears");
        let changed = library.refresh();
        assert_eq!(changed, Refresh { files: 2, read: 1, ..Refresh::default() });
        assert_eq!(sources(&library, "plums"), ["b.md"]);

        fs::remove_file(root.path().join("a.md")).unwrap();
        assert_eq!(library.refresh(), Refresh { files: 1, removed: 1, ..Refresh::default() });
        assert!(sources(&library, "apples").is_empty());
    }

    #[test]
    fn several_roots_are_told_apart_and_nested_ones_read_once() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "one/a.md", "apples");
        write(root.path(), "two/a.md", "apples");
        let (one, two) = (root.path().join("one"), root.path().join("two"));
        let library = Library::open(&[one, two]).unwrap();
        assert_eq!(sources(&library, "apples"), ["one/a.md", "two/a.md"]);
        let nested = Library::open(&[root.path().to_owned(), root.path().join("one")]).unwrap();
        assert_eq!(nested.search("apples", 10).len(), 2);
    }

    #[test]
    fn a_root_that_is_no_directory_is_refused() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a.md", "x");
        let missing = Library::open(&[root.path().join("nowhere")]).unwrap_err();
        assert!(matches!(missing, LibraryError::Root { .. }));
        let file = Library::open(&[root.path().join("a.md")]).unwrap_err();
        assert!(matches!(file, LibraryError::NoDirectory { .. }));
    }

    #[test]
    fn bytes_that_are_no_text_harm_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.md"), b"# A\n\xff\xfe\0 apples\n").unwrap();
        assert_eq!(sources(&open(root.path()), "apples"), ["a.md"]);
    }
}
