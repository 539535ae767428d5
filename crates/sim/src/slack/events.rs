//! What Slack tells the app: the events of the Events API in their outer shape.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    channel::Channel,
    envelope::{Delivery, Kind},
    message::Message,
    options::MentionOrder,
    state::State,
    ts::Ts,
    workspace::{APP, BOT_USER, SECOND_BOT_USER, TEAM, User, VERIFICATION_TOKEN},
    world::{World, fresh_id},
};

impl World {
    /// A message was posted: `message`, and `app_mention` when it mentions the bot.
    pub fn tell_message(&self, channel: &Channel, message: &Message, action_token: &str) {
        if !channel.members.contains(BOT_USER) {
            return;
        }
        let mut event = message.render(true);
        event["channel"] = json!(channel.id);
        event["event_ts"] = json!(message.ts);
        let mention = (mentions_bot(&message.text)
            && !channel.is_direct()
            && message.user != BOT_USER)
            .then(|| {
                let mut mention = event.clone();
                mention["type"] = json!("app_mention");
                mention["assistant_thread"] = json!({"action_token": action_token});
                mention
            });
        if channel.is_direct() && message.user != BOT_USER {
            event["assistant_thread"] = json!({"action_token": action_token});
        }
        event["channel_type"] = json!(channel.type_name());
        if self.settings().mention_order == MentionOrder::MentionFirst {
            self.tell_if(channel, "app_mention", mention);
            self.tell_in(channel, &message_subscription(channel), event);
        } else {
            self.tell_in(channel, &message_subscription(channel), event);
            self.tell_if(channel, "app_mention", mention);
        }
    }

    /// A message was edited, streamed to its end or turned into a tombstone.
    pub fn tell_changed(&self, channel: &Channel, before: &Message, after: &Message, at: Ts) {
        self.tell_about(
            channel,
            json!({
                "type": "message", "subtype": "message_changed", "hidden": true,
                "message": after.render(true), "previous_message": before.render(true),
                "ts": at, "event_ts": at,
            }),
        );
    }

    /// A message was deleted.
    pub fn tell_deleted(&self, channel: &Channel, before: &Message, at: Ts) {
        self.tell_about(
            channel,
            json!({
                "type": "message", "subtype": "message_deleted", "hidden": true,
                "deleted_ts": before.ts, "previous_message": before.render(true),
                "ts": at, "event_ts": at,
            }),
        );
    }

    fn tell_about(&self, channel: &Channel, mut event: Value) {
        if channel.members.contains(BOT_USER) {
            event["channel"] = json!(channel.id);
            event["channel_type"] = json!(channel.type_name());
            self.tell_in(channel, &message_subscription(channel), event);
        }
    }

    /// A reaction came or went: `kind` is `reaction_added` or `reaction_removed`.
    pub fn tell_reaction(
        &self,
        kind: &str,
        channel: &Channel,
        message: &Message,
        (user, name): (&str, &str),
        at: Ts,
    ) {
        if channel.members.contains(BOT_USER) {
            self.tell_in(
                channel,
                kind,
                json!({
                    "type": kind, "user": user, "reaction": name, "item_user": message.user,
                    "item": {"type": "message", "channel": channel.id, "ts": message.ts},
                    "event_ts": at,
                }),
            );
        }
    }

    /// Sends an event to the app if it has subscribed to it.
    pub fn tell(&self, subscription: &str, event: Value) {
        self.deliver(subscription, event, &BTreeSet::new());
    }

    /// Sends an event of a channel. In one that is shared, an app that both workspaces have
    /// installed gets a copy for each of its installations.
    pub fn tell_in(&self, channel: &Channel, subscription: &str, event: Value) {
        self.deliver(subscription, event, &channel.shared_with);
    }

    fn tell_if(&self, channel: &Channel, subscription: &str, event: Option<Value>) {
        if let Some(event) = event {
            self.tell_in(channel, subscription, event);
        }
    }

    /// Sends an event whether the app has subscribed to it or not.
    pub fn deliver_anyway(&self, event: &Value) {
        self.deliver_to((TEAM, BOT_USER), event, false);
    }

    /// A person is new (`team_join`), or their profile has changed.
    pub fn tell_user(&self, user: &User, is_new: bool, at: Ts) {
        let kind = if is_new { "team_join" } else { "user_change" };
        self.feed.send(|| json!({"type": "user", "user": user.render(true)}));
        let event = json!({
            "type": kind, "user": user.render(false), "cache_ts": at.0 / 1_000_000, "event_ts": at,
        });
        self.tell(kind, event);
    }

    fn deliver(&self, subscription: &str, event: Value, shared_with: &BTreeSet<String>) {
        let (copies, second_install) = {
            let settings = self.settings();
            if !settings.subscriptions.contains(subscription) {
                return;
            }
            (settings.event_copies, settings.second_install)
        };
        let shared = !shared_with.is_empty();
        let others = shared_with.iter().filter(|_| second_install);
        let installations = std::iter::once((TEAM, BOT_USER))
            .chain(others.map(|team| (team.as_str(), SECOND_BOT_USER)));
        for installation in installations {
            for _ in 0..=copies {
                self.deliver_to(installation, &event, shared);
            }
        }
    }

    fn deliver_to(&self, (team, bot_user): (&str, &str), event: &Value, shared: bool) {
        let now_us = self.clock.now_us();
        let event_id = fresh_id("Ev");
        let about = event["type"].as_str().unwrap_or_default().to_owned();
        let payload = json!({
            "token": VERIFICATION_TOKEN,
            "team_id": team,
            "context_team_id": team,
            "context_enterprise_id": null,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": now_us / 1_000_000,
            "authorizations": [{
                "enterprise_id": null, "team_id": team, "user_id": bot_user,
                "is_bot": true, "is_enterprise_install": false,
            }],
            "is_ext_shared_channel": shared,
            "event_context": fresh_id("4-"),
        });
        let delivery = Delivery::new(Kind::EventsApi, event_id, about, &payload);
        self.journal.link([self.link.offer(delivery, now_us)]);
    }
}

fn message_subscription(channel: &Channel) -> String {
    match channel.type_name() {
        direct @ ("im" | "mpim") => format!("message.{direct}"),
        other => format!("message.{other}s"),
    }
}

/// Whether the text mentions the bot, with or without a label.
fn mentions_bot(text: &str) -> bool {
    text.match_indices("<@").any(|(at, _)| {
        text[at + 2..]
            .strip_prefix(BOT_USER)
            .is_some_and(|rest| rest.starts_with('>') || rest.starts_with('|'))
    })
}

/// Writes `@name` the way Slack's clients send it, `<@U…>` or `<!subteam^S…|@name>`, for the names
/// that exist.
pub(super) fn link_names(state: &State, text: &str) -> String {
    if !text.contains('@') {
        return text.to_owned();
    }
    let mut linked = text.to_owned();
    for user in state.users.values() {
        linked = link_name(&linked, &format!("@{}", user.name), &format!("<@{}>", user.id));
    }
    for group in state.usergroups.values() {
        let link = format!("<!subteam^{}|@{}>", group.id, group.handle);
        linked = link_name(&linked, &format!("@{}", group.handle), &link);
    }
    linked
}

fn link_name(text: &str, name: &str, link: &str) -> String {
    let mut linked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(name) {
        let (before, after) = (&rest[..at], &rest[at + name.len()..]);
        let free = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !"<@|".contains(c));
        linked.push_str(before);
        let whole = free(before.chars().next_back()) && free(after.chars().next());
        linked.push_str(if whole { link } else { name });
        rest = after;
    }
    linked.push_str(rest);
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_is_linked() {
        let state = State::new();
        let check = |text: &str, expected: &str| assert_eq!(link_names(&state, text), expected);
        check("@athenaeum hello", "<@U0ATHENA> hello");
        check("hi @ada, @grace!", "hi <@U0ADA>, <@U0GRACE>!");
        check("@operators?", "<!subteam^S0OPERATORS|@operators>?");
        check("x@ada.example @adam <@U0ADA>", "x@ada.example @adam <@U0ADA>");
    }

    #[test]
    fn a_mention_is_the_bots_id_in_brackets() {
        assert!(mentions_bot("hi <@U0ATHENA>"));
        assert!(mentions_bot("<@U0ATHENA|athenaeum> hi"));
        assert!(!mentions_bot("<@U0ATHENAX> <@U0ADA> U0ATHENA"));
    }
}
