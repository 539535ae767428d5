//! How long a system's claims take in the server, read from the server's log.
//!
//! All systems are measured alike: `log_min_duration_statement = 0` for the round's database, and the
//! durations of those statements that are the claim, planning included. What a claim costs beyond the
//! server (its way there and back) is in the latency cases.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

/// The milliseconds of each claim since `from_byte` of the log, in the order of their ends.
pub(crate) fn claims_ms(log: &Path, from_byte: u64, marks: &[&str]) -> anyhow::Result<Vec<f64>> {
    let mut file = File::open(log)?;
    file.seek(SeekFrom::Start(from_byte))?;
    let mut reader = Reader { marks, preparing_ms: HashMap::new(), claims_ms: Vec::new() };
    let mut entry = String::new();
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        // The further lines of an entry begin with a tab.
        if !line.starts_with('\t') {
            reader.read(&entry);
            entry.clear();
        }
        entry.push_str(&line);
        entry.push('\n');
    }
    reader.read(&entry);
    Ok(reader.claims_ms)
}

struct Reader<'a> {
    marks: &'a [&'a str],
    /// What parsing and binding took, by session, until the execution that they belong to.
    preparing_ms: HashMap<String, f64>,
    claims_ms: Vec<f64>,
}

impl Reader<'_> {
    fn read(&mut self, entry: &str) {
        let Some((pid, ms, verb, text)) = split(entry) else { return };
        let text = text.to_lowercase();
        if !self.marks.iter().all(|mark| text.contains(mark)) {
            return;
        }
        match verb {
            "parse" | "bind" => *self.preparing_ms.entry(pid.to_owned()).or_default() += ms,
            _ => {
                let preparing_ms = self.preparing_ms.remove(pid).unwrap_or_default();
                self.claims_ms.push(preparing_ms + ms);
            }
        }
    }
}

/// `… [PID] LOG:  duration: MS ms  VERB …: TEXT`.
fn split(entry: &str) -> Option<(&str, f64, &str, &str)> {
    let (head, rest) = entry.split_once("] LOG:  duration: ")?;
    let (_, pid) = head.rsplit_once('[')?;
    let (ms, rest) = rest.split_once(" ms  ")?;
    let (verb, text) = rest.split_once(':')?;
    let verb = verb.split_whitespace().next()?;
    Some((pid, ms.parse().ok()?, verb, text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_claim_is_its_planning_and_its_execution() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let text = "2026-11-21 11:00:00.000 UTC [7] LOG:  duration: 9.000 ms  statement: SELECT 1\n\
            2026-11-21 11:00:00.000 UTC [7] LOG:  duration: 0.250 ms  bind s1: UPDATE jobs\n\
            \tSET state = 'running' FOR UPDATE SKIP LOCKED\n\
            2026-11-21 11:00:00.000 UTC [7] DETAIL:  Parameters: $1 = '1'\n\
            2026-11-21 11:00:00.000 UTC [8] LOG:  duration: 0.500 ms  execute s1: UPDATE jobs\n\
            \tSET state = 'running' FOR UPDATE SKIP LOCKED\n\
            2026-11-21 11:00:00.000 UTC [7] LOG:  duration: 0.500 ms  execute s1: UPDATE jobs\n\
            \tSET state = 'running' FOR UPDATE SKIP LOCKED\n";
        file.write_all(text.as_bytes()).expect("written");
        let claims = claims_ms(file.path(), 0, &["jobs", "skip locked"]).expect("read");
        assert_eq!(claims, [0.5, 0.75]);
    }
}
