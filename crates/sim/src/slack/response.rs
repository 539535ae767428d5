//! The app's answers to interactions: in its acknowledgement, or through a `response_url`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    clock::micros,
    message::Message,
    state::{ResponseUrl, State, TRIGGERS_MAX, keep},
    ts::Ts,
    views::View,
    web_api::blocks,
    workspace::BOT_USER,
    world::{World, fresh_id},
};

/// How long a `response_url` may be used.
const RESPONSE_URL_LIFETIME: Duration = Duration::from_secs(30 * 60);

impl World {
    /// Shows a message to one person alone.
    pub fn whisper(&self, state: &mut State, channel: &str, user: &str, message: Message) {
        self.feed.send(|| {
            json!({"type": "ephemeral", "channel": channel, "user": user,
                   "message": message.render(true)})
        });
        let key = (channel.to_owned(), message.ts);
        state.whispers.insert(key, (user.to_owned(), message));
        keep(&mut state.whispers, TRIGGERS_MAX);
    }

    /// Changes or deletes what only one person sees; false when it is no such message.
    fn change_whisper(
        &self,
        state: &mut State,
        target: &ResponseUrl,
        ts: Ts,
        answer: &Value,
    ) -> bool {
        let Some((user, mut message)) = state.whispers.remove(&(target.channel.clone(), ts)) else {
            return false;
        };
        if answer["delete_original"] == true {
            let channel = &target.channel;
            self.feed.send(|| json!({"type": "message_deleted", "channel": channel, "ts": ts}));
        } else {
            rewrite(&mut message, answer);
            self.whisper(state, &target.channel, &user, message);
        }
        true
    }

    /// Posts an answer, to all or to the one who asked.
    fn respond(&self, target: &ResponseUrl, answer: &Value) {
        let mut state = self.state();
        let ts = state.next_ts(self.clock.now_us());
        let text = answer["text"].as_str().unwrap_or_default();
        let mut message = Message::new(ts, BOT_USER, text.to_owned());
        message.blocks = blocks_of(answer);
        message.thread_ts = target.thread_ts.filter(|_| answer["thread_ts"].is_string());
        if answer["response_type"] == "in_channel" {
            self.post(&mut state, &target.channel, message);
        } else {
            self.whisper(&mut state, &target.channel, &target.user, message);
        }
    }
}

/// The acknowledgement of a slash command may carry the answer to it.
pub(super) fn to_command(world: &World, trigger_id: &str, answer: &Value) {
    if answer["text"].is_null() && answer["blocks"].is_null() {
        return;
    }
    let Some(trigger) = world.state().triggers.get(trigger_id).cloned() else { return };
    let target = ResponseUrl {
        channel: trigger.channel.unwrap_or_default(),
        user: trigger.user,
        message: None,
        thread_ts: None,
        made_us: trigger.made_us,
        uses_left: 1,
    };
    world.respond(&target, answer);
}

/// The acknowledgement of a submitted view closes it, unless it says otherwise.
pub(super) fn to_view(world: &World, trigger_id: &str, answer: &Value) {
    let mut state = world.state();
    let Some(trigger) = state.triggers.get(trigger_id).cloned() else { return };
    let Some(view_id) = trigger.view.filter(|_| trigger.submitted) else { return };
    match answer["response_action"].as_str() {
        // The modal stays, with the errors on it.
        Some("errors") => {
            world.feed.send(|| {
                json!({"type": "view_errors", "user": trigger.user, "view_id": view_id,
                       "errors": answer["errors"]})
            });
        }
        Some("update") => {
            let Some(mut view) = state.modals.get(&view_id).cloned() else { return };
            view.content = view_of(answer);
            view.hash = fresh_id("");
            world.show_modal(&mut state, view);
        }
        Some("push") => {
            let Some(below) = state.modals.get(&view_id) else { return };
            let view = View::pushed(below, view_of(answer));
            world.show_modal(&mut state, view);
        }
        Some("clear") => world.close_stack(&mut state, &view_id),
        Some(_) | None => world.close_modal(&mut state, &view_id),
    }
}

/// `POST /response/{secret}`: an answer after the acknowledgement, up to five times in half an hour.
pub(super) async fn to_url(
    Shared(world): Shared<Arc<World>>,
    Path(secret): Path<String>,
    Json(answer): Json<Value>,
) -> Response {
    let target = {
        let oldest_us = world.clock.now_us() - micros(RESPONSE_URL_LIFETIME);
        let mut state = world.state();
        match state.response_urls.get_mut(&secret) {
            Some(target) if target.made_us < oldest_us => {
                return (StatusCode::NOT_FOUND, "expired_url").into_response();
            }
            Some(target) if target.uses_left > 0 => {
                target.uses_left -= 1;
                Some(target.clone())
            }
            Some(_) | None => None,
        }
    };
    let Some(target) = target else {
        return (StatusCode::NOT_FOUND, "used_url").into_response();
    };
    let Some(message) = target
        .message
        .filter(|_| answer["replace_original"] == true || answer["delete_original"] == true)
    else {
        world.respond(&target, &answer);
        return "ok".into_response();
    };
    let mut state = world.state();
    if world.change_whisper(&mut state, &target, message, &answer) {
        return "ok".into_response();
    }
    if answer["delete_original"] == true {
        world.delete(&mut state, &target.channel, message);
    } else {
        world.change(&mut state, &target.channel, message, |message| rewrite(message, &answer));
    }
    "ok".into_response()
}

fn rewrite(message: &mut Message, answer: &Value) {
    if let Some(text) = answer["text"].as_str() {
        message.text = text.to_owned();
    }
    message.blocks = blocks_of(answer);
}

fn view_of(answer: &Value) -> Value {
    let mut view = answer["view"].clone();
    if view.is_object() {
        view["blocks"] = blocks::with_ids(view["blocks"].take());
    }
    view
}

fn blocks_of(answer: &Value) -> Option<Value> {
    answer.get("blocks").filter(|blocks| blocks.is_array()).cloned().map(blocks::with_ids)
}
