//! The one place where messages come, change and go: state, feed and events together.

use serde_json::json;

use super::{
    message::Message,
    state::{ActionToken, State, TRIGGERS_MAX, keep},
    ts::Ts,
    world::{World, fresh_id},
};

impl World {
    /// Adds a message to a channel and tells everybody.
    pub fn post(&self, state: &mut State, channel_id: &str, message: Message) {
        let ts = message.ts;
        let Some(channel) = state.channels.get_mut(channel_id) else { return };
        let root = message.thread_ts.filter(|root| *root != ts);
        channel.add(message, self.options.channel_messages_max);
        self.feed.message("message", state, channel_id, ts);
        if let Some(root) = root {
            self.feed.message("message_changed", state, channel_id, root);
        }
        let action_token = self.action_token(state, channel_id, ts);
        if let Some(channel) = state.channels.get(channel_id)
            && let Some(message) = channel.messages.get(&ts)
        {
            let by_bot = message.is_by_bot();
            self.tell_message(channel, message, &action_token);
            if by_bot {
                self.clear_status(state, channel_id, root.unwrap_or(ts));
            }
        }
    }

    /// What lets the app search for who wrote this message.
    fn action_token(&self, state: &mut State, channel: &str, ts: Ts) -> String {
        // Time leads the token, so that the oldest is forgotten first.
        let token = format!("{}-{}", self.clock.now_us(), fresh_id(""));
        let user = state.message(channel, ts).map(|message| message.user.clone());
        let asked = ActionToken { channel: channel.to_owned(), user: user.unwrap_or_default() };
        state.action_tokens.insert(token.clone(), asked);
        keep(&mut state.action_tokens, TRIGGERS_MAX);
        token
    }

    /// Changes a message and sends `message_changed`.
    pub fn change(
        &self,
        state: &mut State,
        channel_id: &str,
        ts: Ts,
        change: impl FnOnce(&mut Message),
    ) {
        let at = state.next_ts(self.clock.now_us());
        let Some(message) = state.message_mut(channel_id, ts) else { return };
        let before = message.clone();
        change(message);
        self.feed.message("message_changed", state, channel_id, ts);
        if let Some(channel) = state.channels.get(channel_id)
            && let Some(after) = channel.messages.get(&ts)
        {
            self.tell_changed(channel, &before, after, at);
        }
    }

    /// Deletes a message; the root of a thread leaves a tombstone.
    pub fn delete(&self, state: &mut State, channel_id: &str, ts: Ts) {
        let at = state.next_ts(self.clock.now_us());
        let Some(channel) = state.channels.get_mut(channel_id) else { return };
        let Some(before) = channel.remove(ts) else { return };
        let root = before.thread_ts.filter(|root| *root != ts);
        let channel = &*channel;
        match channel.messages.get(&ts) {
            Some(grave) => self.tell_changed(channel, &before, grave, at),
            None => self.tell_deleted(channel, &before, at),
        }
        if state.message(channel_id, ts).is_some() {
            self.feed.message("message_changed", state, channel_id, ts);
        } else {
            self.feed.send(|| json!({"type": "message_deleted", "channel": channel_id, "ts": ts}));
        }
        if let Some(root) = root {
            self.feed.message("message_changed", state, channel_id, root);
        }
    }

    /// Adds or takes away a reaction; false when it was so already.
    pub fn react(
        &self,
        state: &mut State,
        (channel_id, ts): (&str, Ts),
        (user, name): (&str, &str),
        added: bool,
    ) -> bool {
        let at = state.next_ts(self.clock.now_us());
        let Some(message) = state.message_mut(channel_id, ts) else { return false };
        let changed = if added {
            message.add_reaction(user, name)
        } else {
            message.remove_reaction(user, name)
        };
        if !changed {
            return false;
        }
        self.feed.message("message_changed", state, channel_id, ts);
        let kind = if added { "reaction_added" } else { "reaction_removed" };
        if let Some(channel) = state.channels.get(channel_id)
            && let Some(message) = channel.messages.get(&ts)
        {
            self.tell_reaction(kind, channel, message, (user, name), at);
        }
        true
    }

    /// A message of the bot ends the status line of its thread.
    pub fn clear_status(&self, state: &mut State, channel_id: &str, thread_ts: Ts) {
        if state.statuses.remove(&(channel_id.to_owned(), thread_ts)).is_some() {
            self.feed.send(|| {
                json!({"type": "status", "channel": channel_id, "thread_ts": thread_ts,
                       "status": "", "loading_messages": []})
            });
        }
    }
}
