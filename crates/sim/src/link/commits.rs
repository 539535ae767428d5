//! Which of a client's messages make something durable.
//!
//! A *unit* is what the server answers with one `ReadyForQuery`: a simple query, or everything up to
//! a `Sync`. A unit commits when it says COMMIT, or when it runs something outside a transaction
//! block. Clients pipeline, so whether a block is open is told by what was sent, not by what the
//! server said.

use std::collections::HashMap;

use super::frames::{Frame, text};

/// Why a unit is a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitKind {
    /// It says COMMIT.
    Explicit,
    /// It runs outside a transaction block.
    Implicit,
}

/// A commit on its way to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// What makes it one.
    pub kind: CommitKind,
    /// The texts of the statements that it makes durable, in order; COMMIT itself is not among
    /// them.
    pub statements: Vec<String>,
}

impl Commit {
    /// Whether it may have changed anything: some statement does not just SELECT, SHOW or SET.
    #[must_use]
    pub fn writes(&self) -> bool {
        let reads = |text: &String| matches!(&*verb(text), "SELECT" | "SHOW" | "SET" | "");
        !self.statements.iter().all(reads)
    }
}

/// The end of a unit.
#[derive(Debug)]
pub(super) struct Unit {
    /// Its number on this connection; the answer to the startup has number 0.
    pub(super) number: u64,
    pub(super) commit: Option<Commit>,
}

/// One client's messages so far.
#[derive(Default)]
pub(super) struct Reader {
    prepared: HashMap<String, String>,
    portals: HashMap<String, String>,
    /// Whether a transaction block is open.
    block: bool,
    /// Statements since the block or the unit began.
    statements: Vec<String>,
    /// Whether the current unit says COMMIT.
    committing: bool,
    /// Whether the current unit runs anything.
    running: bool,
    units: u64,
    /// Whether the last unit ended with a Sync.
    synced: bool,
}

impl Reader {
    /// Reads a frame; a unit when it ends one.
    pub(super) fn read(&mut self, frame: &Frame) -> Option<Unit> {
        match frame.tag {
            b'P' => {
                let (name, rest) = text(frame.body());
                self.prepared.insert(name, text(rest).0);
            }
            b'B' => {
                let (portal, rest) = text(frame.body());
                let statement = self.prepared.get(&text(rest).0).cloned().unwrap_or_default();
                self.portals.insert(portal, statement);
            }
            b'E' => {
                let portal = text(frame.body()).0;
                let statement = self.portals.get(&portal).cloned().unwrap_or_default();
                self.run(statement);
            }
            b'Q' => {
                for statement in
                    text(frame.body()).0.split(';').filter(|part| !verb(part).is_empty())
                {
                    self.run(statement.to_owned());
                }
                return Some(self.end(false));
            }
            b'S' => return Some(self.end(true)),
            b'F' => return Some(self.end(false)),
            // The server skips a Sync that comes while it copies in.
            b'c' | b'f' if self.synced => {
                self.units = self.units.saturating_sub(1);
                self.running = true;
            }
            _ => {}
        }
        None
    }

    /// Whether the client may wait for an answer to this frame although it ends no unit.
    pub(super) fn is_awaited(frame: &Frame) -> bool {
        matches!(frame.tag, b'H' | b'd' | b'c' | b'f' | b'X' | b'p')
    }

    fn run(&mut self, statement: String) {
        self.running = true;
        match &*verb(&statement) {
            "BEGIN" | "START" => {
                self.block = true;
                self.statements.clear();
            }
            "COMMIT" | "END" => self.committing = true,
            "ROLLBACK" | "ABORT" if !statement.to_ascii_uppercase().contains(" TO ") => {
                self.block = false;
                self.statements.clear();
                self.running = false;
            }
            _ => self.statements.push(statement),
        }
    }

    fn end(&mut self, synced: bool) -> Unit {
        self.units += 1;
        self.synced = synced;
        let kind = match (self.committing, self.block) {
            (true, _) => Some(CommitKind::Explicit),
            (false, false) if self.running => Some(CommitKind::Implicit),
            (false, _) => None,
        };
        if self.committing {
            self.block = false;
        }
        let commit = kind.map(|kind| {
            let statements = std::mem::take(&mut self.statements);
            Commit { kind, statements }
        });
        (self.committing, self.running) = (false, false);
        Unit { number: self.units, commit }
    }
}

/// The first word of a statement, comments aside, in capitals.
fn verb(statement: &str) -> String {
    let mut lines = statement.lines().map(str::trim);
    let line = lines.find(|line| !line.is_empty() && !line.starts_with("--")).unwrap_or_default();
    let word = line.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    word.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn frame(tag: u8, body: &str) -> Frame {
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend_from_slice(body.as_bytes());
        Frame { tag, bytes: Bytes::from(bytes) }
    }

    fn last(frames: &[Frame]) -> Unit {
        let mut reader = Reader::default();
        frames.iter().filter_map(|frame| reader.read(frame)).last().unwrap()
    }

    #[test]
    fn a_simple_commit_commits_its_block() {
        let unit = last(&[
            frame(b'Q', "BEGIN\0"),
            frame(b'Q', "INSERT INTO t VALUES (1)\0"),
            frame(b'Q', "commit\0"),
        ]);
        let commit = unit.commit.unwrap();
        assert_eq!(unit.number, 3);
        assert_eq!(commit.kind, CommitKind::Explicit);
        assert_eq!(commit.statements, ["INSERT INTO t VALUES (1)"]);
        assert!(commit.writes());
    }

    #[test]
    fn a_prepared_statement_outside_a_block_commits_itself() {
        let unit = last(&[
            frame(b'P', "s1\0-- why\nUPDATE t SET a = 1\0\0\0"),
            frame(b'S', ""),
            frame(b'B', "\0s1\0"),
            frame(b'E', "\0\0\0\0\0"),
            frame(b'S', ""),
        ]);
        let commit = unit.commit.unwrap();
        assert_eq!((unit.number, commit.kind), (2, CommitKind::Implicit));
        assert!(commit.writes());
    }

    #[test]
    fn a_prepared_commit_counts() {
        let unit = last(&[
            frame(b'Q', "BEGIN\0"),
            frame(b'P', "c\0COMMIT\0\0\0"),
            frame(b'B', "\0c\0"),
            frame(b'E', "\0\0\0\0\0"),
            frame(b'S', ""),
        ]);
        assert_eq!(unit.commit.unwrap().kind, CommitKind::Explicit);
    }

    #[test]
    fn what_runs_in_a_block_and_what_only_prepares_does_not_commit() {
        let statement = frame(b'Q', "DELETE FROM t\0");
        assert!(last(&[frame(b'Q', "BEGIN\0"), statement]).commit.is_none());
        let prepared = frame(b'P', "s\0DELETE FROM t\0\0\0");
        assert!(last(&[prepared, frame(b'S', "")]).commit.is_none());
    }

    #[test]
    fn a_rollback_is_no_commit() {
        assert!(last(&[frame(b'Q', "BEGIN\0"), frame(b'Q', "ROLLBACK\0")]).commit.is_none());
    }

    #[test]
    fn the_sync_before_a_copy_ends_has_no_answer_of_its_own() {
        let unit = last(&[
            frame(b'Q', "BEGIN\0"),
            frame(b'P', "s\0COPY t FROM STDIN BINARY\0\0\0"),
            frame(b'B', "\0s\0"),
            frame(b'E', "\0\0\0\0\0"),
            frame(b'S', ""),
            frame(b'd', "rows"),
            frame(b'c', ""),
            frame(b'S', ""),
        ]);
        assert_eq!(unit.number, 2);
    }
}
