//! How often Slack lets each method be called, and who is asked before a call is made.
//!
//! Slack counts by method, app and workspace, however many processes call (`Web API rate limits`,
//! docs.slack.dev/apis/web-api/rate-limits): so whoever grants calls must know of all of them. This
//! crate knows the rates; a [`Budget`] shares them.

use std::time::Duration;

use async_trait::async_trait;

/// What a call is for, which says how long it may wait and how much of a rate it may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody waits for what it does: it may use all there is.
    Answer,
    /// What somebody waits for is better with it, and comes without it: a thread's context, a name.
    Context,
    /// Nobody misses it, or a later call does the same: a sign, a look whether all is well, more of
    /// an answer while it is being written.
    Chore,
    /// Nobody waits for it, but it must be done: taking a sign or a duplicate away.
    Tidying,
}

impl Purpose {
    /// How long a call waits for its turn, at most.
    #[must_use]
    pub const fn patience(self) -> Duration {
        match self {
            Purpose::Answer => ANSWER_PATIENCE,
            Purpose::Context => Duration::from_secs(3),
            Purpose::Chore => Duration::ZERO,
            Purpose::Tidying => Duration::from_secs(60),
        }
    }
}

/// How long a call that somebody waits for waits for its turn; a job that would wait longer gives
/// its place in the worker to another one.
pub const ANSWER_PATIENCE: Duration = Duration::from_secs(15);

/// How long a post may wait that is under way already: its fate must be known in time.
pub(crate) const POST_PATIENCE: Duration = Duration::from_secs(1);

/// Calls that share a rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// The method; for what holds in one channel, with a colon and the channel behind it.
    pub name: String,
    /// How many calls come back each second.
    pub per_second: f64,
    /// How many calls it holds when it is full.
    pub burst: f64,
    /// How many of those are kept for [`Purpose::Answer`].
    pub kept_for_answers: f64,
}

impl Bucket {
    /// How many calls it holds for a purpose.
    #[must_use]
    pub fn burst_for(&self, purpose: Purpose) -> f64 {
        match purpose {
            Purpose::Answer => self.burst,
            Purpose::Context | Purpose::Chore | Purpose::Tidying => {
                self.burst - self.kept_for_answers
            }
        }
    }
}

/// Whoever grants calls: to this process and to all others of the app in the workspace.
#[async_trait]
pub trait Budget: Send + Sync {
    /// Waits for a call's turn, no longer than `patience`; turns of one bucket come in the order in
    /// which they were asked for.
    ///
    /// # Errors
    /// How long to come again after, when the turn would come later, or nobody can be asked.
    async fn turn(
        &self,
        bucket: &Bucket,
        purpose: Purpose,
        patience: Duration,
    ) -> Result<(), Duration>;

    /// Hears that Slack refused a call: nobody may make one meanwhile.
    async fn refused(&self, bucket: &Bucket, meanwhile: Duration);
}

/// A method's rate, and what its calls are for unless the caller knows better.
struct Rate {
    method: &'static str,
    per_minute: u32,
    purpose: Purpose,
}

/// Slack's tiers in calls a minute: 20+, 50+ and 100+ for tiers 2 to 4. Slack calls the status
/// "special" and lets a workspace post "several hundred" messages a minute; both are taken low.
const TIER_2: u32 = 20;
const TIER_3: u32 = 50;
const TIER_4: u32 = 100;
const HUNDREDS: u32 = 300;

const fn rate(method: &'static str, per_minute: u32, purpose: Purpose) -> Rate {
    Rate { method, per_minute, purpose }
}

/// Each method that we call, with the tier of its page under docs.slack.dev/reference/methods.
const RATES: &[Rate] = &[
    rate(POST_MESSAGE, HUNDREDS, Purpose::Answer),
    rate(UPDATE, TIER_3, Purpose::Answer),
    rate("chat.delete", TIER_3, Purpose::Tidying),
    rate(START_STREAM, TIER_2, Purpose::Context),
    rate("chat.appendStream", TIER_4, Purpose::Chore),
    rate("chat.stopStream", TIER_2, Purpose::Answer),
    rate(SET_STATUS, HUNDREDS, Purpose::Chore),
    rate("agents.sessions.setStatus", TIER_3, Purpose::Tidying),
    rate(OPEN_VIEW, TIER_4, Purpose::Answer),
    rate("reactions.add", TIER_3, Purpose::Chore),
    rate("reactions.remove", TIER_2, Purpose::Tidying),
    rate("conversations.history", TIER_3, Purpose::Context),
    rate("conversations.replies", TIER_3, Purpose::Context),
    rate("users.info", TIER_4, Purpose::Context),
    rate("files.info", TIER_4, Purpose::Context),
    rate("files.getUploadURLExternal", TIER_4, Purpose::Answer),
    rate("files.completeUploadExternal", TIER_4, Purpose::Answer),
];

pub(crate) const POST_MESSAGE: &str = "chat.postMessage";
pub(crate) const START_STREAM: &str = "chat.startStream";
pub(crate) const UPDATE: &str = "chat.update";
pub(crate) const OPEN_VIEW: &str = "views.open";
pub(crate) const SET_STATUS: &str = "assistant.threads.setStatus";

/// Messages to one channel at once, before one a second holds ("short bursts" are allowed).
const CHANNEL_BURST: f64 = 3.0;

/// A method's calls, and what they are for; `None` for a method without a rate of ours.
///
/// A fifth of the minute's calls may be made at once and the rest come back evenly, so that no
/// minute, wherever it begins, holds more calls than the tier grants.
pub(crate) fn of(method: &str) -> Option<(Bucket, Purpose)> {
    let rate = RATES.iter().find(|rate| rate.method == method)?;
    let per_minute = f64::from(rate.per_minute);
    let burst = (per_minute / 5.0).floor();
    let bucket = Bucket {
        name: method.to_owned(),
        per_second: (per_minute - burst) / 60.0,
        burst,
        kept_for_answers: (burst / 2.0).floor(),
    };
    Some((bucket, rate.purpose))
}

/// The messages to one channel.
pub(crate) fn of_channel(channel: &str) -> Bucket {
    Bucket {
        name: format!("{POST_MESSAGE}:{channel}"),
        per_second: 1.0,
        burst: CHANNEL_BURST,
        kept_for_answers: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_holds_more_calls_than_its_tier_and_chores_never_take_the_last_ones() {
        for Rate { method, per_minute, .. } in RATES {
            let (bucket, _) = of(method).unwrap();
            let in_any_minute = bucket.burst + bucket.per_second * 60.0;
            assert!(in_any_minute <= f64::from(*per_minute) + 1e-9, "{method}: {in_any_minute}");
            let chores = bucket.burst_for(Purpose::Chore);
            assert!(chores >= 1.0 && chores < bucket.burst_for(Purpose::Answer), "{method}");
        }
    }

    #[test]
    fn no_method_has_two_rates() {
        for (at, rate) in RATES.iter().enumerate() {
            assert!(RATES[..at].iter().all(|other| other.method != rate.method), "{}", rate.method);
        }
    }
}
