//! A child that brings events in, again and again until the queue says that it has them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event::NewEvent;
use queue::{Committer, Disposition, Queue, QueueError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::journal::{Journal, files, lines};
use super::orders::{self, ENOUGH_FILE, HOLD_FILE};
use super::plan;

/// What the conductor tells an enqueuer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) url: String,
    pub(super) run: std::path::PathBuf,
    pub(super) index: u32,
    pub(super) life: u32,
    pub(super) seed: u64,
    /// When the run began, microseconds since 1970.
    pub(super) begun_us: i64,
    /// Events of this enqueuer, all its lives together.
    pub(super) events: u64,
    /// Events a second; 0 for as many as it can.
    pub(super) rate: u64,
}

/// Events on their way at once.
const IN_FLIGHT_MAX: usize = 64;

/// The pause before an event whose fate is unknown is offered again.
const AGAIN_AFTER: Duration = Duration::from_millis(400);

/// How often an enqueuer that was told to hold looks whether it may go on.
const HOLD_PAUSE: Duration = Duration::from_millis(50);

/// Offers everything; ends when all of it was acknowledged or refused.
pub(super) async fn run(part: Part) -> anyhow::Result<()> {
    let enough = orders::listen(&part.run, ENOUGH_FILE);
    let (unanswered, mut next) = earlier(&part)?;
    let name = format!("enqueuer-{}-{}", part.index, part.life);
    let journal = Journal::create(&part.run, "acks", &name)?;
    let queue = super::queue(&part.url, "soak-enqueuer", 4).await?;
    let shutdown = CancellationToken::new();
    let (committer, committing) = queue.committer(shutdown.clone());
    let sender = Arc::new(Sender { queue, committer, journal, part });
    let (slots, tasks) = (Arc::new(Semaphore::new(IN_FLIGHT_MAX)), TaskTracker::new());
    let mut unanswered = unanswered.into_iter();
    let mut due = Instant::now();
    while !enough.is_cancelled() {
        let number = match unanswered.next() {
            Some(number) => number,
            None if next >= sender.part.events => break,
            None => {
                next += 1;
                next - 1
            }
        };
        while sender.part.run.join(HOLD_FILE).exists() && !enough.is_cancelled() {
            sleep(HOLD_PAUSE).await;
        }
        if let Some(pause) = 1_000_000_u64.checked_div(sender.part.rate) {
            due = due.max(Instant::now() - Duration::from_secs(1)) + Duration::from_micros(pause);
            sleep_until(due).await;
        }
        let slot = Arc::clone(&slots).acquire_owned().await?;
        let sender = Arc::clone(&sender);
        tasks.spawn(async move {
            sender.offer(number).await;
            drop(slot);
        });
    }
    tasks.close();
    tasks.wait().await;
    shutdown.cancel();
    committing.await?;
    Ok(())
}

struct Sender {
    queue: Queue,
    committer: Committer,
    journal: Journal,
    part: Part,
}

impl Sender {
    /// Offers one event until its fate is known; one in fifty once more after that, as a source
    /// does that missed the acknowledgement.
    async fn offer(&self, number: u64) {
        let event = plan::event(self.part.seed, self.part.begun_us, self.part.index, number);
        let again = plan::draw(self.part.seed, "redelivery", number).is_multiple_of(50);
        for _ in 0..=usize::from(again) {
            while !self.try_once(&event, number).await {
                sleep(AGAIN_AFTER).await;
            }
        }
    }

    async fn try_once(&self, event: &NewEvent, number: u64) -> bool {
        let key = &event.delivery_key;
        let mut line = json!({"t": "offer", "key": key, "kind": event.kind,
                              "order": event.lane_order, "work": event.work.is_some()});
        for (name, value) in [("logical", &event.logical_key), ("lane", &event.lane)] {
            if let Some(value) = value {
                line[name] = Value::from(value.as_str());
            }
        }
        self.journal.write(line);
        let committed = match plan::draw(self.part.seed, "alone", number) % 40 {
            0 => self.queue.append(event.clone()).await,
            _ => self.committer.commit(event.clone()).await,
        };
        let (line, known) = answer(key, committed);
        self.journal.write(line);
        known
    }
}

/// The answer's line, and whether the event's fate is known.
fn answer(key: &str, committed: Result<queue::Committed, QueueError>) -> (Value, bool) {
    match committed {
        Ok(committed) => {
            let seen_as = match committed.disposition {
                Disposition::New => "new",
                Disposition::Duplicate => "duplicate",
                Disposition::Twin => "twin",
            };
            let event = committed.event;
            let line = json!({"t": "ack", "key": key, "event": event.id.0,
                              "occurred_at": event.occurred_at.0, "as": seen_as});
            (line, true)
        }
        Err(error) => {
            let transient = error.is_transient() || matches!(error, QueueError::Closed);
            let (word, error) = match transient {
                true => ("unknown", event::ErrorChain::of(&error).to_string()),
                false => ("refused", event::ErrorChain::of(&error).to_string()),
            };
            (json!({"t": word, "key": key, "error": error}), !transient)
        }
    }
}

/// What earlier lives offered without an answer, and the number after all they offered.
fn earlier(part: &Part) -> anyhow::Result<(BTreeSet<u64>, u64)> {
    let (mut unanswered, mut next) = (BTreeSet::new(), 0);
    let mine = format!("enqueuer-{}-", part.index);
    for file in files(&part.run.join("acks"))? {
        if !name(&file).starts_with(&mine) {
            continue;
        }
        for line in lines(&file)? {
            let Some(number) = line["key"].as_str().and_then(plan::number_of) else { continue };
            match line["t"].as_str() {
                Some("offer") => {
                    unanswered.insert(number);
                    next = next.max(number + 1);
                }
                Some("ack" | "refused") => {
                    unanswered.remove(&number);
                }
                _ => {}
            }
        }
    }
    Ok((unanswered, next))
}

fn name(file: &Path) -> String {
    file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
