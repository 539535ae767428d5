//! One round: mentions out, and the local Slack's journal read for what came back.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use sim::slack::{Control, Entry, What};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::ROUND_LIMIT;
use super::crew::Crew;
use crate::figures::percentile;

/// How often the journal is read.
const READ_EVERY: Duration = Duration::from_millis(20);

const CHANNEL: &str = "C0GENERAL";
const PERSON: &str = "U0ADA";
const QUESTION: &str = "<@U0ATHENA> How are failed events replayed?";

/// One of a round's lists of times.
type Pick = fn(&Round) -> &[f64];

/// What is reported of a paced round: a name, and the times that it stands for.
pub(super) const SPANS: &[(&str, Pick)] = &[
    ("envelope_to_ack", |round| &round.acks_ms),
    ("mention_to_sign", |round| &round.signs_ms),
    ("mention_to_reply", |round| &round.replies_ms),
];

/// The times of one round, each list sorted.
pub(super) struct Round {
    /// From an envelope's sending to its acknowledgement, for every envelope.
    pub(super) acks_ms: Vec<f64>,
    /// From the mention to the first status or reaction.
    signs_ms: Vec<f64>,
    /// From the mention to the reply in its thread, the model included.
    replies_ms: Vec<f64>,
    /// From the first mention to the last reply.
    took: Duration,
}

impl Round {
    /// Sends mentions at a steady rate, per second, and waits for all replies.
    pub(super) async fn paced(crew: &Crew, mentions: usize, rate: f64) -> anyhow::Result<Self> {
        let mut watch = Watch::begin(crew.slack.control());
        let mut tick = interval(Duration::from_secs_f64(1.0 / rate));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for _ in 0..mentions {
            tick.tick().await;
            watch.mention()?;
        }
        watch.finish().await
    }

    /// Sends all mentions at once and waits for all replies.
    pub(super) async fn burst(crew: &Crew, mentions: usize) -> anyhow::Result<Self> {
        let mut watch = Watch::begin(crew.slack.control());
        for _ in 0..mentions {
            watch.mention()?;
        }
        watch.finish().await
    }

    pub(super) fn events_per_second(&self) -> f64 {
        self.replies_ms.len() as f64 / self.took.as_secs_f64()
    }

    /// A percentile of one of its lists.
    pub(super) fn at(&self, pick: Pick, percent: f64) -> f64 {
        percentile(pick(self), percent)
    }
}

/// What has been seen of a round so far. Times are the local Slack's, in microseconds.
struct Watch {
    control: Control,
    begun: Instant,
    sequence: u64,
    sent_us: HashMap<String, i64>,
    signs_us: HashMap<String, i64>,
    replies_us: HashMap<String, i64>,
    acks_us: Vec<i64>,
}

impl Watch {
    fn begin(control: Control) -> Self {
        let sequence = control.journal().last().map_or(0, |entry| entry.sequence);
        Watch {
            control,
            begun: Instant::now(),
            sequence,
            sent_us: HashMap::new(),
            signs_us: HashMap::new(),
            replies_us: HashMap::new(),
            acks_us: Vec::new(),
        }
    }

    fn mention(&mut self) -> anyhow::Result<()> {
        let now_us = self.control.clock().now_us();
        let ts = self.control.say(CHANNEL, PERSON, QUESTION).context("a mention was refused")?;
        self.sent_us.insert(ts, now_us);
        Ok(())
    }

    async fn finish(mut self) -> anyhow::Result<Round> {
        loop {
            for entry in self.control.journal_since(self.sequence) {
                self.sequence = entry.sequence;
                self.read(entry);
            }
            if self.replies_us.len() == self.sent_us.len() {
                return Ok(self.round());
            }
            if self.begun.elapsed() > ROUND_LIMIT {
                let (replies, mentions) = (self.replies_us.len(), self.sent_us.len());
                bail!("{replies} of {mentions} mentions were answered in {ROUND_LIMIT:?}");
            }
            sleep(READ_EVERY).await;
        }
    }

    fn read(&mut self, entry: Entry) {
        match entry.what {
            What::Ack { after_us: Some(after_us), .. } => self.acks_us.push(after_us),
            What::Call { method, args, applied: true, .. } => {
                let (times, name) = match method.as_str() {
                    "chat.postMessage" => (&mut self.replies_us, "thread_ts"),
                    "assistant.threads.setStatus" => (&mut self.signs_us, "thread_ts"),
                    "reactions.add" => (&mut self.signs_us, "timestamp"),
                    _ => return,
                };
                let Some(ts) = args.get(name).and_then(Value::as_str) else { return };
                if self.sent_us.contains_key(ts) {
                    times.entry(ts.to_owned()).or_insert(entry.at_us);
                }
            }
            What::Ack { .. }
            | What::Call { .. }
            | What::Envelope { .. }
            | What::Nonsense { .. }
            | What::Waits { .. }
            | What::GaveUp { .. }
            | What::Socket { .. } => {}
        }
    }

    fn round(self) -> Round {
        let since = |times: &HashMap<String, i64>| {
            sorted(times.iter().map(|(ts, at_us)| at_us - self.sent_us[ts]).collect())
        };
        let first_us = self.sent_us.values().min().copied().unwrap_or_default();
        let last_us = self.replies_us.values().max().copied().unwrap_or_default();
        Round {
            signs_ms: since(&self.signs_us),
            replies_ms: since(&self.replies_us),
            took: Duration::from_micros((last_us - first_us).unsigned_abs()),
            acks_ms: sorted(self.acks_us),
        }
    }
}

fn sorted(mut micros: Vec<i64>) -> Vec<f64> {
    micros.sort_unstable();
    micros.into_iter().map(|micros| micros as f64 / 1000.0).collect()
}
