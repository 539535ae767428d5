//! Finds every fault of a directory of templates, before one of them is used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::{Map, Value};

use super::catalogue::{CATALOGUE, Template, Variable};

/// The most templates in a directory.
pub const TEMPLATES_MAX: usize = 200;

/// The most bytes of one template.
pub const TEMPLATE_BYTES_MAX: u64 = 256 * 1024;

/// Why prompts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// A directory or file cannot be read.
    #[error("{}: expected prompts that can be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A template that must be there is not.
    #[error("{}: expected the template {name}, found no such file", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
        /// Its name.
        name: &'static str,
    },
    /// There is more than can be meant.
    #[error("{}: expected {expected}", path.display())]
    TooMuch {
        /// Where.
        path: PathBuf,
        /// What would have been in order.
        expected: String,
    },
    /// Templates are faulty.
    #[error("{}", list(.0))]
    Faulty(Vec<Fault>),
}

/// One fault of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The template's file.
    pub file: PathBuf,
    /// The line, from 1; 0 when it is not known.
    pub line: usize,
    /// What was expected and what was found.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}

impl Fault {
    /// A fault as the template engine reports it: the engine knows which file it is in.
    pub(super) fn of(dir: &Path, template: &str, error: &minijinja::Error) -> Fault {
        let file = dir.join(error.name().unwrap_or(template));
        let problem = match error.detail() {
            Some(detail) => format!("{}: {detail}", error.kind()),
            None => error.kind().to_string(),
        };
        Fault { file, line: error.line().unwrap_or_default(), problem }
    }
}

fn list(faults: &[Fault]) -> String {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Reads every template under `dir` and proves it sound.
pub(super) fn environment(dir: &Path) -> Result<Environment<'static>, PromptError> {
    let mut environment = super::strict();
    let mut faults = Vec::new();
    for (name, source) in read(dir)? {
        if let Err(error) = environment.add_template_owned(name.clone(), source) {
            faults.push(Fault::of(dir, &name, &error));
        }
    }
    if faults.is_empty() {
        if let Some(missing) = CATALOGUE.iter().find(|t| environment.get_template(t.name).is_err())
        {
            return Err(PromptError::Missing { dir: dir.to_owned(), name: missing.name });
        }
        faults.extend(unknown_variables(dir, &environment));
    }
    if faults.is_empty() {
        faults.extend(failures_to_render(dir, &environment));
    }
    match faults.is_empty() {
        true => Ok(environment),
        false => Err(PromptError::Faulty(faults)),
    }
}

/// Every template under `dir` with its name: the path below `dir`, with slashes.
fn read(dir: &Path) -> Result<Vec<(String, String)>, PromptError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| PromptError::Unreadable { path, source }
    };
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).map_err(unreadable(&folder))? {
            let path = entry.map_err(unreadable(&folder))?.path();
            let facts = fs::metadata(&path).map_err(unreadable(&path))?;
            if facts.is_dir() {
                open.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "j2") {
                continue;
            }
            if facts.len() > TEMPLATE_BYTES_MAX {
                let expected = format!("a template of at most {TEMPLATE_BYTES_MAX} bytes");
                return Err(PromptError::TooMuch { path, expected });
            }
            let source = fs::read_to_string(&path).map_err(unreadable(&path))?;
            let below = path.strip_prefix(dir).unwrap_or(&path);
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            found.push((parts.join("/"), source));
            if found.len() > TEMPLATES_MAX {
                let expected = format!("at most {TEMPLATES_MAX} templates");
                return Err(PromptError::TooMuch { path: dir.to_owned(), expected });
            }
        }
    }
    found.sort();
    Ok(found)
}

fn unknown_variables(dir: &Path, environment: &Environment<'static>) -> Vec<Fault> {
    let functions: BTreeSet<_> = environment.globals().map(|(name, _)| name.to_owned()).collect();
    let templates: BTreeMap<_, _> = environment.templates().collect();
    let mut faults = Vec::new();
    for (name, template) in templates {
        let known = known_to(name);
        let mut unknown: Vec<_> = template
            .undeclared_variables(true)
            .into_iter()
            .filter(|used| !functions.contains(used) && !is_known(&known, used))
            .collect();
        unknown.sort();
        for variable in unknown {
            let expected = match known.is_empty() {
                true => "this template has none".to_owned(),
                false => format!("expected one of {}", known.join(", ")),
            };
            let problem = format!(
                "unknown variable `{variable}`: {expected}; correct it, prompts/README.md \
                 documents them all"
            );
            let line = line_of(template.source(), &variable);
            faults.push(Fault { file: dir.join(name), line, problem });
        }
    }
    faults
}

/// The variables that a template may use.
fn known_to(name: &str) -> Vec<&'static str> {
    let own = CATALOGUE.iter().find(|template| template.name == name);
    let of = |template: &Template| template.variables.iter().map(|variable| variable.name);
    match own {
        Some(template) => of(template).collect(),
        None => CATALOGUE.iter().flat_map(of).collect(),
    }
}

/// `asker` is known where `asker.name` is; `asker.name.first` is not.
fn is_known(known: &[&str], used: &str) -> bool {
    known.iter().any(|name| {
        *name == used || name.strip_prefix(used).is_some_and(|rest| rest.starts_with('.'))
    })
}

/// The first line on which a variable stands within a tag; 0 when it is written in parts.
fn line_of(source: &str, variable: &str) -> usize {
    let mut inside = false;
    for (number, line) in source.lines().enumerate() {
        let mut rest = line;
        while !rest.is_empty() {
            let border = if inside { ["}}", "%}"] } else { ["{{", "{%"] };
            let at = border.iter().filter_map(|border| rest.find(border)).min();
            let (piece, after) = rest.split_at(at.unwrap_or(rest.len()));
            if inside && has_word(piece, variable) {
                return number + 1;
            }
            inside ^= at.is_some();
            rest = after.get(2..).unwrap_or_default();
        }
    }
    0
}

fn has_word(text: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(|c| is_name(c) || c == '.') && !after.is_some_and(is_name)
    })
}

/// Renders every template of the catalogue with both values of its variables: what the static
/// check cannot see (an include that is not there, a filter misused, a loop too long) shows here.
fn failures_to_render(dir: &Path, environment: &Environment<'static>) -> Vec<Fault> {
    let mut faults: Vec<Fault> = Vec::new();
    for template in CATALOGUE {
        for sample in 0..2 {
            let variables = samples(template.variables, sample);
            let rendered = environment
                .get_template(template.name)
                .and_then(|found| found.render(Serde(&variables)));
            if let Err(error) = rendered {
                let fault = Fault::of(dir, template.name, &error);
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
        }
    }
    faults
}

fn samples(variables: &[Variable], sample: usize) -> Value {
    let mut all = Map::new();
    for variable in variables {
        let value = serde_json::from_str(variable.samples[sample]).unwrap_or_default();
        match variable.name.split_once('.') {
            None => drop(all.insert(variable.name.to_owned(), value)),
            Some((whole, part)) => {
                let whole = all.entry(whole).or_insert_with(|| Value::Object(Map::new()));
                whole[part] = value;
            }
        }
    }
    Value::Object(all)
}

#[cfg(test)]
#[path = "check/tests.rs"]
mod tests;
