//! `chat.startStream`, `chat.appendStream`, `chat.stopStream`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Answer, Call, agents, blocks,
    chat::{known_channel, thread_root, writable_channel},
    chunks::{self, Given},
    content,
    refusal::Refusal,
    sessions,
};
use crate::slack::{
    clock::micros,
    message::Message,
    sessions::SessionStatus,
    state::State,
    stream::{BLOCKS_MAX, Chunk, DisplayMode, Shape, Stream, StreamState},
    ts::Ts,
    workspace::{BOT_USER, TEAM},
};

pub(super) fn start(call: &Call<'_>) -> Answer {
    let args = call.args;
    let given = chunks::read(args)?;
    let display_mode = match args.text("task_display_mode").as_deref() {
        None | Some("timeline") => DisplayMode::Timeline,
        Some("plan") => DisplayMode::Plan,
        Some(_) => return Err(Refusal::new("invalid_arguments")),
    };
    let mut state = call.world.state();
    let channel = writable_channel(&state, &args.required("channel")?)?;
    // Listed as optional, but only session channels do without.
    let thread_ts = args.ts("thread_ts", "invalid_thread_ts")?;
    let thread_ts = thread_ts.ok_or_else(|| Refusal::new("invalid_thread_ts"))?;
    let root = thread_root(&state, &channel, Some(thread_ts))
        .map_err(|_| Refusal::new("invalid_thread_ts"))?
        .unwrap_or(thread_ts);
    agents::check_thread(call, &state, &channel, root)?;
    check_recipient(call, &state, &channel)?;
    let lifetime = Duration::from_secs(call.world.settings().stream_lifetime_s);
    let mut stream = Stream::new(call.now_us + micros(lifetime), display_mode);
    let mut text = String::new();
    take_all(&mut stream, &mut text, given)?;
    let ts = state.next_ts(call.now_us);
    let mut message = Message::new(ts, BOT_USER, text);
    message.markdown = true;
    message.thread_ts = Some(root);
    message.persona = content::persona(args);
    message.stream = Some(stream);
    call.world.post(&mut state, &channel, message);
    call.world.set_session(&mut state, &channel, root, SessionStatus::Processing);
    Ok(json!({"channel": channel, "ts": ts}))
}

fn check_recipient(call: &Call<'_>, state: &State, channel: &str) -> Result<(), Refusal> {
    if state.channels.get(channel).is_some_and(|channel| channel.is_direct()) {
        return Ok(());
    }
    let Some(user) = call.args.text("recipient_user_id") else {
        return Err(Refusal::new("missing_recipient_user_id"));
    };
    let Some(team) = call.args.text("recipient_team_id") else {
        return Err(Refusal::new("missing_recipient_team_id"));
    };
    let user = state.users.get(&user).filter(|user| !user.is_external());
    // Of a person of another workspace Slack says the same as of nobody.
    let user = user.ok_or_else(|| Refusal::new("user_not_found"))?;
    if team != TEAM {
        return Err(Refusal::new("team_not_found"));
    }
    agents::check_person(user)
}

pub(super) fn append(call: &Call<'_>) -> Answer {
    let given = chunks::read(call.args)?;
    if given.chunks.is_empty() {
        return Err(Refusal::new("no_text"));
    }
    let mut state = call.world.state();
    let (channel, ts) = open_stream(call, &state)?;
    if let Some(message) = state.message_mut(&channel, ts) {
        // Appended to a copy, so that a refused chunk leaves no trace.
        let (mut text, mut stream) = (message.text.clone(), message.stream.clone());
        if let Some(stream) = &mut stream {
            take_all(stream, &mut text, given)?;
        }
        message.text = text;
        message.stream = stream;
    }
    call.world.feed.message("message_changed", &state, &channel, ts);
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn stop(call: &Call<'_>) -> Answer {
    let given = chunks::read(call.args)?;
    let metadata = content::metadata(call.args)?;
    let session_status = sessions::status_named(call.args.text("session_status"))?;
    let trailing = call.args.structure("blocks", "invalid_blocks_format")?;
    if let Some(trailing) = &trailing {
        blocks::check(trailing, BLOCKS_MAX)?;
    }
    let mut state = call.world.state();
    let (channel, ts) = open_stream(call, &state)?;
    let Some(message) = state.message(&channel, ts) else {
        return Err(Refusal::new("message_not_found"));
    };
    let root = message.thread_ts.unwrap_or(ts);
    let (mut text, mut stream) = (message.text.clone(), message.stream.clone());
    if let Some(stream) = &mut stream {
        take_all(stream, &mut text, given)?;
        stream.state = StreamState::Finished;
        if let Some(Value::Array(trailing)) = trailing.map(blocks::with_ids) {
            stream.blocks.extend(trailing);
        }
    }
    call.world.change(&mut state, &channel, ts, |message| {
        message.text = text;
        message.stream = stream;
        if metadata.is_some() {
            message.metadata = metadata;
        }
    });
    call.world.clear_status(&mut state, &channel, root);
    let status = session_status.unwrap_or(SessionStatus::Active);
    call.world.set_session(&mut state, &channel, root, status);
    let message = state.message(&channel, ts).map(|message| message.render(true));
    Ok(json!({"channel": channel, "ts": ts, "message": message}))
}

/// The message of a call, if it is the bot's own and its stream is open.
fn open_stream(call: &Call<'_>, state: &State) -> Result<(String, Ts), Refusal> {
    let ts = call.args.required_ts("ts", "message_not_found")?;
    let channel = known_channel(state, &call.args.required("channel")?)?;
    let message = state.message(&channel, ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    if !message.is_by_bot() {
        return Err(Refusal::new("message_not_owned_by_app"));
    }
    match &message.stream {
        Some(stream) if stream.state == StreamState::StoppedByUser => {
            Err(Refusal::new("stopped_by_user"))
        }
        Some(stream) if stream.is_open(call.now_us) => Ok((channel, ts)),
        Some(_) | None => Err(Refusal::new("message_not_in_streaming_state")),
    }
}

fn take_all(stream: &mut Stream, text: &mut String, given: Given) -> Result<(), Refusal> {
    if stream.shape == Some(Shape::Text) && given.has_chunks {
        return Err(Refusal::new("streaming_mode_mismatch"));
    }
    if stream.shape.is_none() && !given.chunks.is_empty() {
        stream.shape = Some(if given.has_chunks { Shape::Chunks } else { Shape::Text });
    }
    for chunk in given.chunks {
        if let Chunk::Blocks(blocks) = &chunk {
            if blocks.iter().any(|block| block["type"] == "file") {
                return Err(Refusal::new("internal_error"));
            }
            if stream.blocks.len() + blocks.len() > BLOCKS_MAX {
                return Err(Refusal::new("invalid_blocks"));
            }
        }
        stream.take(chunk, text);
    }
    Ok(())
}
