//! Hands what the agent tells over to the view, without ever keeping the agent.

use std::time::Duration;

use agent::{Progress, Task, TaskState};
use slack::api::stream::TaskStatus;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::script::Script;

/// Tells a view. What is told is bounded by what a model may answer.
pub(crate) struct Teller(UnboundedSender<Told>);

/// What was told.
#[derive(Debug)]
pub(crate) enum Told {
    /// A step.
    Step(String),
    /// More text.
    Text(String),
    /// A tool call that begins or ends.
    Task {
        number: usize,
        title: String,
        status: TaskStatus,
        sources: Vec<(String, Option<String>)>,
    },
    /// Time has passed.
    Nothing,
}

impl Teller {
    pub(super) fn new() -> (Self, UnboundedReceiver<Told>) {
        let (sender, told) = unbounded_channel();
        (Teller(sender), told)
    }

    /// A view that has ended has lost interest.
    fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Progress for Teller {
    fn step(&self, text: &str) {
        tracing::debug!(step = text, "working");
        self.tell(Told::Step(text.to_owned()));
    }

    fn task(&self, task: &Task<'_>) {
        let status = match task.state {
            TaskState::Running => TaskStatus::InProgress,
            TaskState::Done => TaskStatus::Complete,
            TaskState::Failed => TaskStatus::Error,
        };
        let sources = task.sources.iter().map(|source| (source.label.clone(), source.link.clone()));
        let (number, title) = (task.number, task.title.to_owned());
        self.tell(Told::Task { number, title, status, sources: sources.collect() });
    }

    fn text(&self, more: &str) {
        self.tell(Told::Text(more.to_owned()));
    }
}

impl Told {
    pub(super) fn tell(self, script: &mut Script, now: Duration) {
        match self {
            Told::Step(text) => script.step(text),
            Told::Text(more) => script.text(&more, now),
            Told::Task { number, title, status, sources } => {
                script.task(number, title, status, sources, now);
            }
            Told::Nothing => {}
        }
    }
}
