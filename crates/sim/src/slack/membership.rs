//! Who comes into a channel and who goes, and what the app hears of it.
//!
//! Shapes: <https://docs.slack.dev/reference/events/member_joined_channel/>,
//! <https://docs.slack.dev/reference/events/member_left_channel/>,
//! <https://docs.slack.dev/reference/events/message/channel_join/>.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    channel::{Channel, Kind},
    message::{Message, Note},
    state::State,
    workspace::{BOT_USER, TEAM},
    world::{World, fresh_id},
};

impl World {
    /// Brings somebody into a channel; false when they were in it, or it is no channel.
    pub fn join(&self, state: &mut State, id: &str, user: &str, inviter: Option<&str>) -> bool {
        let Some(channel) = joinable(state, id) else { return false };
        if !channel.members.insert(user.to_owned()) {
            return false;
        }
        self.note(state, id, user, "join", inviter);
        let Some(channel) = state.channels.get(id) else { return false };
        let mut event = membership("member_joined_channel", channel, user, state);
        if let Some(inviter) = inviter {
            event["inviter"] = json!(inviter);
        }
        self.tell_members(state, id, "member_joined_channel", event);
        true
    }

    /// Takes somebody out of a channel; false when they were not in it, or it is no channel.
    pub fn leave(&self, state: &mut State, id: &str, user: &str, by: Option<&str>) -> bool {
        let Some(channel) = joinable(state, id) else { return false };
        if !channel.members.remove(user) {
            return false;
        }
        if user == BOT_USER {
            self.tell_bot_left(state, id, by);
            return true;
        }
        self.note(state, id, user, "leave", None);
        let Some(channel) = state.channels.get(id) else { return false };
        let event = membership("member_left_channel", channel, user, state);
        self.tell_members(state, id, "member_left_channel", event);
        true
    }

    /// The DM of these people and the bot, and whether it was there already.
    pub fn open_group(&self, state: &mut State, people: &[String]) -> (String, bool) {
        let mut members: BTreeSet<String> = people.iter().cloned().collect();
        members.insert(BOT_USER.to_owned());
        if let Some(found) = state.group_of(&members) {
            return (found.id.clone(), true);
        }
        let names = members.iter().filter_map(|id| state.users.get(id)).map(|u| u.name.as_str());
        let name = format!("mpdm-{}-1", names.collect::<Vec<_>>().join("--"));
        let id = fresh_id("C");
        let created_s = self.clock.now_us() / 1_000_000;
        let members: Vec<String> = members.into_iter().collect();
        let channel = Channel::new(&id, &name, Kind::Group, created_s, &members);
        self.feed.channel(&channel);
        state.channels.insert(id.clone(), channel);
        (id, false)
    }

    /// Slack's own line in the channel.
    fn note(&self, state: &mut State, id: &str, user: &str, what: &str, inviter: Option<&str>) {
        let Some(channel) = state.channels.get(id) else { return };
        let place = if channel.kind == Kind::Private { "group" } else { "channel" };
        let done = if what == "join" { "joined" } else { "left" };
        let ts = state.next_ts(self.clock.now_us());
        let text = format!("<@{user}> has {done} the {place}");
        let mut message = Message::new(ts, user, text);
        message.note =
            Some(Note { subtype: format!("{place}_{what}"), inviter: inviter.map(str::to_owned) });
        self.post(state, id, message);
    }

    fn tell_members(&self, state: &mut State, id: &str, kind: &str, mut event: Value) {
        let at = state.next_ts(self.clock.now_us());
        let Some(channel) = state.channels.get(id) else { return };
        event["event_ts"] = json!(at);
        if channel.members.contains(BOT_USER) {
            self.tell_in(channel, kind, event);
        }
        self.feed.channel(channel);
    }

    /// Who was taken out hears one thing more: that it was.
    fn tell_bot_left(&self, state: &mut State, id: &str, by: Option<&str>) {
        let at = state.next_ts(self.clock.now_us());
        let Some(channel) = state.channels.get(id) else { return };
        let kind = if channel.kind == Kind::Private { "group_left" } else { "channel_left" };
        let event = json!({
            "type": kind, "channel": id, "actor_id": by.unwrap_or(BOT_USER), "event_ts": at,
        });
        self.tell_in(channel, kind, event);
        self.feed.channel(channel);
    }
}

/// A channel that people join and leave; nobody joins or leaves a DM.
fn joinable<'a>(state: &'a mut State, id: &str) -> Option<&'a mut Channel> {
    state.channels.get_mut(id).filter(|channel| channel.is_channel())
}

fn membership(kind: &str, channel: &Channel, user: &str, state: &State) -> Value {
    let team = state.foreign_team(user).unwrap_or_else(|| TEAM.to_owned());
    // A letter of the id's: private channels since 2021 have a C as well.
    json!({"type": kind, "user": user, "channel": channel.id, "channel_type": "C", "team": team})
}
