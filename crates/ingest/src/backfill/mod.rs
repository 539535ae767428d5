//! What was said while nobody listened: noticed by the database's account of when somebody last did, and
//! read up in the conversations' own histories.
//!
//! Slack tries again for about six minutes and then forgets. So every process that listens says so every
//! few seconds; who finds that nobody had for longer than [`Bounds::silence_max`] opens a gap, and one
//! process reads it. What it finds goes in under the keys of Slack's own events: whatever was delivered
//! before, is delivered meanwhile or comes again makes nothing new.

mod conversation;
mod reader;

use std::time::Duration;

use event::ErrorChain;
use queue::{Committer, Queue, QueueError};
use slack::{Api, Hearing, SocketStatus};
use tokio::sync::watch;
use tokio::time::{interval, sleep};
use tokio_util::sync::CancellationToken;

use reader::Reader;

/// Slack's notice that it leaves events out speaks of one minute; this is a little more.
const LIMITED_FOR: Duration = Duration::from_secs(120);

/// Times and bounds that tests shorten.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How often a process says that it listens.
    pub listen_every: Duration,
    /// How long nobody may listen before what was said is read up; Slack's own second try comes after a
    /// minute.
    pub silence_max: Duration,
    /// How often a process looks for something to read up.
    pub look_every: Duration,
    /// How long a reader that says nothing keeps what it reads.
    pub hold: Duration,
    /// Between two calls to Slack: answers share its limits of some fifty a minute.
    pub call_every: Duration,
    /// Before a call is made again whose answer did not come.
    pub retry_pause: Duration,
    /// How long to wait when Slack does not let us read at all.
    pub refused_retry: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            listen_every: Duration::from_secs(5),
            silence_max: Duration::from_secs(30),
            look_every: Duration::from_secs(5),
            hold: Duration::from_secs(120),
            call_every: Duration::from_secs(2),
            retry_pause: Duration::from_secs(2),
            refused_retry: Duration::from_secs(600),
        }
    }
}

/// What is known to be missing, told to whoever reads it up. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gaps {
    queue: Queue,
    /// The source's name in the database: one app in one workspace.
    source: String,
    /// Nothing is read up at all.
    off: bool,
}

impl Gaps {
    pub(crate) fn new(queue: &Queue, hearing: &Hearing, back: Duration) -> Self {
        let source = format!("slack:{}", hearing.bot.team_id);
        Gaps { queue: queue.clone(), source, off: back.is_zero() }
    }

    /// Slack leaves events out, as there are too many.
    pub(crate) async fn limited(&self) -> Result<(), QueueError> {
        self.missed(LIMITED_FOR, LIMITED_FOR).await
    }

    /// Events of the last `age` may not come again; read not before `delay` is over.
    async fn missed(&self, age: Duration, delay: Duration) -> Result<(), QueueError> {
        match self.off {
            true => Ok(()),
            false => self.queue.miss(&self.source, age, delay).await,
        }
    }
}

/// Everything that reads up.
pub(crate) struct Backfill {
    pub(crate) gaps: Gaps,
    pub(crate) api: Api,
    pub(crate) committer: Committer,
    pub(crate) hearing: Hearing,
    /// How far back to read; zero reads nothing.
    pub(crate) back: Duration,
    pub(crate) bounds: Bounds,
    /// `None` where Slack sends requests alone: then whoever takes them listens.
    pub(crate) sockets: Option<watch::Receiver<SocketStatus>>,
}

impl Backfill {
    /// Listens and reads until `soft`.
    pub(crate) async fn run(self, soft: &CancellationToken) {
        let reading = async {
            if !self.gaps.off {
                self.read().await;
            }
        };
        let both = async { tokio::join!(self.listen(), reading) };
        let _ = soft.run_until_cancelled(both).await;
    }

    async fn listen(&self) {
        let mut ticks = interval(self.bounds.listen_every);
        loop {
            ticks.tick().await;
            let listening = self.sockets.as_ref().is_none_or(|status| status.borrow().open > 0);
            if !listening {
                continue;
            }
            // Switched off, it is never noticed that nobody listened.
            let silence_max = if self.gaps.off { Duration::MAX } else { self.bounds.silence_max };
            match self.gaps.queue.listen(&self.gaps.source, silence_max).await {
                Ok(None) => {}
                Ok(Some(silent)) => {
                    metrics::counter!("ingest_gaps_total").increment(1);
                    let silent_s = silent.as_secs();
                    tracing::warn!(silent_s, "nobody listened to Slack; reading up what was said");
                }
                // An outage of the database is told elsewhere; its end is what is noticed here.
                Err(error) => {
                    tracing::debug!(error = %ErrorChain::line(&error), "cannot say that we listen");
                }
            }
        }
    }

    async fn read(&self) {
        loop {
            sleep(self.bounds.look_every).await;
            match self.gaps.queue.take_gap(&self.gaps.source, self.bounds.hold).await {
                Ok(None) => {}
                Ok(Some(gap)) => Reader::new(self, gap).run().await,
                Err(error) => {
                    tracing::debug!(error = %ErrorChain::line(&error), "cannot look for gaps");
                }
            }
        }
    }
}
