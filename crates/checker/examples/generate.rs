//! Writes a run of any size to measure the checker with:
//! `cargo run --release -p checker --example generate -- DIR EVENTS`.
//!
//! One event in fifty loses its first worker, whose lease is over from the start; every event makes one call and saves its result; half
//! of them share ten thousand lanes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// One file being written.
struct Lines {
    name: &'static str,
    count: u64,
    file: BufWriter<File>,
}

impl Lines {
    fn create(directory: &Path, name: &'static str) -> io::Result<Self> {
        let path: PathBuf = directory.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { name, count: 0, file: BufWriter::with_capacity(1 << 20, File::create(path)?) })
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.count += 1;
        writeln!(self.file, "{text}")
    }
}

struct Run {
    acks: Lines,
    journal: Lines,
    outside: Lines,
    history: Lines,
    outcomes: Lines,
    attempts: Lines,
    events: Lines,
    deliveries: Lines,
    steps: Lines,
    seq: i64,
    token: i64,
}

impl Run {
    fn create(directory: &Path) -> io::Result<Self> {
        let create = |name| Lines::create(directory, name);
        Ok(Self {
            acks: create("acks/all.jsonl")?,
            journal: create("workers/one.jsonl")?,
            outside: create("outside/all.jsonl")?,
            history: create("history/all.jsonl")?,
            outcomes: create("tables/outcomes.jsonl")?,
            attempts: create("tables/attempt_history.jsonl")?,
            events: create("tables/events.jsonl")?,
            deliveries: create("tables/deliveries.jsonl")?,
            steps: create("tables/steps.jsonl")?,
            seq: 0,
            token: 0,
        })
    }

    fn change(&mut self, rest: std::fmt::Arguments<'_>) -> io::Result<()> {
        self.seq += 1;
        let seq = self.seq;
        self.history.line(format_args!("[{seq},{},{seq},{seq},{rest}]", 1_000_000 + seq))
    }

    /// A claim, and what the worker says of it.
    fn begin(&mut self, event: i64, lane: &str, attempt: i32) -> io::Result<i64> {
        self.token += 1;
        let (token, at) = (self.token, 1_000_000 + self.seq);
        self.change(format_args!(
            r#""j","u",{event},0,"x",1,{lane},{event},{token},1,{attempt},{at},{at},0"#
        ))?;
        self.journal.line(format_args!(
            r#"{{"t":"begin","at":{at},"event":{event},"generation":0,"token":{token},"attempt":{attempt},"lane":{lane},"kind":"mention"}}"#
        ))?;
        Ok(token)
    }

    fn event(&mut self, event: i64) -> io::Result<()> {
        let at = 1_000_000 + self.seq;
        let lane = if event % 2 == 0 { (event % 10_000).to_string() } else { "null".to_owned() };
        self.acks.line(format_args!(
            r#"{{"t":"offer","at":{at},"key":"delivery-{event}","logical":"message-{event}","kind":"mention","work":true}}"#
        ))?;
        self.acks.line(format_args!(
            r#"{{"t":"ack","at":{at},"key":"delivery-{event}","event":{event},"occurred_at":{at},"as":"new"}}"#
        ))?;
        self.events.line(format_args!(r#"{{"event":{event},"source":"soak"}}"#))?;
        self.deliveries.line(format_args!(r#"{{"key":"delivery-{event}","event":{event}}}"#))?;
        self.deliveries.line(format_args!(r#"{{"key":"message-{event}","event":{event}}}"#))?;
        self.change(format_args!(
            r#""j","i",{event},0,"r",1,{lane},{event},null,null,0,{at},null,0"#
        ))?;
        let mut attempt = 1;
        if event % 50 == 0 {
            let token = self.begin(event, &lane, 1)?;
            self.change(format_args!(
                r#""j","u",{event},0,"r",1,{lane},{event},{token},null,1,{at},null,0"#
            ))?;
            self.attempts.line(format_args!(
                r#"{{"event":{event},"generation":0,"token":{token},"number":1,"outcome":"lost","started_at":{at},"ended_at":{at},"worker":1,"error":null}}"#
            ))?;
            attempt = 2;
        }
        let token = self.begin(event, &lane, attempt)?;
        self.change(format_args!(r#""s","i",{event},0,1,{token},null"#))?;
        let of = format!(r#""event":{event},"generation":0,"token":{token}"#);
        self.outside.line(format_args!(
            r#"{{"at":{at},"key":"{event}:0:1",{of},"number":1,"class":"keyed","applied":true,"result":"\"r-{event}\""}}"#
        ))?;
        self.change(format_args!(
            r#""s","u",{event},0,1,{token},"0cc175b9c0f1b6a831c399e26977{event}""#
        ))?;
        self.steps
            .line(format_args!(r#"{{{of},"number":1,"copied_from":null,"result":"r-{event}"}}"#))?;
        self.journal.line(format_args!(
            r#"{{"t":"record","at":{at},{of},"number":1,"result":"\"r-{event}\"","accepted":true}}"#
        ))?;
        self.journal.line(format_args!(r#"{{"t":"report","at":{at},{of},"outcome":"done"}}"#))?;
        self.journal.line(format_args!(
            r#"{{"t":"end","at":{at},{of},"outcome":"done","accepted":true}}"#
        ))?;
        self.change(format_args!(
            r#""j","d",{event},0,"x",1,{lane},{event},{token},1,{attempt},{at},{at},0"#
        ))?;
        self.attempts.line(format_args!(
            r#"{{{of},"number":{attempt},"outcome":"done","started_at":{at},"ended_at":{at},"worker":1,"error":null}}"#
        ))?;
        self.outcomes.line(format_args!(
            r#"{{{of},"state":"done","kind":"mention","attempts":{attempt},"ended_at":{at},"error":null}}"#
        ))
    }

    fn files(self) -> io::Result<BTreeMap<&'static str, u64>> {
        let all = [
            self.acks,
            self.journal,
            self.outside,
            self.history,
            self.outcomes,
            self.attempts,
            self.events,
            self.deliveries,
            self.steps,
        ];
        all.into_iter()
            .map(|mut lines| lines.file.flush().map(|()| (lines.name, lines.count)))
            .collect()
    }
}

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(directory), Some(Ok(events))) =
        (arguments.next().map(PathBuf::from), arguments.next().map(|text| text.parse::<i64>()))
    else {
        return Err(io::Error::other("two arguments: a folder and a number of events"));
    };
    let mut run = Run::create(&directory)?;
    run.journal.line(format_args!(r#"{{"t":"start","at":1,"worker":1,"pid":1,"skew_us":1}}"#))?;
    run.change(format_args!(r#""w","i",1,1000001,null,null,4"#))?;
    for event in 1..=events {
        run.event(event)?;
    }
    let mut jobs = Lines::create(&directory, "tables/jobs.jsonl")?;
    jobs.file.flush()?;
    let mut faults = Lines::create(&directory, "faults/all.jsonl")?;
    faults.line(format_args!(r#"{{"at":1,"kind":"sigkill","fired":true}}"#))?;
    faults.file.flush()?;
    let mut files = run.files()?;
    files.extend([(jobs.name, jobs.count), (faults.name, faults.count)]);
    let run = serde_json::json!({
        "format": 1, "name": "generated", "source": "soak", "lease_us": 30_000_000,
        "backoff_max_us": 1_000_000, "attempts_max": {"*": 5}, "enqueuing_stopped_db_at": i64::MAX / 2,
        "faults_stopped_db_at": 0, "judged_db_at": i64::MAX, "files": files,
    });
    fs::write(directory.join("run.json"), run.to_string())
}
