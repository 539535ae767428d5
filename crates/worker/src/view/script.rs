//! What is shown of an answer while it is being written, and when. Pure: what the agent tells and
//! the time in, acts out; how an act went in again.
//!
//! Quiet answers, which come within [`OPEN_AFTER`], are not shown in the making at all. A stream is
//! closed and another begun long before Slack ends it, and before its message is full. Where streams
//! are refused, a message is posted and edited.

use std::time::Duration;

use slack::api::stream::{Chunk, TaskStatus};

use super::shown::{PartState, Shown, ShownPart};
use crate::reply::{boundary, cut, open_fence, render_closed, render_open};

/// How long there is something to show before a message is begun.
const OPEN_AFTER: Duration = Duration::from_millis(700);

/// The least time between two appends. Slack allows about a hundred a minute for the whole app.
const APPEND_EVERY: Duration = Duration::from_millis(1_200);

/// The least time between two edits: what Slack advises.
const EDIT_EVERY: Duration = Duration::from_secs(3);

/// The least time between two status lines.
const STATUS_EVERY: Duration = Duration::from_secs(2);

/// Slack takes a status line away after two minutes.
const STATUS_AGAIN: Duration = Duration::from_secs(90);

/// How long a stream is used. Slack was measured to end it after 303 s, however often it is
/// appended to.
const STREAM_FOR: Duration = Duration::from_secs(210);

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Says in the status line what is being done.
    Status(String),
    /// Begins a stream with these pieces.
    Start(Vec<Chunk>),
    /// Adds these pieces to the open stream.
    Append(Vec<Chunk>),
    /// Closes the stream with this at its end: its message is full or old.
    Close(String),
    /// Posts, or takes over, a message with this text, which is edited later.
    Post(String),
    /// Makes the message show this text.
    Edit(String),
}

/// How an act went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// Done; a message that was begun has this `ts`.
    Well(Option<String>),
    /// Slack asks for patience.
    Later(Duration),
    /// Slack will not do it.
    Refused,
    /// The stream is over.
    Over,
    /// A person stopped it.
    Stopped,
    /// Nobody knows.
    Unknown,
    /// It may not be tried again.
    Never,
}

/// How things are shown now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// No message is open. The next is a stream.
    Stream,
    /// No message is open. The next is posted and edited.
    Post,
    /// The latest part's stream is open.
    Streaming {
        /// Since when.
        since: Duration,
    },
    /// The latest part's message is edited.
    Editing,
    /// Nothing more is shown.
    Off,
}

/// The script of one answer.
#[derive(Debug)]
pub(super) struct Script {
    mode: Mode,
    shown: Shown,
    tasks: Vec<Task>,
    status: Option<String>,
    /// The status line that stands, and since when.
    status_shown: Option<(String, Duration)>,
    /// When there was something to show for the first time.
    begun_at: Option<Duration>,
    /// When the next change of a message may come.
    next_at: Duration,
    /// When the next status line may come; never where they are refused.
    status_next_at: Option<Duration>,
}

#[derive(Debug)]
struct Task {
    number: usize,
    title: String,
    status: TaskStatus,
    output: Option<String>,
    sources: Vec<(String, String)>,
    told: Option<TaskStatus>,
}

impl Script {
    /// With `streams`, they are tried first.
    pub(super) fn new(streams: bool) -> Self {
        Script {
            mode: if streams { Mode::Stream } else { Mode::Post },
            shown: Shown::default(),
            tasks: Vec::new(),
            status: None,
            status_shown: None,
            begun_at: None,
            next_at: Duration::ZERO,
            status_next_at: Some(STATUS_EVERY),
        }
    }

    /// One that shows a status line alone.
    pub(super) fn silent() -> Self {
        Script { mode: Mode::Off, ..Script::new(false) }
    }

    pub(super) fn step(&mut self, text: String) {
        self.status = Some(text);
    }

    pub(super) fn text(&mut self, more: &str, now: Duration) {
        self.begun_at.get_or_insert(now);
        self.shown.text.push_str(more);
    }

    pub(super) fn task(
        &mut self,
        number: usize,
        title: String,
        status: TaskStatus,
        sources: Vec<(String, Option<String>)>,
        now: Duration,
    ) {
        self.begun_at.get_or_insert(now);
        let output = (status == TaskStatus::Complete).then(|| found(&sources));
        let links = sources.into_iter().filter_map(|(text, link)| Some((text, link?))).collect();
        let told = self.tasks.iter().position(|task| task.number == number);
        let told = told.map(|at| self.tasks.remove(at)).and_then(|task| task.told);
        self.tasks.push(Task { number, title, status, output, sources: links, told });
    }

    /// When to look again, if nothing is told before.
    pub(super) fn due(&self) -> Option<Duration> {
        let message = match self.mode {
            Mode::Off => None,
            Mode::Streaming { since } => Some(match self.has_news() {
                true => self.next_at,
                false => since + STREAM_FOR,
            }),
            Mode::Editing => self.has_news().then_some(self.next_at),
            Mode::Stream | Mode::Post => self
                .begun_at
                .map(|at| self.next_at.max(at + OPEN_AFTER))
                .filter(|_| self.has_news()),
        };
        message.into_iter().chain(self.status_due()).min()
    }

    fn status_due(&self) -> Option<Duration> {
        // A message of ours takes the status line away, and says more.
        if matches!(self.mode, Mode::Streaming { .. } | Mode::Editing) {
            return None;
        }
        let (status, next_at) = (self.status.as_ref()?, self.status_next_at?);
        match &self.status_shown {
            Some((shown, at)) if shown == status => Some(*at + STATUS_AGAIN),
            _ => Some(next_at),
        }
    }

    /// What to do now, if anything.
    pub(super) fn next(&self, now: Duration) -> Option<Act> {
        if self.status_due().is_some_and(|at| at <= now) {
            return self.status.clone().map(Act::Status);
        }
        if now < self.next_at {
            return None;
        }
        let early = self.begun_at.is_none_or(|at| now < at + OPEN_AFTER);
        match self.mode {
            Mode::Stream if !early && self.has_news() => Some(Act::Start(self.pieces())),
            Mode::Post if !early && self.has_news() => Some(Act::Post(self.open_text())),
            Mode::Streaming { since } => self.next_of_stream(now, since),
            Mode::Editing if self.full().is_some() => Some(Act::Edit(self.closed_text())),
            Mode::Editing if self.has_news() => Some(Act::Edit(self.open_text())),
            Mode::Stream | Mode::Post | Mode::Editing | Mode::Off => None,
        }
    }

    fn next_of_stream(&self, now: Duration, since: Duration) -> Option<Act> {
        let old = now >= since + STREAM_FOR;
        if old || self.full().is_some() {
            let closed = self.closed_text();
            let shown = self.shown.parts.last().map_or("", |part| part.text.as_str());
            return Some(Act::Close(closed.strip_prefix(shown).unwrap_or_default().to_owned()));
        }
        self.has_news().then(|| Act::Append(self.pieces()))
    }

    /// Takes in how an act went.
    pub(super) fn went(&mut self, act: &Act, went: Went, now: Duration) {
        if let Act::Status(status) = act {
            self.status_next_at = (went != Went::Refused).then_some(now + STATUS_EVERY);
            self.status_shown = Some((status.clone(), now));
            return;
        }
        match went {
            Went::Later(after) => self.next_at = now + after,
            Went::Stopped | Went::Never => self.mode = Mode::Off,
            Went::Well(ts) => self.went_well(act, ts, now),
            Went::Refused | Went::Over | Went::Unknown => self.went_wrong(act, &went, now),
        }
    }

    fn went_well(&mut self, act: &Act, ts: Option<String>, now: Duration) {
        match act {
            Act::Status(_) => {}
            Act::Start(_) | Act::Post(_) => {
                let streams = matches!(act, Act::Start(_));
                let state = if streams { PartState::Open } else { PartState::Edited };
                let (ts, text) = (ts.unwrap_or_default(), self.open_text());
                self.shown.parts.push(ShownPart { ts, text, state });
                self.mode = if streams { Mode::Streaming { since: now } } else { Mode::Editing };
                self.tell_tasks();
            }
            Act::Append(_) => {
                let text = self.open_text();
                self.latest(|part| part.text = text);
                self.tell_tasks();
            }
            Act::Close(_) => {
                self.tell_tasks();
                self.turn_over(PartState::Closed, Mode::Stream);
            }
            Act::Edit(_) if self.full().is_some() => {
                self.turn_over(PartState::Edited, Mode::Post);
            }
            Act::Edit(text) => {
                let text = text.clone();
                self.latest(|part| part.text = text);
            }
        }
        self.next_at = now
            + match act {
                Act::Close(_) => Duration::ZERO,
                Act::Edit(_) | Act::Post(_) => EDIT_EVERY,
                Act::Status(_) | Act::Start(_) | Act::Append(_) => APPEND_EVERY,
            };
    }

    fn went_wrong(&mut self, act: &Act, went: &Went, now: Duration) {
        self.next_at = now;
        match (act, went) {
            (Act::Status(_), _) => {}
            // A message may be there that nobody knows; the delivery looks for it.
            (Act::Start(_) | Act::Post(_), Went::Unknown) => self.mode = Mode::Off,
            (Act::Start(_), _) => self.mode = Mode::Post,
            (Act::Post(_), _) => self.mode = Mode::Off,
            (Act::Append(_) | Act::Close(_), _) => {
                self.latest(|part| part.state = PartState::Doubtful);
                self.mode = Mode::Editing;
            }
            (Act::Edit(_), Went::Unknown) => self.next_at = now + EDIT_EVERY,
            (Act::Edit(_), _) => self.mode = Mode::Off,
        }
    }

    /// The latest message is done with; what follows goes into the next.
    fn turn_over(&mut self, state: PartState, mode: Mode) {
        let end = self.end_of_part();
        let text = self.closed_text();
        self.latest(|part| {
            part.state = state;
            part.text = text;
        });
        self.shown.cuts.push(end);
        self.mode = mode;
    }

    /// The number of the part that is shown, or begun next.
    pub(super) fn part(&self) -> usize {
        self.shown.cuts.len()
    }

    /// The message of the part that is shown.
    pub(super) fn message(&self) -> &str {
        self.shown.parts.last().map_or("", |part| &part.ts)
    }

    /// Whether that message may still be an open stream, though nothing is appended any more.
    pub(super) fn is_doubtful(&self) -> bool {
        self.shown.parts.last().is_some_and(|part| part.state == PartState::Doubtful)
    }

    /// The tasks of which the message does not show how they stand.
    pub(super) fn untold_tasks(&self) -> Vec<Chunk> {
        self.tasks.iter().filter(|task| task.is_untold()).map(Task::chunk).collect()
    }

    /// What was shown in the end.
    pub(super) fn ended(self) -> Shown {
        Shown { unfinished: self.untold_tasks(), ..self.shown }
    }

    fn latest(&mut self, change: impl FnOnce(&mut ShownPart)) {
        if let Some(part) = self.shown.parts.last_mut() {
            change(part);
        }
    }

    fn has_news(&self) -> bool {
        let (start, end) = (self.start_of_part(), self.shown.text.len());
        let seen = match self.mode {
            Mode::Streaming { .. } | Mode::Editing => self.shown.parts.last(),
            Mode::Stream | Mode::Post | Mode::Off => None,
        };
        let texts = match seen {
            Some(part) => part.text != self.open_text(),
            // Nothing begins with a message that shows nothing.
            None => !self.shown.text[start..end].trim().is_empty(),
        };
        texts || (self.shows_tasks() && self.tasks.iter().any(Task::is_untold))
    }

    fn shows_tasks(&self) -> bool {
        matches!(self.mode, Mode::Stream | Mode::Streaming { .. })
    }

    /// What the open stream does not show yet.
    fn pieces(&self) -> Vec<Chunk> {
        let mut pieces = self.untold_tasks();
        let open = self.open_text();
        let seen = match self.mode {
            Mode::Streaming { .. } => self.shown.parts.last().map_or("", |part| &part.text),
            Mode::Stream | Mode::Post | Mode::Editing | Mode::Off => "",
        };
        let more = open.strip_prefix(seen).unwrap_or_default();
        pieces.extend((!more.is_empty()).then(|| Chunk::Text(more.to_owned())));
        pieces
    }

    fn tell_tasks(&mut self) {
        for task in &mut self.tasks {
            task.told = Some(task.status);
        }
    }

    fn start_of_part(&self) -> usize {
        self.shown.cuts.last().copied().unwrap_or_default()
    }

    /// How far the latest part may go, when its message cannot hold all there is.
    fn full(&self) -> Option<usize> {
        cut(&self.shown.text, self.start_of_part(), self.seen_to())
    }

    /// Where the latest part ends if it is closed now: behind a whole paragraph, line or word.
    fn end_of_part(&self) -> usize {
        let end = self.shown.text.len();
        self.full().unwrap_or_else(|| boundary(&self.shown.text, self.seen_to(), end))
    }

    /// How much of the text people see already, in bytes.
    fn seen_to(&self) -> usize {
        let start = self.start_of_part();
        let opening = open_fence(&self.shown.text[..start]).map_or(0, |fence| fence.len() + 1);
        let seen = self.shown.parts.get(self.shown.cuts.len()).map_or(0, |part| part.text.len());
        (start + seen.saturating_sub(opening)).min(self.shown.text.len())
    }

    /// The latest part as it goes on, within what its message holds.
    fn open_text(&self) -> String {
        let end = self.full().unwrap_or(self.shown.text.len());
        render_open(&self.shown.text, &(self.start_of_part()..end))
    }

    /// The latest part when nothing more is added to it.
    fn closed_text(&self) -> String {
        render_closed(&self.shown.text, &(self.start_of_part()..self.end_of_part()))
    }
}

impl Task {
    fn is_untold(&self) -> bool {
        self.told != Some(self.status)
    }

    fn chunk(&self) -> Chunk {
        Chunk::Task {
            id: format!("task-{}", self.number),
            title: self.title.clone(),
            status: self.status,
            output: self.output.clone(),
            sources: self.sources.clone(),
        }
    }
}

fn found(sources: &[(String, Option<String>)]) -> String {
    match sources {
        [] => "Done".to_owned(),
        sources => sources.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" · "),
    }
}

#[cfg(test)]
mod tests;
