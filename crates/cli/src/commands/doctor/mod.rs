//! `athenaeum doctor`: what is wrong with an installation, and how to mend it.

use serde::Serialize;
use service::config::DoctorConfig;

use crate::exit::Exit;
use crate::output::{Output, Tone};

mod answering;
mod database;
mod settings;
mod slack;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    /// What was looked at: `database`, `slack.scopes` …
    check: String,
    level: Level,
    /// What was found.
    found: String,
    /// What to do, where there is something to do.
    fix: Option<String>,
}

impl Finding {
    fn ok(check: &str, found: impl Into<String>) -> Self {
        Finding { check: check.to_owned(), level: Level::Ok, found: found.into(), fix: None }
    }

    fn warn(check: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Finding { check: check.to_owned(), level: Level::Warn, found: found.into(), fix }
    }

    fn fail(check: &str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        let fix = Some(fix.into());
        Finding { check: check.to_owned(), level: Level::Fail, found: found.into(), fix }
    }
}

#[derive(Serialize)]
struct Diagnosis {
    ok: bool,
    findings: Vec<Finding>,
}

pub(crate) async fn run(output: &Output) -> anyhow::Result<Exit> {
    let config = DoctorConfig::from_env();
    let (database, slack, answering) = tokio::join!(
        database::examine(&config),
        slack::examine(&config),
        answering::examine(&config)
    );
    let mut findings = settings::examine(&config.faults);
    findings.extend(database.into_iter().chain(slack).chain(answering));
    let ok = findings.iter().all(|finding| finding.level != Level::Fail);
    let diagnosis = Diagnosis { ok, findings };
    output.result(&diagnosis, || people(&diagnosis, output))?;
    Ok(if ok { Exit::Done } else { Exit::Failed })
}

fn people(diagnosis: &Diagnosis, output: &Output) -> String {
    let mut lines = Vec::new();
    for finding in &diagnosis.findings {
        let word = match finding.level {
            Level::Ok => output.toned(Tone::Good, "ok  "),
            Level::Warn => output.toned(Tone::Doubtful, "warn"),
            Level::Fail => output.toned(Tone::Bad, "FAIL"),
        };
        lines.push(format!("{word}  {}: {}", finding.check, finding.found));
        lines.extend(finding.fix.iter().map(|fix| format!("      → {fix}")));
    }
    lines.join("\n")
}

/// An error and its causes on one line.
fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
