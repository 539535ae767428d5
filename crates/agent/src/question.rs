//! What an answer is made from, and what it is.

use std::sync::Arc;

use event::{Source, Usage};
use futures::future::{BoxFuture, ready};

/// A person's question and what surrounds it.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The question, the bot's mention taken out.
    pub text: String,
    /// Who asks.
    pub asker: Asker,
    /// The bot's own user id, by which its earlier messages in the thread are known.
    pub bot_user_id: Option<String>,
    /// Where it was asked, for the logs.
    pub channel: Option<String>,
    /// What was said before in the thread, oldest first.
    pub thread: Vec<Utterance>,
    /// What was sent with the question.
    pub files: Vec<Attachment>,
    /// The time in UTC: RFC 3339, or `2026-11-21 08:30 UTC`. Nothing is decided by it.
    pub now_utc: String,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asker {
    /// The source's id of them.
    pub id: String,
    /// What they are called.
    pub name: Option<String>,
    /// Their time zone's IANA name, such as `Europe/Berlin`.
    pub timezone: Option<String>,
}

/// One message of a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Utterance {
    /// Who said it: a user id or a name.
    pub speaker: String,
    /// Whether a bot said it; the bot whose id is the question's `bot_user_id` is ourselves.
    pub is_bot: bool,
    /// What was said.
    pub text: String,
}

/// A file that was sent with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// What it is called.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What a file holds, as far as it can be shown to a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Words.
    Text(String),
    /// A picture, for a model that sees.
    Image {
        /// What kind: `image/png`, and the like.
        mimetype: String,
        /// The file as it is.
        bytes: Arc<[u8]>,
    },
    /// Nothing that can be read, and why not, in words for people.
    Unreadable(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The answer in Markdown, with `[1]` where it rests on the first source; no list of sources.
    pub text: String,
    /// What it rests on, in the order of its citations.
    pub sources: Vec<Source>,
    /// What the model counted, over all turns.
    pub usage: Usage,
    /// How often the model was called.
    pub turns: u32,
}

/// Someone who wants to know what is going on.
pub trait Progress: Send + Sync {
    /// A new step has begun; `text` is for people, such as "Searching docs…".
    fn step(&self, text: &str);

    /// A tool call has begun or ended.
    fn task(&self, task: &Task<'_>);

    /// The answer goes on; what was told before stands as it is, unless a source comes to be known
    /// later that an earlier passage cites in advance.
    fn text(&self, more: &str);
}

/// A tool call, for people who watch.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Which one: 1 for the answer's first.
    pub number: usize,
    /// What it does, such as "Searching docs…".
    pub title: &'a str,
    /// How far it is.
    pub state: TaskState,
    /// What it found, once it is done.
    pub sources: &'a [Source],
}

/// How far a tool call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// It runs.
    Running,
    /// It returned something.
    Done,
    /// It failed.
    Failed,
}

/// Whoever knows how often the asker may still have a tool called.
pub trait Allowance: Send + Sync {
    /// Counts one call of a tool, or says why it may not be made: in words for the model, which
    /// tells the asker.
    fn count<'a>(&'a self, tool: &'a str) -> BoxFuture<'a, Result<(), String>>;
}

/// Lets every call be made.
#[derive(Clone, Copy, Debug)]
pub struct Unlimited;

impl Allowance for Unlimited {
    fn count<'a>(&'a self, _tool: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(ready(Ok(())))
    }
}
