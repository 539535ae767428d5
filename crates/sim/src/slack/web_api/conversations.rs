//! `conversations.*`, except messages.

use serde_json::{Value, json};

use super::{Answer, Call, methods::require_scope, page, page::Page, refusal::Refusal, warn};
use crate::slack::{
    channel::{Channel, Kind},
    state::State,
    workspace::BOT_USER,
};

/// The most channels or members of a page.
const PAGE_MAX: usize = 1_000;
const PAGE_USUAL: usize = 100;
/// The most people of a group DM, the bot aside.
const GROUP_PEOPLE_MAX: usize = 8;

/// The channel of a call, if the bot may see it and has the scope `{type}:{right}` for its type.
pub(super) fn scoped_channel<'a>(
    call: &Call<'_>,
    state: &'a State,
    right: &str,
) -> Result<&'a Channel, Refusal> {
    let id = call.args.required("channel")?;
    let channel = state.channels.get(&id).ok_or_else(|| Refusal::new("channel_not_found"))?;
    require_scope(call, &format!("{}:{right}", scope_family(&channel.kind)))?;
    let is_member = channel.members.contains(BOT_USER);
    if channel.kind != Kind::Public && !is_member {
        return Err(Refusal::new("channel_not_found"));
    }
    if right == "history" && !is_member {
        return Err(Refusal::new("not_in_channel"));
    }
    Ok(channel)
}

fn scope_family(kind: &Kind) -> &'static str {
    match kind {
        Kind::Public => "channels",
        Kind::Private => "groups",
        Kind::Direct(_) => "im",
        Kind::Group => "mpim",
    }
}

pub(super) fn list(call: &Call<'_>) -> Answer {
    let state = call.world.state();
    listed(call, state.channels.values())
}

/// A page of the channels that have the types a call asks for.
pub(super) fn listed<'a>(call: &Call<'_>, channels: impl Iterator<Item = &'a Channel>) -> Answer {
    let mut types = call.args.names("types");
    if types.is_empty() {
        types.push("public_channel".into());
    }
    if types
        .iter()
        .any(|t| !["public_channel", "private_channel", "im", "mpim"].contains(&t.as_str()))
    {
        return Err(Refusal::new("invalid_types"));
    }
    let asked = |kind: &Kind| {
        let name = match kind {
            Kind::Public => "public_channel",
            Kind::Private => "private_channel",
            Kind::Direct(_) => "im",
            Kind::Group => "mpim",
        };
        types.iter().any(|asked| asked == name)
    };
    let found: Vec<&Channel> = channels
        .filter(|channel| asked(&channel.kind))
        .filter(|channel| channel.kind == Kind::Public || channel.members.contains(BOT_USER))
        .collect();
    let limit = page::limit(call.args, PAGE_USUAL, PAGE_MAX)?;
    let page = Page::of_list(call.args, found.len(), limit)?;
    let channels: Vec<Value> =
        found[page.range.clone()].iter().map(|channel| channel.render()).collect();
    Ok(json!({"channels": channels, "response_metadata": page.metadata()}))
}

pub(super) fn info(call: &Call<'_>) -> Answer {
    let state = call.world.state();
    let mut channel = scoped_channel(call, &state, "read")?.render();
    if !call.args.flag("include_num_members")
        && let Some(object) = channel.as_object_mut()
    {
        object.remove("num_members");
    }
    Ok(json!({"channel": channel}))
}

pub(super) fn members(call: &Call<'_>) -> Answer {
    let state = call.world.state();
    let channel = scoped_channel(call, &state, "read")?;
    let members: Vec<&String> = channel.members.iter().collect();
    let limit = page::limit(call.args, PAGE_USUAL, PAGE_MAX)?;
    let page = Page::of_list(call.args, members.len(), limit)?;
    Ok(json!({"members": members[page.range.clone()], "response_metadata": page.metadata()}))
}

/// With one person their DM with the bot, with several the DM of all of them.
pub(super) fn open(call: &Call<'_>) -> Answer {
    let people = call.args.names("users");
    let mut state = call.world.state();
    let (id, was_open) = match (call.args.text("channel"), people.as_slice()) {
        (Some(id), _) => (id, true),
        (None, []) => return Err(Refusal::new("users_list_not_supplied")),
        (None, [user]) => {
            let found = state.direct_with(user).map(|channel| channel.id.clone());
            (found.ok_or_else(|| Refusal::new("user_not_found"))?, true)
        }
        (None, people) => opened_group(call, &mut state, people)?,
    };
    let channel = state.channels.get(&id).filter(|channel| !channel.is_channel());
    let channel = channel.ok_or_else(|| Refusal::new("channel_not_found"))?;
    let shown =
        if call.args.flag("return_im") { channel.render() } else { json!({"id": channel.id}) };
    Ok(json!({"no_op": was_open, "already_open": was_open, "channel": shown}))
}

fn opened_group(
    call: &Call<'_>,
    state: &mut State,
    people: &[String],
) -> Result<(String, bool), Refusal> {
    require_scope(call, "mpim:write")?;
    if people.len() > GROUP_PEOPLE_MAX {
        return Err(Refusal::new("too_many_users"));
    }
    if people.iter().all(|person| person == &people[0] || person == BOT_USER) {
        return Err(Refusal::new("not_enough_users"));
    }
    if people.iter().any(|person| !state.users.contains_key(person)) {
        return Err(Refusal::new("user_not_found"));
    }
    Ok(call.world.open_group(state, people))
}

pub(super) fn join(call: &Call<'_>) -> Answer {
    let id = call.args.required("channel")?;
    let mut state = call.world.state();
    let channel = state.channels.get(&id).ok_or_else(|| Refusal::new("channel_not_found"))?;
    if channel.kind != Kind::Public {
        return Err(Refusal::new("method_not_supported_for_channel_type"));
    }
    if channel.archived {
        return Err(Refusal::new("is_archived"));
    }
    let mut answer = json!({});
    if !call.world.join(&mut state, &id, BOT_USER, None) {
        warn(&mut answer, "already_in_channel");
    }
    answer["channel"] = state.channels.get(&id).map(Channel::render).unwrap_or_default();
    Ok(answer)
}

pub(super) fn leave(call: &Call<'_>) -> Answer {
    let id = call.args.required("channel")?;
    let mut state = call.world.state();
    let channel = state.channels.get(&id).ok_or_else(|| Refusal::new("channel_not_found"))?;
    if !channel.is_channel() {
        return Err(Refusal::new("method_not_supported_for_channel_type"));
    }
    if !call.world.leave(&mut state, &id, BOT_USER, None) {
        return Ok(json!({"not_in_channel": true}));
    }
    Ok(json!({}))
}
