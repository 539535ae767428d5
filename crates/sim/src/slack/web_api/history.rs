//! `conversations.history` and `conversations.replies`.

use serde_json::{Value, json};

use super::{Answer, Call, conversations::scoped_channel, page, refusal::Refusal};
use crate::slack::{channel::Channel, message::Message, ts::Ts};

/// The most messages of a page, and how many there are unless asked.
const PAGE_MESSAGES_MAX: usize = 999;
const HISTORY_PAGE: usize = 100;
const REPLIES_PAGE: usize = 1_000;

/// The part of time that a call asks for, and what is visible at all.
struct Window {
    oldest: Option<Ts>,
    latest: Option<Ts>,
    inclusive: bool,
    /// Messages after this are not shown yet (`history_lag_s`).
    visible_until: Ts,
}

impl Window {
    fn read(call: &Call<'_>) -> Result<Self, Refusal> {
        let lag_us =
            i64::try_from(call.world.settings().history_lag_s).unwrap_or(i64::MAX / 2_000_000);
        Ok(Self {
            oldest: time(call, "oldest", "invalid_ts_oldest")?,
            latest: time(call, "latest", "invalid_ts_latest")?,
            inclusive: call.args.flag("inclusive"),
            // Under a clock that stands still, timestamps run a little ahead of it.
            visible_until: if lag_us == 0 {
                Ts(i64::MAX)
            } else {
                Ts(call.now_us - lag_us * 1_000_000)
            },
        })
    }

    fn holds(&self, ts: Ts) -> bool {
        let after =
            self.oldest.is_none_or(|oldest| ts > oldest || (self.inclusive && ts == oldest));
        let before =
            self.latest.is_none_or(|latest| ts < latest || (self.inclusive && ts == latest));
        after && before && ts <= self.visible_until
    }
}

pub(super) fn history(call: &Call<'_>) -> Answer {
    let window = Window::read(call)?;
    let limit = page::limit(call.args, HISTORY_PAGE, PAGE_MESSAGES_MAX)?;
    let before: Option<i64> = cursor(call, "next_ts")?;
    let state = call.world.state();
    let channel = scoped_channel(call, &state, "history")?;
    let mut found = channel
        .messages
        .values()
        .rev()
        .filter(|message| !message.is_reply() || message.broadcast)
        .filter(|message| before.is_none_or(|before| message.ts.0 < before))
        .filter(|message| window.holds(message.ts));
    let messages: Vec<&Message> = found.by_ref().take(limit).collect();
    let has_more = found.next().is_some();
    let next = messages.last().filter(|_| has_more).map(|last| last.ts);
    Ok(answer(call, &messages, next.map(|ts| page::write("next_ts", &ts.0.to_string()))))
}

pub(super) fn replies(call: &Call<'_>) -> Answer {
    let window = Window::read(call)?;
    let limit = page::limit(call.args, REPLIES_PAGE, REPLIES_PAGE)?;
    let after: Option<i64> = cursor(call, "after_ts")?;
    let ts = call.args.required_ts("ts", "invalid_ts")?;
    let state = call.world.state();
    let channel = scoped_channel(call, &state, "history")?;
    let (root, replies) = thread(channel, ts)?;
    let mut found = replies
        .filter(|message| after.is_none_or(|after| message.ts.0 > after))
        .filter(|message| window.holds(message.ts));
    // Every page begins with the root.
    let mut messages = vec![root];
    messages.extend(found.by_ref().take(limit.saturating_sub(1).max(1)));
    let has_more = found.next().is_some();
    let next = messages.last().filter(|_| has_more).map(|last| last.ts);
    Ok(answer(call, &messages, next.map(|ts| page::write("after_ts", &ts.0.to_string()))))
}

/// The root that `ts` names and its replies; a reply's own ts shows that reply alone.
fn thread(
    channel: &Channel,
    ts: Ts,
) -> Result<(&Message, impl Iterator<Item = &Message>), Refusal> {
    let root = channel.messages.get(&ts).ok_or_else(|| Refusal::new("thread_not_found"))?;
    Ok((root, root.replies.iter().filter_map(|reply| channel.messages.get(reply))))
}

/// A time as callers make it: also with more digits than a timestamp has.
fn time(call: &Call<'_>, name: &str, error: &str) -> Result<Option<Ts>, Refusal> {
    let Some(text) = call.args.text(name) else { return Ok(None) };
    let end = text.find('.').map_or(text.len(), |point| text.len().min(point + 7));
    let time = text.get(..end).and_then(|text| text.parse().ok());
    time.map(Some).ok_or_else(|| Refusal::new(error))
}

fn cursor(call: &Call<'_>, kind: &str) -> Result<Option<i64>, Refusal> {
    let Some(cursor) = call.args.text("cursor") else { return Ok(None) };
    page::read(&cursor, kind).map(Some).ok_or_else(|| Refusal::new("invalid_cursor"))
}

fn answer(call: &Call<'_>, messages: &[&Message], next_cursor: Option<String>) -> Value {
    let with_metadata = call.args.flag("include_all_metadata");
    let rendered: Vec<Value> =
        messages.iter().map(|message| message.render(with_metadata)).collect();
    let mut answer = json!({"messages": rendered, "has_more": next_cursor.is_some()});
    if let Some(next_cursor) = next_cursor {
        answer["response_metadata"] = json!({"next_cursor": next_cursor});
    }
    answer
}
