//! `assistant.threads.*`: the status line, title and suggestions of a thread.

use serde_json::{Value, json};

use super::{
    Answer, Call, agents,
    chat::{known_channel, thread_root},
    refusal::Refusal,
};
use crate::slack::{sessions::Status, state::State, ts::Ts};

const LOADING_MESSAGES_MAX: usize = 10;
const PROMPTS_MAX: usize = 4;

pub(super) fn set_status(call: &Call<'_>) -> Answer {
    let status = call.args.text("status").unwrap_or_default();
    let loading = call.args.structure("loading_messages", "invalid_arguments")?;
    let loading: Vec<String> = match loading {
        None => Vec::new(),
        Some(list) => serde_json::from_value(list)
            .ok()
            .filter(|list: &Vec<String>| list.len() <= LOADING_MESSAGES_MAX)
            .ok_or_else(|| Refusal::new("invalid_arguments"))?,
    };
    let mut state = call.world.state();
    let (channel, thread_ts) = thread(call, &state)?;
    if status.is_empty() {
        call.world.clear_status(&mut state, &channel, thread_ts);
        return Ok(json!({}));
    }
    let status = Status { status, loading_messages: loading, set_us: call.now_us };
    call.world.set_status(&mut state, &channel, thread_ts, status);
    Ok(json!({}))
}

pub(super) fn set_title(call: &Call<'_>) -> Answer {
    let title = call.args.required("title")?;
    let mut state = call.world.state();
    let (channel, thread_ts) = thread(call, &state)?;
    call.world.title_session(&mut state, &channel, thread_ts, title);
    Ok(json!({}))
}

pub(super) fn set_prompts(call: &Call<'_>) -> Answer {
    let prompts = call.args.structure("prompts", "invalid_arguments")?;
    let Some(Value::Array(prompts)) = prompts else { return Err(Refusal::missing("prompts")) };
    if prompts.len() > PROMPTS_MAX {
        return Err(Refusal::new("too_many_prompts"));
    }
    if prompts.iter().any(|p| !(p["title"].is_string() && p["message"].is_string())) {
        return Err(Refusal::new("invalid_arguments"));
    }
    agents::check_plan(call)?;
    let state = call.world.state();
    let channel = known_channel(&state, &call.args.required("channel_id")?)?;
    let thread_ts = call.args.ts("thread_ts", "invalid_thread_ts")?;
    let title = call.args.text("title");
    call.world.feed.send(|| {
        json!({"type": "prompts", "channel": channel, "thread_ts": thread_ts,
               "title": title, "prompts": prompts})
    });
    Ok(json!({}))
}

/// The channel and thread root of a call, where the agent may be used.
pub(super) fn thread(call: &Call<'_>, state: &State) -> Result<(String, Ts), Refusal> {
    let channel = known_channel(state, &call.args.required("channel_id")?)?;
    let thread_ts = call.args.ts("thread_ts", "invalid_thread_ts")?;
    let thread_ts = thread_ts.ok_or_else(|| Refusal::new("invalid_thread_ts"))?;
    let root = thread_root(state, &channel, Some(thread_ts))
        .map_err(|_| Refusal::new("invalid_thread_ts"))?
        .unwrap_or(thread_ts);
    agents::check_thread(call, state, &channel, root)?;
    Ok((channel, root))
}
