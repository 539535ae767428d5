//! Reads one gap, conversation by conversation; a reader that takes it over goes on where this one was.

use std::time::Duration;

use event::{ErrorChain, Timestamp};
use queue::{Gap, QueueError};
use slack::{Conversation, Failure, SlackError};
use tokio::time::sleep;

use super::Backfill;

/// How far Slack's clock may be from the database's, and how long before a silence an event may have
/// come that was never stored.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// How often a call is tried whose answer does not come.
const TRIES_MAX: u32 = 5;

/// The longest that Slack's wish to wait is followed; then it is asked again.
const RATE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Why reading does not go on.
pub(super) enum Halt {
    Slack(SlackError),
    Queue(QueueError),
}

pub(super) struct Reader<'a> {
    pub(super) backfill: &'a Backfill,
    gap: Gap,
    /// The last conversation that was read whole.
    done_until: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(backfill: &'a Backfill, gap: Gap) -> Self {
        let done_until = gap.done_until.clone();
        Reader { backfill, gap, done_until }
    }

    /// Reads all that can be read. What fails is left to the next reader, who may be this one.
    pub(super) async fn run(mut self) {
        let queue = &self.backfill.gaps.queue;
        let halted = match self.read().await {
            Ok(found) => match queue.close_gap(&self.gap).await {
                Ok(()) => return tracing::info!(found, "read up what was said"),
                Err(error) => Halt::Queue(error),
            },
            Err(halt) => halt,
        };
        match halted {
            Halt::Queue(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "reading up is put off");
            }
            Halt::Slack(error) => {
                tracing::error!(
                    error = %ErrorChain::line(&error),
                    "what was said cannot be read up: expected the scopes of \
                     docs/slack-manifest.yaml (channels:read, channels:history and their like); \
                     add what is missing and install the app again"
                );
                // Nobody else fares better for a while.
                let _ = self.hold(0, self.backfill.bounds.refused_retry).await;
            }
        }
    }

    /// How many events were found missing.
    async fn read(&mut self) -> Result<u64, Halt> {
        let since = self.since().await?;
        let mut conversations = self.conversations().await?;
        conversations.sort_by(|one, other| one.id.cmp(&other.id));
        let mut all = 0;
        for conversation in conversations {
            if conversation.id <= self.done_until {
                continue;
            }
            let found = match self.read_conversation(&conversation, since).await {
                Ok(found) => found,
                Err(Halt::Slack(error)) if is_of_one_conversation(&error) => {
                    tracing::warn!(
                        error = %ErrorChain::line(&error),
                        channel = conversation.id,
                        "this conversation cannot be read up"
                    );
                    0
                }
                Err(halt) => return Err(halt),
            };
            self.done_until = conversation.id;
            self.hold(found, self.backfill.bounds.hold).await?;
            all += found;
        }
        Ok(all)
    }

    /// From when on to read.
    async fn since(&self) -> Result<Timestamp, Halt> {
        let now = self.backfill.gaps.queue.now().await.map_err(Halt::Queue)?;
        let earliest = before(now, self.backfill.back);
        if self.gap.since < earliest {
            let hours = self.backfill.back.as_secs() / 3_600;
            tracing::warn!(hours, "what was said longer ago than this is not read up");
        }
        Ok(before(self.gap.since.max(earliest), SKEW))
    }

    async fn conversations(&self) -> Result<Vec<Conversation>, Halt> {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let api = &self.backfill.api;
            let page = self.call(|| api.conversations(cursor.as_deref())).await?;
            all.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// Asks Slack, at the pace that is left to us, for as long as there is hope.
    pub(super) async fn call<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, SlackError>>,
    {
        let mut tries = 1;
        loop {
            self.hold(0, self.backfill.bounds.hold).await?;
            sleep(self.backfill.bounds.call_every).await;
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.kind() {
                Failure::RateLimited { after } => sleep(after.min(RATE_WAIT_MAX)).await,
                Failure::Unknown | Failure::NotSent if tries < TRIES_MAX => {
                    tries += 1;
                    sleep(self.backfill.bounds.retry_pause).await;
                }
                Failure::Unknown
                | Failure::NotSent
                | Failure::Refused { .. }
                | Failure::Auth { .. } => return Err(Halt::Slack(error)),
            }
        }
    }

    async fn hold(&self, found: u64, hold: Duration) -> Result<(), Halt> {
        let queue = &self.backfill.gaps.queue;
        let held = queue.advance_gap(&self.gap, &self.done_until, found, hold).await;
        held.map_err(Halt::Queue)
    }
}

/// Left, archived, or of a sort that the app may not read; the others can be read all the same.
fn is_of_one_conversation(error: &SlackError) -> bool {
    match error.kind() {
        Failure::Refused { .. } => true,
        Failure::Auth { code } => code == "missing_scope",
        Failure::RateLimited { .. } | Failure::Unknown | Failure::NotSent => false,
    }
}

pub(super) fn before(at: Timestamp, by: Duration) -> Timestamp {
    let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
    Timestamp(at.0.saturating_sub(micros).max(0))
}
