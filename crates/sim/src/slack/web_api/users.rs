//! `users.*`.

use serde_json::{Value, json};

use super::{Answer, Call, conversations::listed, page, page::Page, refusal::Refusal};
use crate::slack::workspace::{BOT_USER, User};

const PAGE_USUAL: usize = 200;
const PAGE_MAX: usize = 1_000;

pub(super) fn list(call: &Call<'_>) -> Answer {
    let with_email = with_email(call);
    let state = call.world.state();
    let users: Vec<&User> = state.users.values().collect();
    let limit = page::limit(call.args, PAGE_USUAL, PAGE_MAX)?;
    let page = Page::of_list(call.args, users.len(), limit)?;
    let members: Vec<Value> =
        users[page.range.clone()].iter().map(|user| user.render(with_email)).collect();
    Ok(json!({
        "members": members, "cache_ts": call.now_us / 1_000_000,
        "response_metadata": page.metadata(),
    }))
}

pub(super) fn info(call: &Call<'_>) -> Answer {
    let id = call.args.required("user")?;
    let with_email = with_email(call);
    let state = call.world.state();
    let user = state.users.get(&id).ok_or_else(|| Refusal::new("user_not_found"))?;
    Ok(json!({"user": user.render(with_email)}))
}

pub(super) fn profile(call: &Call<'_>) -> Answer {
    let id = call.args.text("user").unwrap_or_else(|| BOT_USER.to_owned());
    let with_email = with_email(call);
    let state = call.world.state();
    let user = state.users.get(&id).ok_or_else(|| Refusal::new("user_not_found"))?;
    Ok(json!({"profile": user.profile(with_email)}))
}

pub(super) fn conversations(call: &Call<'_>) -> Answer {
    let user = call.args.text("user").unwrap_or_else(|| BOT_USER.to_owned());
    let state = call.world.state();
    if !state.users.contains_key(&user) {
        return Err(Refusal::new("user_not_found"));
    }
    listed(call, state.channels.values().filter(|channel| channel.members.contains(&user)))
}

fn with_email(call: &Call<'_>) -> bool {
    call.world.settings().scopes.contains("users:read.email")
}
