//! `chat.*`, except streams.

use serde_json::json;

use super::{
    Answer, Call,
    content::{self, Content, UPDATE_TEXT_CHARS_MAX},
    methods::require_scope,
    refusal::Refusal,
};
use crate::slack::{
    message::{Edited, Message},
    state::State,
    ts::Ts,
    workspace::BOT_USER,
};

pub(super) fn post(call: &Call<'_>) -> Answer {
    let args = call.args;
    let content = Content::read(args)?;
    let persona = content::persona(args);
    if persona.is_some() {
        require_scope(call, "chat:write.customize")?;
    }
    let thread_ts = args.ts("thread_ts", "invalid_thread_ts")?;
    let mut state = call.world.state();
    let channel = writable_channel(&state, &args.required("channel")?)?;
    if content.is_empty() {
        return Err(Refusal::new("no_text"));
    }
    let root = thread_root(&state, &channel, thread_ts)?;
    let mut first = None;
    for text in content.parts() {
        let ts = state.next_ts(call.now_us);
        let mut message = Message::new(ts, BOT_USER, text);
        content.dress(&mut message);
        message.persona.clone_from(&persona);
        message.thread_ts = root;
        message.broadcast = root.is_some() && args.flag("reply_broadcast");
        call.world.post(&mut state, &channel, message);
        first.get_or_insert(ts);
    }
    let first = first.ok_or_else(|| Refusal::new("no_text"))?;
    let message = state.message(&channel, first).map(|message| message.render(true));
    Ok(json!({"channel": channel, "ts": first, "message": message}))
}

pub(super) fn update(call: &Call<'_>) -> Answer {
    let args = call.args;
    let content = Content::read(args)?;
    let ts = args.required_ts("ts", "message_not_found")?;
    let mut state = call.world.state();
    let channel = known_channel(&state, &args.required("channel")?)?;
    let message = own_message(&state, &channel, ts, "cant_update_message")?;
    if message.stream.as_ref().is_some_and(|stream| stream.is_open(call.now_us)) {
        return Err(Refusal::new("streaming_state_conflict"));
    }
    if content.is_empty() {
        return Err(Refusal::new("no_text"));
    }
    if !content.markdown && content.text.chars().count() > UPDATE_TEXT_CHARS_MAX {
        return Err(Refusal::new("msg_too_long"));
    }
    let edited = Edited { user: BOT_USER.into(), ts: Ts(call.now_us) };
    call.world.change(&mut state, &channel, ts, |message| {
        // What was streamed is replaced as a whole.
        message.stream = None;
        if content.has_text {
            message.text.clone_from(&content.text);
            message.markdown = content.markdown;
        }
        if content.blocks.is_some() || content.has_text {
            message.blocks.clone_from(&content.blocks);
        }
        if content.attachments.is_some() {
            message.attachments.clone_from(&content.attachments);
        }
        if content.metadata.is_some() {
            message.metadata.clone_from(&content.metadata);
        }
        // Slack marks no message whose blocks were given anew.
        if content.blocks.is_none() {
            message.edited = Some(edited);
        }
    });
    let message = state.message(&channel, ts).map(|message| message.render(true));
    Ok(json!({"channel": channel, "ts": ts, "text": content.text, "message": message}))
}

pub(super) fn delete(call: &Call<'_>) -> Answer {
    let ts = call.args.required_ts("ts", "message_not_found")?;
    let mut state = call.world.state();
    let channel = known_channel(&state, &call.args.required("channel")?)?;
    own_message(&state, &channel, ts, "cant_delete_message")?;
    call.world.delete(&mut state, &channel, ts);
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn post_ephemeral(call: &Call<'_>) -> Answer {
    let content = Content::read(call.args)?;
    let user = call.args.required("user")?;
    let thread_ts = call.args.ts("thread_ts", "invalid_thread_ts")?;
    let mut state = call.world.state();
    let channel = writable_channel(&state, &call.args.required("channel")?)?;
    if !state.channels.get(&channel).is_some_and(|channel| channel.members.contains(&user)) {
        return Err(Refusal::new("user_not_in_channel"));
    }
    if content.is_empty() {
        return Err(Refusal::new("no_text"));
    }
    let ts = state.next_ts(call.now_us);
    let mut message = Message::new(ts, BOT_USER, content.text.clone());
    content.dress(&mut message);
    message.thread_ts = thread_ts;
    call.world.whisper(&mut state, &channel, &user, message);
    Ok(json!({"message_ts": ts}))
}

pub(super) fn permalink(call: &Call<'_>) -> Answer {
    let ts = call.args.required_ts("message_ts", "message_not_found")?;
    let state = call.world.state();
    let channel = known_channel(&state, &call.args.required("channel")?)?;
    let message = state.message(&channel, ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    Ok(json!({"channel": channel, "permalink": address(call, &channel, message)}))
}

/// The address of a message.
pub(super) fn address(call: &Call<'_>, channel: &str, message: &Message) -> String {
    let digits = message.ts.to_string().replace('.', "");
    let mut address = format!("http://{}/archives/{channel}/p{digits}", call.authority);
    if let Some(root) = message.thread_ts.filter(|root| *root != message.ts) {
        address.push_str(&format!("?thread_ts={root}&cid={channel}"));
    }
    address
}

/// The id of a channel that the bot may write to, given by id, name or a person's id.
pub(super) fn writable_channel(state: &State, name: &str) -> Result<String, Refusal> {
    let channel = state.find_channel(name).ok_or_else(|| Refusal::new("channel_not_found"))?;
    if !channel.members.contains(BOT_USER) {
        return Err(Refusal::new("not_in_channel"));
    }
    if channel.archived {
        return Err(Refusal::new("is_archived"));
    }
    Ok(channel.id.clone())
}

/// The id of a channel given by its id.
pub(super) fn known_channel(state: &State, id: &str) -> Result<String, Refusal> {
    let channel = state.channels.get(id).ok_or_else(|| Refusal::new("channel_not_found"))?;
    Ok(channel.id.clone())
}

/// The root of the thread to reply in.
pub(super) fn thread_root(
    state: &State,
    channel: &str,
    thread_ts: Option<Ts>,
) -> Result<Option<Ts>, Refusal> {
    let Some(thread_ts) = thread_ts else { return Ok(None) };
    let root = state.channels.get(channel).and_then(|channel| channel.root_of(thread_ts));
    root.map(Some).ok_or_else(|| Refusal::new("thread_not_found"))
}

fn own_message<'a>(
    state: &'a State,
    channel: &str,
    ts: Ts,
    refused: &str,
) -> Result<&'a Message, Refusal> {
    let message = state.message(channel, ts).ok_or_else(|| Refusal::new("message_not_found"))?;
    if !message.is_by_bot() {
        return Err(Refusal::new(refused));
    }
    Ok(message)
}
