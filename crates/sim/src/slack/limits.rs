//! Slack's rate limits: a token bucket for each method, and for posting one for each channel.

use std::{collections::HashMap, sync::Mutex};

use super::world::lock;

/// How often a method may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tier {
    /// 20 a minute.
    Two,
    /// 50 a minute.
    Three,
    /// 100 a minute.
    Four,
    /// Hundreds a minute.
    Special,
    /// One message a second to a channel in the long run, in short bursts more; and a cap on the
    /// whole workspace.
    Posting,
}

/// How many posts a channel takes at once before one a second holds.
const CHANNEL_BURST: f64 = 5.0;

impl Tier {
    fn per_minute(self) -> f64 {
        match self {
            Self::Two => 20.0,
            Self::Three => 50.0,
            Self::Four => 100.0,
            Self::Special | Self::Posting => 600.0,
        }
    }
}

/// The buckets of the one app in the one workspace.
#[derive(Default)]
pub(super) struct Limits(Mutex<HashMap<String, Bucket>>);

struct Bucket {
    tokens: f64,
    filled_us: i64,
}

impl Limits {
    /// Takes a call from its buckets, or says after how many whole seconds to come again.
    pub fn take(
        &self,
        method: &str,
        tier: Tier,
        channel: Option<&str>,
        now_us: i64,
    ) -> Result<(), u64> {
        let mut buckets = lock(&self.0);
        let mut take = |name: String, burst: f64, per_second: f64| {
            let bucket = buckets.entry(name).or_insert(Bucket { tokens: burst, filled_us: now_us });
            bucket.take(burst, per_second, now_us)
        };
        if let (Tier::Posting, Some(channel)) = (tier, channel) {
            take(format!("{method}/{channel}"), CHANNEL_BURST, 1.0)?;
        }
        let per_minute = tier.per_minute();
        take(method.to_owned(), per_minute, per_minute / 60.0)
    }
}

impl Bucket {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of minutes fit a double")]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a wait of seconds, not below 1"
    )]
    fn take(&mut self, burst: f64, per_second: f64, now_us: i64) -> Result<(), u64> {
        let passed_s = (now_us - self.filled_us) as f64 / 1e6;
        self.tokens = (self.tokens + passed_s * per_second).min(burst);
        self.filled_us = now_us;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(((1.0 - self.tokens) / per_second).ceil().max(1.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_takes_a_short_burst_and_then_a_message_a_second() {
        let limits = Limits::default();
        let take = |channel, at_s: i64| {
            limits.take("chat.postMessage", Tier::Posting, Some(channel), at_s * 1_000_000)
        };
        for _ in 0..5 {
            assert_eq!(take("C1", 0), Ok(()));
        }
        assert_eq!(take("C1", 0), Err(1));
        assert_eq!(take("C2", 0), Ok(()));
        assert_eq!(take("C1", 1), Ok(()));
        assert_eq!(take("C1", 1), Err(1));
    }

    #[test]
    fn a_tier_refills_over_the_minute() {
        let limits = Limits::default();
        let take = |at_s: i64| limits.take("reactions.remove", Tier::Two, None, at_s * 1_000_000);
        for _ in 0..20 {
            assert_eq!(take(0), Ok(()));
        }
        assert_eq!(take(0), Err(3));
        assert_eq!(take(3), Ok(()));
    }
}
