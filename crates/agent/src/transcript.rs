//! What has been said between us, the model and the tools while one answer is made.

use std::collections::BTreeSet;
use std::sync::Arc;

use event::Usage;
use serde_json::{Map, Value};

use crate::question::{Attachment, Content, Question, Utterance};

/// The most bytes of a question that a model is shown.
pub const QUESTION_BYTES_MAX: usize = 32 * 1024;

/// The most bytes of a thread that a model is shown, newest messages first.
pub const THREAD_BYTES_MAX: usize = 32 * 1024;

/// The most bytes of the files sent with a question that a model is shown, as text.
pub const FILES_BYTES_MAX: usize = 96 * 1024;

/// Everything that the next step depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// What the model is told first: the system prompt, the thread, the question.
    pub opening: Vec<Opening>,
    /// The names of the tools that there are.
    pub tools: BTreeSet<String>,
    /// What happened since, in order.
    pub entries: Vec<Entry>,
}

/// A message that stands before the model's first answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The system prompt.
    System(String),
    /// Someone's words.
    User(String),
    /// Our own earlier words.
    Assistant(String),
    /// A picture that someone sent.
    Image(Image),
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it is called.
    pub name: String,
    /// What kind: `image/png`, and the like.
    pub mimetype: String,
    /// The file as it is.
    pub bytes: Arc<[u8]>,
}

/// Something that happened after the opening.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// The model answered.
    Said(ModelAnswer),
    /// A tool call of the latest answer came to an end.
    Result(ToolResult),
}

/// One complete answer of the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelAnswer {
    /// Its text; empty when it only calls tools.
    pub text: String,
    /// The tools it wants called; their ids differ from one another.
    pub calls: Vec<ToolCall>,
    /// Why it ended.
    pub finish: Finish,
    /// What it counted.
    pub usage: Usage,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or waits for its tools; reasons unknown to us count as this too.
    #[default]
    Complete,
    /// It reached its limit of tokens.
    Length,
    /// Its provider withheld the answer.
    Filtered,
}

/// A tool call that the model wants made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall {
    /// The call's id, by which its result is told.
    pub id: String,
    /// The tool's name as the model was told it.
    pub name: String,
    /// The arguments as the model wrote them: a JSON object, it should be.
    pub arguments: String,
}

impl ToolCall {
    /// The arguments, when they are a JSON object; nothing at all counts as an empty one.
    #[must_use]
    pub fn parsed(&self) -> Option<Map<String, Value>> {
        if self.arguments.trim().is_empty() {
            return Some(Map::new());
        }
        match serde_json::from_str(&self.arguments) {
            Ok(Value::Object(arguments)) => Some(arguments),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whether it asks for the same thing, whatever the order of the arguments.
    #[must_use]
    pub fn is_like(&self, other: &ToolCall) -> bool {
        let same = || match (self.parsed(), other.parsed()) {
            (None, None) => self.arguments == other.arguments,
            (mine, theirs) => mine == theirs,
        };
        self.name == other.name && same()
    }
}

/// What a tool call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The call's id.
    pub call_id: String,
    /// What the model is told, sources numbered.
    pub text: String,
}

impl Transcript {
    /// Opens a transcript: the system prompt, as much of the thread as fits, the question.
    #[must_use]
    pub fn open(system: String, question: &Question, tools: BTreeSet<String>) -> Transcript {
        let mut opening = vec![Opening::System(system)];
        opening.extend(thread(question));
        opening.extend(files(question));
        opening.push(Opening::User(cut(&question.text, QUESTION_BYTES_MAX)));
        Transcript { opening, tools, entries: Vec::new() }
    }

    /// How often the model has answered.
    #[must_use]
    pub fn answers(&self) -> usize {
        answers(&self.entries).count()
    }

    /// The latest answer and where it stands.
    #[must_use]
    pub fn latest(&self) -> Option<(usize, &ModelAnswer)> {
        self.entries.iter().enumerate().rev().find_map(|(at, entry)| match entry {
            Entry::Said(answer) => Some((at, answer)),
            Entry::Result(_) => None,
        })
    }

    /// The latest answer's calls that have no result yet.
    #[must_use]
    pub fn pending(&self) -> Vec<&ToolCall> {
        let Some((at, answer)) = self.latest() else { return Vec::new() };
        let ended: BTreeSet<_> = self.entries[at..]
            .iter()
            .filter_map(|entry| match entry {
                Entry::Result(result) => Some(result.call_id.as_str()),
                Entry::Said(_) => None,
            })
            .collect();
        answer.calls.iter().filter(|call| !ended.contains(call.id.as_str())).collect()
    }
}

/// The model's answers among `entries`.
pub(crate) fn answers(entries: &[Entry]) -> impl Iterator<Item = &ModelAnswer> {
    entries.iter().filter_map(|entry| match entry {
        Entry::Said(answer) => Some(answer),
        Entry::Result(_) => None,
    })
}

/// The newest messages of the thread that fit, oldest first; the model is told what is missing.
fn thread(question: &Question) -> Vec<Opening> {
    let mut bytes = 0;
    let fits = |said: &&Utterance| {
        bytes += said.text.len();
        bytes <= THREAD_BYTES_MAX
    };
    let mut kept: Vec<_> = question
        .thread
        .iter()
        .rev()
        .take_while(fits)
        .map(|said| message(said, question.bot_user_id.as_deref()))
        .collect();
    if kept.len() < question.thread.len() {
        kept.push(Opening::User("(Earlier messages of this thread are left out.)".to_owned()));
    }
    kept.reverse();
    kept
}

/// What was sent with the question, each file with its share of the room.
fn files(question: &Question) -> impl Iterator<Item = Opening> {
    let texts = question.files.iter().filter(|file| matches!(file.content, Content::Text(_)));
    let share = FILES_BYTES_MAX / texts.count().max(1);
    question.files.iter().map(move |Attachment { name, content }| match content {
        Content::Text(text) => {
            let fence = fence_around(text);
            let text = cut(text, share);
            Opening::User(format!("The file {name}:\n{fence}\n{text}\n{fence}"))
        }
        Content::Image { mimetype, bytes } => Opening::Image(Image {
            name: name.clone(),
            mimetype: mimetype.clone(),
            bytes: Arc::clone(bytes),
        }),
        Content::Unreadable(why) => {
            Opening::User(format!("(The file {name} was sent too, but {why}. Say so.)"))
        }
    })
}

/// A fence of backticks that is longer than any in the text (CommonMark 0.31, §4.5).
fn fence_around(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    "`".repeat(longest.max(2) + 1)
}

fn message(said: &Utterance, bot_user_id: Option<&str>) -> Opening {
    let Utterance { speaker, is_bot, text } = said;
    match is_bot {
        true if bot_user_id == Some(speaker.as_str()) => Opening::Assistant(text.clone()),
        true => Opening::User(format!("{speaker} (a bot): {text}")),
        false => Opening::User(format!("{speaker}: {text}")),
    }
}

/// The text's first `bytes_max` bytes, to a whole character, with a marker where it was cut.
pub(crate) fn cut(text: &str, bytes_max: usize) -> String {
    match text.len() > bytes_max {
        false => text.to_owned(),
        true => {
            let head = &text[..text.floor_char_boundary(bytes_max)];
            format!("{head}… [cut: {} of {} bytes shown]", head.len(), text.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(speaker: &str, is_bot: bool, text: &str) -> Utterance {
        Utterance { speaker: speaker.into(), is_bot, text: text.into() }
    }

    #[test]
    fn our_own_words_are_ours_and_other_bots_are_strangers() {
        let question = Question {
            text: "And now?".into(),
            bot_user_id: Some("U0BOT".into()),
            thread: vec![
                said("U1", false, "Hi"),
                said("U0BOT", true, "Hello"),
                said("B2", true, "Spam"),
            ],
            ..Question::default()
        };
        let opened = Transcript::open("sys".into(), &question, BTreeSet::new());
        assert_eq!(
            opened.opening,
            [
                Opening::System("sys".into()),
                Opening::User("U1: Hi".into()),
                Opening::Assistant("Hello".into()),
                Opening::User("B2 (a bot): Spam".into()),
                Opening::User("And now?".into()),
            ]
        );
    }

    #[test]
    fn a_long_thread_keeps_its_newest_messages_and_says_so() {
        let long = "x".repeat(THREAD_BYTES_MAX / 2);
        let thread = (0..5).map(|number| said("U1", false, &format!("{number}{}", &long[1..])));
        let question = Question {
            text: "q".repeat(QUESTION_BYTES_MAX + 1),
            thread: thread.collect(),
            ..Question::default()
        };
        let opened = Transcript::open(String::new(), &question, BTreeSet::new()).opening;
        assert_eq!(opened.len(), 5);
        assert!(matches!(&opened[1], Opening::User(text) if text.contains("left out")));
        assert!(matches!(&opened[3], Opening::User(text) if text.starts_with("U1: 4")));
        assert!(matches!(&opened[4], Opening::User(text) if text.contains("[cut: ")));
    }

    #[test]
    fn calls_are_alike_whatever_the_order_of_their_arguments() {
        let call = |arguments: &str| ToolCall {
            name: "t".into(),
            arguments: arguments.into(),
            ..ToolCall::default()
        };
        assert!(call(r#"{"a":1,"b":2}"#).is_like(&call(r#"{ "b": 2, "a": 1 }"#)));
        assert!(call("").is_like(&call("{}")));
        assert!(!call(r#"{"a":1}"#).is_like(&call(r#"{"a":2}"#)));
        assert!(call("[broken").is_like(&call("[broken")));
    }
}
