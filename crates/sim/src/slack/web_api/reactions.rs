//! `reactions.*`.

use serde_json::json;

use super::{Answer, Call, chat::writable_channel, refusal::Refusal};
use crate::slack::{ts::Ts, workspace::BOT_USER};

/// The most different emoji on one message.
const EMOJI_MAX: usize = 23;

struct Target {
    channel: String,
    ts: Ts,
    name: String,
}

fn target(call: &Call<'_>) -> Result<Target, Refusal> {
    let ts = call.args.ts("timestamp", "bad_timestamp")?;
    let ts = ts.ok_or_else(|| Refusal::new("no_item_specified"))?;
    let name = call.args.required("name")?;
    let name = name.trim_matches(':').to_owned();
    if !is_emoji_name(&name) {
        return Err(Refusal::new("invalid_name"));
    }
    Ok(Target { channel: call.args.required("channel")?, ts, name })
}

fn is_emoji_name(name: &str) -> bool {
    let plain = name.split("::skin-tone-").next().unwrap_or_default();
    !plain.is_empty()
        && name.len() <= 100
        && plain.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-+'".contains(c))
}

pub(super) fn add(call: &Call<'_>) -> Answer {
    let Target { channel, ts, name } = target(call)?;
    let mut state = call.world.state();
    let channel = writable_channel(&state, &channel)?;
    let message = state.message(&channel, ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    let is_new = !message.reactions.iter().any(|reaction| reaction.name == name);
    if is_new && message.reactions.len() >= EMOJI_MAX {
        return Err(Refusal::new("too_many_emoji"));
    }
    if !call.world.react(&mut state, (&channel, ts), (BOT_USER, &name), true) {
        return Err(Refusal::new("already_reacted"));
    }
    Ok(json!({}))
}

pub(super) fn remove(call: &Call<'_>) -> Answer {
    let Target { channel, ts, name } = target(call)?;
    let mut state = call.world.state();
    let channel = writable_channel(&state, &channel)?;
    if state.message(&channel, ts).is_none() {
        return Err(Refusal::new("message_not_found"));
    }
    if !call.world.react(&mut state, (&channel, ts), (BOT_USER, &name), false) {
        return Err(Refusal::new("no_reaction"));
    }
    Ok(json!({}))
}

pub(super) fn get(call: &Call<'_>) -> Answer {
    let ts = call.args.required_ts("timestamp", "bad_timestamp")?;
    let state = call.world.state();
    let channel = writable_channel(&state, &call.args.required("channel")?)?;
    let message = state.message(&channel, ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    Ok(json!({"type": "message", "channel": channel, "message": message.render(false)}))
}
