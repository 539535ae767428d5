//! Streamed messages: `chat.startStream`, `chat.appendStream`, `chat.stopStream`.
//!
//! A stream carries no metadata until it is stopped, lives about five minutes however often it is
//! appended to, and takes no edit while it is open. An append is not safe to repeat.

use serde_json::{Value, json};

use super::{Answer, Api, Content, insert, metadata, required};
use crate::budget::{POST_PATIENCE, Purpose, START_STREAM};

/// What one field of a task may hold, in characters.
pub const TASK_FIELD_CHARS_MAX: usize = 256;

/// A stream to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamStart {
    /// Where.
    pub channel: String,
    /// The thread's root.
    pub thread_ts: String,
    /// Who asked: their user id and workspace. Channels require it.
    pub recipient: (String, String),
}

/// A piece of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// More of the text, in Markdown; 12,000 characters a call at most.
    Text(String),
    /// A task begins or changes.
    Task {
        /// The same for all changes of one task.
        id: String,
        /// What people read; cut to [`TASK_FIELD_CHARS_MAX`].
        title: String,
        /// How far it is.
        status: TaskStatus,
        /// What came of it, added to what it said before.
        output: Option<String>,
        /// What it found: texts and addresses.
        sources: Vec<(String, String)>,
    },
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskStatus {
    /// It runs.
    InProgress,
    /// It is done.
    Complete,
    /// It failed.
    Error,
}

impl Api {
    /// Begins a streamed message and returns its `ts`. Waits for its turn no longer than a second.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`]; after [`crate::Failure::Unknown`] there may be a message
    /// without a key.
    pub async fn start_stream(&self, start: &StreamStart, chunks: &[Chunk]) -> Answer<String> {
        let (user, team) = &start.recipient;
        let body = json!({
            "channel": start.channel,
            "thread_ts": start.thread_ts,
            "recipient_user_id": user,
            "recipient_team_id": team,
            "chunks": rendered(chunks),
        });
        let (purpose, patience) = (Purpose::Context, POST_PATIENCE);
        let answer = self.caller.post_for(purpose, patience, START_STREAM, &body).await?;
        required(&answer, "/ts", START_STREAM)
    }

    /// Adds to an open stream, if its turn is now. Not safe to repeat.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`]; after [`crate::Failure::Unknown`] it may be there.
    pub async fn append_stream(&self, channel: &str, ts: &str, chunks: &[Chunk]) -> Answer<()> {
        let body = json!({"channel": channel, "ts": ts, "chunks": rendered(chunks)});
        self.caller.post("chat.appendStream", &body).await.map(drop)
    }

    /// Closes a stream: adds `end.markdown`, puts `end.blocks` below it and `end.key` on it.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`].
    pub async fn stop_stream(
        &self,
        channel: &str,
        ts: &str,
        chunks: &[Chunk],
        end: &Content,
    ) -> Answer<()> {
        let mut chunks = rendered(chunks);
        if !end.markdown.is_empty() {
            chunks.push(json!({"type": "markdown_text", "text": end.markdown}));
        }
        let mut body = json!({"channel": channel, "ts": ts});
        insert(&mut body, "chunks", (!chunks.is_empty()).then(|| chunks.into()));
        insert(&mut body, "blocks", (!end.blocks.is_empty()).then(|| end.blocks.clone().into()));
        insert(&mut body, "metadata", end.key.as_deref().map(metadata));
        self.caller.post("chat.stopStream", &body).await.map(drop)
    }
}

fn rendered(chunks: &[Chunk]) -> Vec<Value> {
    chunks.iter().map(Chunk::render).collect()
}

impl Chunk {
    fn render(&self) -> Value {
        let short = |text: &str| text.chars().take(TASK_FIELD_CHARS_MAX).collect::<String>();
        match self {
            Chunk::Text(text) => json!({"type": "markdown_text", "text": text}),
            Chunk::Task { id, title, status, output, sources } => {
                let mut task = json!({"type": "task_update", "id": id, "title": short(title),
                    "status": status.as_str()});
                insert(&mut task, "output", output.as_deref().map(|text| short(text).into()));
                let links: Vec<Value> = sources
                    .iter()
                    .map(|(text, url)| json!({"type": "url", "text": short(text), "url": url}))
                    .collect();
                insert(&mut task, "sources", (!links.is_empty()).then(|| links.into()));
                task
            }
        }
    }
}

impl TaskStatus {
    const fn as_str(self) -> &'static str {
        match self {
            TaskStatus::InProgress => "in_progress",
            TaskStatus::Complete => "complete",
            TaskStatus::Error => "error",
        }
    }
}
