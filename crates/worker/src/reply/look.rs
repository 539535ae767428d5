//! Looking for messages whose fate is unknown.

use std::time::Duration;

use event::Timestamp;
use queue::{Effect, Stop};
use slack::Found;
use tokio::time::sleep;

use super::target::{earlier, message, target};
use super::{Delivery, POST_DEADLINE};
use crate::desk::{Desk, JobError};

/// How far before its intent a message may lie, as Slack's clock is not the database's.
const CLOCK_SKEW_MICROS: i64 = 60 * 1_000_000;

/// How to look, and for whom.
pub(super) struct LookUp<'a> {
    pub(super) delivery: &'a Delivery<'a>,
    pub(super) desk: &'a Desk,
    pub(super) stop: &'a Stop,
}

impl LookUp<'_> {
    /// The messages that an earlier generation made visible, or this one in another family, in the
    /// order of their parts; their unknown posts looked up.
    pub(super) async fn earlier(&self, effects: &[Effect]) -> Result<Vec<String>, JobError> {
        let Delivery { generation, family, .. } = self.delivery;
        for group in earlier(effects, *generation, family) {
            let mut visible = Vec::new();
            for effect in group {
                let known = match message(effect) {
                    Some(ts) => Some(ts),
                    None => {
                        let wait = POST_DEADLINE + self.desk.reply_grace;
                        let live = target(effect).live;
                        self.find(&effect.key, effect.intended_at, wait, live).await?
                    }
                };
                visible.extend(known);
            }
            if !visible.is_empty() {
                return Ok(visible);
            }
        }
        Ok(Vec::new())
    }

    /// Waits until the message must have appeared, looks for it, and looks again after a lag. One
    /// that was shown `live` may carry no key yet: then it is the message of ours that carries none.
    pub(super) async fn find(
        &self,
        key: &str,
        intended_at: Timestamp,
        wait: Duration,
        live: bool,
    ) -> Result<Option<String>, JobError> {
        let LookUp { delivery, desk, stop } = self;
        let oldest = Timestamp(intended_at.0.saturating_sub(CLOCK_SKEW_MICROS).max(0));
        let orphans_of = live.then_some(desk.bot.user_id.as_str());
        for pause in [wait, desk.reply_grace / 3] {
            let waited = stop.token().run_until_cancelled(sleep(pause)).await;
            waited.ok_or(JobError::Stopped)?;
            let found = desk
                .slack
                .find_ours(delivery.channel, delivery.thread_ts, oldest, key, orphans_of)
                .await
                .map_err(JobError::slack("looking for an earlier reply"))?;
            let word = if found.is_some() { "adopted" } else { "absent" };
            metrics::counter!("worker_reply_lookups_total", "found" => word).increment(1);
            if let Some(Found::Keyed(ts) | Found::Orphan(ts)) = found {
                return Ok(Some(ts));
            }
        }
        Ok(None)
    }
}
