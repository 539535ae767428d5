//! The prompts: templates that operators may rewrite, checked before anything is asked.

mod catalogue;
mod check;
mod clock;

use std::path::{Path, PathBuf};

use event::EventId;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

pub use catalogue::{CATALOGUE, Template, Variable};
pub use check::{Fault, PromptError};
pub use clock::local as local_time;

use crate::question::Question;
use crate::reason::Reason;

/// How many instructions one template may execute; an endless loop ends here.
const FUEL: u64 = 50_000;

/// The longest a name that stands in a prompt may be, in characters.
const NAME_CHARS_MAX: usize = 80;

/// The templates of one directory, all of them sound.
#[derive(Clone, Debug)]
pub struct Prompts {
    environment: Environment<'static>,
    dir: PathBuf,
}

/// What the system prompt says beside the question.
#[derive(Clone, Debug, Serialize)]
pub struct SystemFacts<'a> {
    /// The bot's name.
    pub name: &'a str,
    /// Whether there are tools to call.
    pub has_tools: bool,
    /// The tool servers that cannot be reached.
    pub servers_down: &'a [String],
}

/// What a failure notice says.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    /// The event that got no answer.
    pub event_id: EventId,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed.
    pub reason: Reason,
}

/// Checks the templates under `dir`: each parses, uses documented variables only, and renders.
///
/// Returns the files that were checked.
///
/// # Errors
/// Names every fault with its file and line.
pub fn check(dir: &Path) -> Result<Vec<PathBuf>, PromptError> {
    Prompts::load(dir).map(|prompts| {
        let mut files: Vec<_> =
            prompts.environment.templates().map(|(name, _)| dir.join(name)).collect();
        files.sort();
        files
    })
}

impl Prompts {
    /// Reads and checks the templates (`*.j2`) under `dir`.
    ///
    /// # Errors
    /// Names every fault with its file and line.
    pub fn load(dir: &Path) -> Result<Prompts, PromptError> {
        let environment = check::environment(dir)?;
        Ok(Prompts { environment, dir: dir.to_owned() })
    }

    /// What the model is told before the conversation.
    ///
    /// # Errors
    /// When the template fails to render, which its check makes unlikely.
    pub fn system(
        &self,
        question: &Question,
        facts: &SystemFacts<'_>,
    ) -> Result<String, PromptError> {
        #[derive(Serialize)]
        struct Variables<'a> {
            #[serde(flatten)]
            facts: &'a SystemFacts<'a>,
            now: String,
            asker: AskerFacts,
        }
        let asker = &question.asker;
        let asker = AskerFacts {
            name: asker.name.as_deref().map(plain),
            timezone: asker.timezone.as_deref().map(plain),
        };
        let now = clock::local(&question.now_utc, question.asker.timezone.as_deref());
        self.render(catalogue::SYSTEM, Variables { facts, now, asker })
    }

    /// What the model is told when it must answer without further tools.
    ///
    /// # Errors
    /// As [`Prompts::system`].
    pub fn last_turn(&self) -> Result<String, PromptError> {
        #[derive(Serialize)]
        struct Variables {}
        self.render(catalogue::LAST_TURN, Variables {})
    }

    /// What the asker is told when no answer will come.
    ///
    /// # Errors
    /// As [`Prompts::system`].
    pub fn notice(&self, notice: Notice) -> Result<String, PromptError> {
        #[derive(Serialize)]
        struct Variables {
            event_id: i64,
            attempts: u32,
            reason: &'static str,
            reason_code: &'static str,
        }
        let Notice { event_id, attempts, reason } = notice;
        let (words, code) = (reason.words(), reason.code());
        let variables =
            Variables { event_id: event_id.0, attempts, reason: words, reason_code: code };
        self.render(catalogue::NOTICE, variables)
    }

    fn render(&self, name: &str, variables: impl Serialize) -> Result<String, PromptError> {
        let rendered = self
            .environment
            .get_template(name)
            .and_then(|template| template.render(Serde(variables)));
        match rendered {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) => Err(PromptError::Faulty(vec![Fault::of(&self.dir, name, &error)])),
        }
    }
}

#[derive(Serialize)]
struct AskerFacts {
    name: Option<String>,
    timezone: Option<String>,
}

/// A name on one line and not too long: people choose theirs freely.
fn plain(name: &str) -> String {
    let words: Vec<_> = name.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(NAME_CHARS_MAX).collect()
}

/// An environment that forgives nothing.
fn strict() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Lines that hold nothing but a tag leave nothing behind.
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.unwrap_or_default());
    environment
}
