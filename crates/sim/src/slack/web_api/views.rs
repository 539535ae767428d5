//! `views.*`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Answer, Call,
    blocks::{self, VIEW_BLOCKS_MAX},
    refusal::Refusal,
};
use crate::slack::{
    clock::micros,
    state::{State, Trigger},
    views::View,
    world::fresh_id,
};

/// How long a trigger may open a view.
const TRIGGER_LIFETIME: Duration = Duration::from_secs(3);
/// How many views lie on each other.
const STACK_MAX: usize = 3;
/// The longest title or button of a modal, in characters.
const LABEL_CHARS_MAX: usize = 24;
/// The longest `private_metadata`, in characters.
const PRIVATE_METADATA_CHARS_MAX: usize = 3_000;

pub(super) fn open(call: &Call<'_>) -> Answer {
    let content = content(call, "modal")?;
    let mut state = call.world.state();
    let trigger = use_trigger(call, &mut state)?;
    let view = call.world.show_modal(&mut state, View::new(&trigger.user, content));
    Ok(json!({"view": view}))
}

/// Lays a view on the modal that a button was pressed in.
pub(super) fn push(call: &Call<'_>) -> Answer {
    let content = content(call, "modal")?;
    let mut state = call.world.state();
    let trigger = use_trigger(call, &mut state)?;
    let below = trigger.view.and_then(|id| state.modals.get(&id));
    let below = below.ok_or_else(|| Refusal::new("not_found"))?;
    let depth = state.modals.values().filter(|view| view.root() == below.root()).count();
    if depth >= STACK_MAX {
        return Err(Refusal::new("push_limit_reached"));
    }
    let view = View::pushed(below, content);
    Ok(json!({"view": call.world.show_modal(&mut state, view)}))
}

/// The trigger of a call, used up.
fn use_trigger(call: &Call<'_>, state: &mut State) -> Result<Trigger, Refusal> {
    let trigger_id = call.args.required("trigger_id")?;
    let trigger = state.triggers.get_mut(&trigger_id);
    let trigger = trigger.ok_or_else(|| Refusal::new("invalid_trigger_id"))?;
    if call.now_us - trigger.made_us > micros(TRIGGER_LIFETIME) {
        return Err(Refusal::new("expired_trigger_id"));
    }
    if trigger.used {
        return Err(Refusal::new("exchanged_trigger_id"));
    }
    trigger.used = true;
    Ok(trigger.clone())
}

pub(super) fn publish(call: &Call<'_>) -> Answer {
    let content = content(call, "home")?;
    let user = call.args.required("user_id")?;
    let mut state = call.world.state();
    if !state.users.contains_key(&user) {
        return Err(Refusal::new("user_not_found"));
    }
    check_hash(call, state.homes.get(&user))?;
    let mut view = View::new(&user, content);
    if let Some(before) = state.homes.get(&user) {
        view.id.clone_from(&before.id);
    }
    Ok(json!({"view": call.world.show_home(&mut state, view)}))
}

pub(super) fn update(call: &Call<'_>) -> Answer {
    let content = content(call, "modal")?;
    let mut state = call.world.state();
    let view_id = call.args.text("view_id");
    let external_id = call.args.text("external_id");
    let found = state.modals.values().find(|view| match (&view_id, &external_id) {
        (Some(id), _) => view.id == *id,
        (None, Some(external)) => view.content["external_id"] == json!(external),
        (None, None) => false,
    });
    let mut view = found.cloned().ok_or_else(|| Refusal::new("not_found"))?;
    check_hash(call, Some(&view))?;
    view.content = content;
    view.hash = fresh_id("");
    Ok(json!({"view": call.world.show_modal(&mut state, view)}))
}

fn check_hash(call: &Call<'_>, view: Option<&View>) -> Result<(), Refusal> {
    match (call.args.text("hash"), view) {
        (Some(hash), Some(view)) if hash != view.hash => Err(Refusal::new("hash_conflict")),
        (Some(_) | None, _) => Ok(()),
    }
}

fn content(call: &Call<'_>, kind: &str) -> Result<Value, Refusal> {
    let view = call.args.structure("view", "invalid_arguments")?;
    let mut view = view.ok_or_else(|| Refusal::missing("view"))?;
    if view["type"] != kind {
        return Err(invalid(&format!("must be a {kind} view"), "type"));
    }
    blocks::check(&view["blocks"], VIEW_BLOCKS_MAX)?;
    if kind == "modal" {
        check_modal(&view)?;
    }
    let metadata = view["private_metadata"].as_str().unwrap_or_default();
    if metadata.chars().count() > PRIVATE_METADATA_CHARS_MAX {
        return Err(invalid("must be less than 3001 characters", "private_metadata"));
    }
    view["blocks"] = blocks::with_ids(view["blocks"].take());
    Ok(view)
}

fn check_modal(view: &Value) -> Result<(), Refusal> {
    for label in ["title", "submit", "close"] {
        let text = view[label]["text"].as_str();
        if label == "title" && text.is_none() {
            return Err(invalid("missing required field: title", "title"));
        }
        if text.is_some_and(|text| text.chars().count() > LABEL_CHARS_MAX) {
            return Err(invalid("must be less than 25 characters", label));
        }
    }
    let asks = view["blocks"].as_array().into_iter().flatten().any(|b| b["type"] == "input");
    if asks && view["submit"].is_null() {
        return Err(invalid("missing required field: submit", "submit"));
    }
    Ok(())
}

fn invalid(problem: &str, place: &str) -> Refusal {
    let message = format!("[ERROR] {problem} [json-pointer:/view/{place}]");
    Refusal::detailed("invalid_arguments", message)
}
