//! `assistant.search.context`: what the person who asked could find themselves.
//!
//! <https://docs.slack.dev/apis/web-api/real-time-search-api/>. It finds by words alone: the search
//! by meaning is a matter of the plan.

use serde_json::{Value, json};

use super::{Answer, Call, agents, chat, page, page::Page, refusal::Refusal};
use crate::slack::{
    channel::{Channel, Kind},
    message::Message,
    state::{ActionToken, State},
    workspace::TEAM,
};

/// The most results of a page, and how many there are unless asked.
const RESULTS_MAX: usize = 20;

pub(super) fn context(call: &Call<'_>) -> Answer {
    let query = call.args.required("query")?.to_lowercase();
    let token = call.args.required("action_token")?;
    let limit = page::limit(call.args, RESULTS_MAX, RESULTS_MAX)?;
    let state = call.world.state();
    let asked = state.action_tokens.get(&token);
    let asked = asked.ok_or_else(|| Refusal::new("invalid_action_token"))?;
    if let Some(asker) = state.users.get(&asked.user) {
        agents::check_person(asker)?;
    }
    let words: Vec<&str> = query.split_whitespace().collect();
    let found: Vec<(&Channel, &Message)> = reachable(&state, asked)
        .flat_map(|channel| channel.messages.values().rev().map(move |message| (channel, message)))
        .filter(|(_, message)| !message.tombstone && message.note.is_none())
        .filter(|(_, message)| holds_any(&message.text, &words))
        .collect();
    let page = Page::of_list(call.args, found.len(), limit)?;
    let messages: Vec<Value> = found[page.range.clone()]
        .iter()
        .map(|(channel, message)| shown(call, &state, channel, message))
        .collect();
    Ok(json!({"results": {"messages": messages}, "response_metadata": page.metadata()}))
}

/// From a public channel the public ones are searched, from any other place that place as well.
fn reachable<'a>(
    state: &'a State,
    asked: &'a ActionToken,
) -> impl Iterator<Item = &'a Channel> + 'a {
    let is_reachable = move |channel: &&Channel| {
        channel.kind == Kind::Public
            || (channel.id == asked.channel && channel.members.contains(&asked.user))
    };
    state.channels.values().filter(is_reachable)
}

fn holds_any(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().any(|word| text.contains(word))
}

fn shown(call: &Call<'_>, state: &State, channel: &Channel, message: &Message) -> Value {
    let author = state.users.get(&message.user);
    json!({
        "author_user_id": message.user,
        "author_name": author.map(|author| author.real_name.as_str()),
        "team_id": message.team.as_deref().unwrap_or(TEAM), "channel_id": channel.id,
        "channel_name": channel.name, "message_ts": message.ts, "content": message.text,
        "is_author_bot": message.is_by_bot(),
        "permalink": chat::address(call, &channel.id, message),
    })
}
