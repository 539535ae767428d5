//! `bench queue`: this engine and its rivals in one run on one private PostgreSQL.
//!
//! Each round of a case has a database and a driver process of its own. The systems take turns, and
//! each other round in the opposite order, so that what the machine does meanwhile favours none. A
//! figure is the median of the rounds beside the smallest and the largest.

mod cases;
mod driver;
mod launch;
mod log;
mod process;
mod report;
mod server;
mod systems;
mod wal;

use std::time::Instant;

use anyhow::{bail, ensure};
use clap::Args;

use cases::{CASES, Case, Round, Size};
use launch::Launcher;
use report::{Line, Rounds};
use server::Server;
use systems::{SYSTEMS, System};

pub(crate) use systems::drive;

use crate::figures::say;

/// What to measure.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Also the rivals of npm, PyPI and SQL, not only those in Rust.
    #[arg(long)]
    all: bool,
    /// Smaller cases, named by their sizes; within ten minutes.
    #[arg(long)]
    quick: bool,
    /// The smallest sizes: whether everything runs, not how fast.
    #[arg(long, hide = true, conflicts_with = "quick")]
    smoke: bool,
    /// One JSON object a line on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Only these cases, by name or by one of their figures' names.
    #[arg(long, value_delimiter = ',')]
    cases: Vec<String>,
    /// Only these systems.
    #[arg(long, value_delimiter = ',')]
    systems: Vec<String>,
}

pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let size = options.size();
    let (cases, systems) = (options.chosen_cases(&size)?, options.chosen_systems()?);
    let prepared = {
        let systems = systems.clone();
        tokio::task::spawn_blocking(move || Launcher::prepare(&systems)).await??
    };
    say("Starting a private PostgreSQL …");
    let server = tokio::task::spawn_blocking(Server::start).await??;
    say(&format!("PostgreSQL {}, {}", server.version().await?, server::SETTINGS));
    let mut all = Vec::new();
    for case in cases {
        let lines = measure(case, &server, &prepared, &systems, &size).await;
        if options.json {
            // At once, so that an interrupted run keeps what it has.
            report::print_json(&lines)?;
        }
        all.extend(lines);
    }
    if !options.json {
        report::print_table(&all);
    }
    Ok(())
}

impl Options {
    fn size(&self) -> Size {
        match (self.quick, self.smoke) {
            (true, _) => Size::quick(),
            (_, true) => Size::smoke(),
            _ => Size::full(),
        }
    }

    fn chosen_cases(&self, size: &Size) -> anyhow::Result<Vec<&'static Case>> {
        let named = |case: &Case, wanted: &String| {
            case.name == wanted || (case.figures)(size).contains(wanted)
        };
        for wanted in &self.cases {
            if !CASES.iter().any(|case| named(case, wanted)) {
                let known: Vec<&str> = CASES.iter().map(|case| case.name).collect();
                bail!("--cases: expected some of {}, found {wanted}", known.join(", "));
            }
        }
        let chosen = |case: &&&Case| {
            self.cases.is_empty() || self.cases.iter().any(|wanted| named(case, wanted))
        };
        Ok(CASES.iter().filter(chosen).copied().collect())
    }

    fn chosen_systems(&self) -> anyhow::Result<Vec<&'static System>> {
        for wanted in &self.systems {
            let known: Vec<&str> = SYSTEMS.iter().map(|system| system.name).collect();
            ensure!(
                known.contains(&wanted.as_str()),
                "--systems: expected some of {}, found {wanted}",
                known.join(", ")
            );
        }
        let chosen = |system: &&&System| match self.systems.is_empty() {
            true => self.all || system.by_default,
            false => self.systems.iter().any(|wanted| wanted == system.name),
        };
        Ok(SYSTEMS.iter().filter(chosen).copied().collect())
    }
}

/// All rounds of a case over all systems.
async fn measure(
    case: &Case,
    server: &Server,
    launcher: &Launcher,
    systems: &[&'static System],
    size: &Size,
) -> Vec<Line> {
    let mut rounds = Rounds::default();
    let count = if case.once { 1 } else { size.rounds };
    for number in 0..count {
        let mut order = systems.to_vec();
        if number % 2 == 1 {
            order.reverse();
        }
        for system in order {
            if rounds.failed(system.name) {
                continue;
            }
            let began = Instant::now();
            let measured = match launcher.missing(system) {
                Some(why) => Err(anyhow::anyhow!("{why}")),
                None => (case.run)(Round { server, launcher, system, size }).await,
            };
            let (what, seconds) = (format!("{} · {}", case.name, system.name), began.elapsed());
            match measured {
                Ok(measures) => {
                    let shown: Vec<String> = measures
                        .iter()
                        .map(|one| format!("{} {:.3} {}", one.case, one.value, one.unit))
                        .collect();
                    say(&format!("{what} · {:.0} s · {}", seconds.as_secs_f64(), shown.join(", ")));
                    rounds.add(system.name, measures);
                }
                Err(error) => {
                    say(&format!("{what} · unavailable: {error:#}"));
                    rounds.fail(system.name, format!("{error:#}"));
                }
            }
        }
    }
    rounds.lines(&(case.figures)(size))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parse(line: &str) -> Options {
        let line = Line::try_parse_from(line.split_whitespace());
        line.map(|line| line.options).unwrap_or_else(|error| panic!("{error}"))
    }

    fn names(options: &Options) -> Vec<&'static str> {
        let chosen = options.chosen_systems().expect("known names");
        chosen.iter().map(|system| system.name).collect()
    }

    #[test]
    fn the_two_rust_rivals_come_by_default_and_the_rest_by_all() {
        assert_eq!(names(&parse("queue")), ["athenaeum", "graphile_worker", "awa"]);
        assert_eq!(names(&parse("queue --all")).len(), SYSTEMS.len());
        assert_eq!(names(&parse("queue --systems pg-boss,awa")), ["awa", "pg-boss"]);
    }

    #[test]
    fn cases_are_chosen_by_their_names_or_by_a_figures() {
        let chosen = |line: &str| {
            let options = parse(line);
            let cases = options.chosen_cases(&options.size());
            cases.map(|cases| cases.iter().map(|case| case.name).collect::<Vec<_>>())
        };
        let two = chosen("queue --cases wal_bytes_per_event,burn_down").expect("known names");
        assert_eq!(two, ["burn_down", "life"]);
        assert_eq!(chosen("queue --quick --cases claim_ms_at_1m").expect("known"), ["claim_ms_at"]);
        assert_eq!(chosen("queue").expect("all").len(), CASES.len());
        let error = chosen("queue --cases burn").expect_err("not a name").to_string();
        assert!(error.contains("expected some of burn_down"), "{error}");
        assert!(parse("queue --systems nobody").chosen_systems().is_err());
    }
}
