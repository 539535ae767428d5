//! Who and where: `auth.test`, `api.test`, `apps.connections.open`, `team.info`, `bots.info`.

use serde_json::json;

use super::{Answer, Call, refusal::Refusal};
use crate::slack::{
    handshake,
    workspace::{BOT, BOT_NAME, BOT_USER, TEAM, TEAM_DOMAIN, bot_profile},
};

pub(super) fn auth_test(call: &Call<'_>) -> Answer {
    Ok(json!({
        "url": format!("http://{}/", call.authority), "team": TEAM_DOMAIN, "user": BOT_NAME,
        "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false,
    }))
}

pub(super) fn test(call: &Call<'_>) -> Answer {
    if let Some(error) = call.args.text("error") {
        return Err(Refusal::new(&error));
    }
    Ok(json!({"args": call.args.0}))
}

pub(super) fn open_connection(call: &Call<'_>) -> Answer {
    Ok(json!({"url": handshake::fresh_address(call.world, call.authority)}))
}

pub(super) fn team(call: &Call<'_>) -> Answer {
    Ok(json!({"team": {
        "id": TEAM, "name": "Local", "domain": TEAM_DOMAIN, "email_domain": "",
        "url": format!("http://{}/", call.authority),
        "icon": {"image_default": true}, "avatar_base_url": "", "is_verified": false,
    }}))
}

pub(super) fn bot_info(call: &Call<'_>) -> Answer {
    match call.args.text("bot") {
        Some(bot) if bot != BOT => Err(Refusal::new("bot_not_found")),
        Some(_) | None => Ok(json!({"bot": bot_profile()})),
    }
}

pub(super) fn emoji(_: &Call<'_>) -> Answer {
    Ok(json!({
        "emoji": {"athenaeum": "alias:books"},
        "cache_ts": "1700000000.000000",
    }))
}
