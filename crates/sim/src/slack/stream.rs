//! A streamed message: its life, its chunks and the blocks they become.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The most blocks a stream takes, and again the most that may trail at its end.
pub(super) const BLOCKS_MAX: usize = 50;

/// What `chat.startStream` began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stream {
    /// When it closes by itself, however often it is appended to.
    #[serde(default)]
    pub ends_us: i64,
    pub state: StreamState,
    /// What it was opened with; `None` until it holds anything.
    #[serde(default)]
    pub shape: Option<Shape>,
    pub display_mode: DisplayMode,
    pub plan_title: Option<String>,
    pub tasks: Vec<Map<String, Value>>,
    pub blocks: Vec<Value>,
}

/// Where a stream stands; only the clock ends one that nobody stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StreamState {
    Open,
    Finished,
    StoppedByUser,
}

/// What the first call that held anything held. A stream that begins with `markdown_text` takes no
/// chunks afterwards; Slack documents nothing of it, it was measured (2026-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Shape {
    Text,
    Chunks,
}

/// How a stream shows its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum DisplayMode {
    Timeline,
    Plan,
}

/// A well-formed chunk of a stream.
#[derive(Clone, Debug)]
pub(super) enum Chunk {
    Markdown(String),
    Task(Map<String, Value>),
    Plan { title: String },
    Blocks(Vec<Value>),
}

impl StreamState {
    /// The message's `streaming_state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "in_progress",
            Self::Finished | Self::StoppedByUser => "completed",
        }
    }
}

impl Stream {
    pub fn new(ends_us: i64, display_mode: DisplayMode) -> Self {
        Self {
            ends_us,
            state: StreamState::Open,
            shape: None,
            display_mode,
            plan_title: None,
            tasks: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// Whether it takes appends at `now_us`.
    pub fn is_open(&self, now_us: i64) -> bool {
        self.state == StreamState::Open && now_us < self.ends_us
    }

    /// Takes in a chunk; its text, if any, is appended to `text`.
    pub fn take(&mut self, chunk: Chunk, text: &mut String) {
        match chunk {
            Chunk::Markdown(more) => text.push_str(&more),
            Chunk::Plan { title } => self.plan_title = Some(title),
            Chunk::Blocks(blocks) => self.blocks.extend(blocks),
            Chunk::Task(update) => self.update_task(update),
        }
    }

    /// `title` and `status` replace what stood there, `details` and `output` are appended.
    fn update_task(&mut self, update: Map<String, Value>) {
        let Some(task) = self.tasks.iter_mut().find(|task| task.get("id") == update.get("id"))
        else {
            self.tasks.push(update);
            return;
        };
        for (key, value) in update {
            match (key.as_str(), task.get_mut(&key), &value) {
                ("details" | "output", Some(Value::String(before)), Value::String(more)) => {
                    before.push_str(more);
                }
                _ => {
                    task.insert(key, value);
                }
            }
        }
    }

    /// The message's blocks: tasks, what is written, then the stream's own blocks.
    pub fn with_blocks(&self, written: Value) -> Value {
        let cards = self.tasks.iter().map(|task| {
            let mut card = task.clone();
            card.insert("type".into(), json!("task_card"));
            if let Some(id) = card.remove("id") {
                card.insert("task_id".into(), id);
            }
            Value::Object(card)
        });
        let mut blocks: Vec<Value> = match self.display_mode {
            DisplayMode::Timeline => cards.collect(),
            DisplayMode::Plan if self.tasks.is_empty() && self.plan_title.is_none() => Vec::new(),
            DisplayMode::Plan => {
                let tasks: Vec<Value> = cards.collect();
                vec![json!({"type": "plan", "title": self.plan_title, "tasks": tasks})]
            }
        };
        if let Value::Array(written) = written {
            blocks.extend(written);
        }
        blocks.extend(self.blocks.iter().cloned());
        Value::Array(blocks)
    }
}
