//! `views.*`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Answer, Call,
    blocks::{self, VIEW_BLOCKS_MAX},
    refusal::Refusal,
};
use crate::slack::{clock::micros, views::View, world::fresh_id};

/// How long a trigger may open a view.
const TRIGGER_LIFETIME: Duration = Duration::from_secs(3);

pub(super) fn open(call: &Call<'_>) -> Answer {
    let content = content(call, "modal")?;
    let trigger_id = call.args.required("trigger_id")?;
    let mut state = call.world.state();
    let trigger = state.triggers.get(&trigger_id).cloned();
    let trigger = trigger.ok_or_else(|| Refusal::new("invalid_trigger_id"))?;
    if call.now_us - trigger.made_us > micros(TRIGGER_LIFETIME) {
        return Err(Refusal::new("expired_trigger_id"));
    }
    if trigger.used {
        return Err(Refusal::new("exchanged_trigger_id"));
    }
    if let Some(trigger) = state.triggers.get_mut(&trigger_id) {
        trigger.used = true;
    }
    let view = call.world.show_modal(&mut state, View::new(&trigger.user, content));
    Ok(json!({"view": view}))
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
    let view = view.ok_or_else(|| Refusal::missing("view"))?;
    if view["type"] != kind {
        return Err(Refusal::detailed(
            "invalid_arguments",
            format!("[ERROR] must be a {kind} view [json-pointer:/view/type]"),
        ));
    }
    blocks::check(&view["blocks"], VIEW_BLOCKS_MAX)?;
    Ok(view)
}
