//! `files.*`: the external upload and `files.info`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, Call,
    chat::{thread_root, writable_channel},
    refusal::Refusal,
};
use crate::slack::{
    files::{FILE_BYTES_MAX, FILES_MAX, File},
    message::Message,
    state,
    workspace::BOT_USER,
    world::fresh_id,
};

pub(super) fn get_upload_url(call: &Call<'_>) -> Answer {
    let name = call.args.required("filename")?;
    let announced_bytes = call.args.number("length").ok_or_else(|| Refusal::missing("length"))?;
    if announced_bytes == 0 || announced_bytes > FILE_BYTES_MAX as u64 {
        return Err(Refusal::new("invalid_arguments"));
    }
    // Time leads the id, so that the oldest file is forgotten first.
    let id = fresh_id(&format!("F{:X}", call.now_us / 1_000));
    let ticket = fresh_id("");
    let address = format!("http://{}/upload/v1/{ticket}", call.authority);
    let file = File {
        id: id.clone(),
        title: name.clone(),
        name,
        user: BOT_USER.into(),
        created_s: call.now_us / 1_000_000,
        ticket: Some(ticket),
        announced_bytes,
        shown: Vec::new(),
        content: None,
    };
    let mut state = call.world.state();
    state.files.insert(id.clone(), file);
    state::keep(&mut state.files, FILES_MAX);
    Ok(json!({"upload_url": address, "file_id": id}))
}

#[derive(Deserialize)]
struct Finished {
    id: String,
    #[serde(default)]
    title: Option<String>,
}

pub(super) fn complete_upload(call: &Call<'_>) -> Answer {
    let list = call.args.structure("files", "invalid_arguments")?;
    let list = list.ok_or_else(|| Refusal::missing("files"))?;
    let finished: Vec<Finished> =
        serde_json::from_value(list).map_err(|_| Refusal::new("invalid_arguments"))?;
    let mut state = call.world.state();
    for Finished { id, .. } in &finished {
        match state.files.get(id) {
            None => return Err(Refusal::new("file_not_found")),
            Some(file) if file.content.is_none() => {
                return Err(Refusal::new("file_upload_not_complete"));
            }
            Some(_) => {}
        }
    }
    let mut targets = call.args.names("channels");
    targets.extend(call.args.text("channel_id"));
    let thread_ts = call.args.ts("thread_ts", "invalid_thread_ts")?;
    let channels = targets
        .iter()
        .map(|target| writable_channel(&state, target))
        .collect::<Result<Vec<String>, Refusal>>()?;
    let ids: Vec<String> = finished.iter().map(|file| file.id.clone()).collect();
    let mut shown: Vec<Value> = Vec::new();
    for Finished { id, title } in finished {
        if let Some(file) = state.files.get_mut(&id) {
            file.ticket = None;
            if let Some(title) = title {
                file.title = title;
            }
            shown.push(file.render(call.authority));
        }
    }
    for channel in channels {
        let root = thread_root(&state, &channel, thread_ts)?;
        let ts = state.next_ts(call.now_us);
        let comment = call.args.text("initial_comment").unwrap_or_default();
        let mut message = Message::new(ts, BOT_USER, comment);
        message.thread_ts = root;
        message.files.clone_from(&shown);
        for id in &ids {
            if let Some(file) = state.files.get_mut(id) {
                file.shown.push((channel.clone(), ts.to_string()));
            }
        }
        call.world.post(&mut state, &channel, message);
    }
    Ok(json!({"files": shown}))
}

pub(super) fn info(call: &Call<'_>) -> Answer {
    let id = call.args.required("file")?;
    let state = call.world.state();
    let file = state.files.get(&id).filter(|file| file.content.is_some());
    let file = file.ok_or_else(|| Refusal::new("file_not_found"))?;
    Ok(json!({
        "file": file.render(call.authority), "comments": [],
        "response_metadata": {"next_cursor": ""},
    }))
}
