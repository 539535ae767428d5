//! `usergroups.*`.

use serde_json::{Value, json};

use super::{Answer, Call, refusal::Refusal};

pub(super) fn list(call: &Call<'_>) -> Answer {
    let with_users = call.args.flag("include_users");
    let state = call.world.state();
    let groups: Vec<Value> =
        state.usergroups.values().map(|group| group.render(with_users)).collect();
    Ok(json!({"usergroups": groups}))
}

pub(super) fn members(call: &Call<'_>) -> Answer {
    let id = call.args.required("usergroup")?;
    let state = call.world.state();
    let group = state.usergroups.get(&id).ok_or_else(|| Refusal::new("no_such_subteam"))?;
    Ok(json!({"users": group.users}))
}
