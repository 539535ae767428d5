//! What people do besides writing: buttons, slash commands, views.

use serde_json::{Value, json};

use super::{
    channel,
    envelope::{Delivery, Kind},
    message::Message,
    state::{ResponseUrl, State, TRIGGERS_MAX, Trigger, keep},
    ts::Ts,
    views::View,
    workspace::{APP, TEAM, TEAM_DOMAIN, VERIFICATION_TOKEN},
    world::{World, fresh_id},
};

/// How often a `response_url` may be used.
const RESPONSE_URL_USES_MAX: u32 = 5;

impl World {
    /// A person uses the element `action_id` of a message, with its own value or another.
    pub fn press(
        &self,
        state: &mut State,
        channel: &str,
        message: &Message,
        (user, action_id): (&str, &str),
        value: Option<&str>,
    ) -> Option<String> {
        let rendered = message.render(true);
        let action = self.action(state, &rendered["blocks"], (action_id, value))?;
        let trigger_id = self.trigger(state, user, Some(channel), None);
        let target = ResponseUrl {
            channel: channel.to_owned(),
            user: user.to_owned(),
            message: Some(message.ts),
            thread_ts: message.thread_ts,
            made_us: self.clock.now_us(),
            uses_left: RESPONSE_URL_USES_MAX,
        };
        let mut container = json!({
            "type": "message", "message_ts": message.ts, "channel_id": channel,
            "is_ephemeral": state.whispers.contains_key(&(channel.to_owned(), message.ts)),
        });
        if let Some(root) = message.thread_ts {
            container["thread_ts"] = json!(root);
        }
        let payload = self.interactive(
            state,
            "block_actions",
            user,
            &trigger_id,
            json!({
                "container": container,
                "channel": {"id": channel, "name": channel_name(state, channel)},
                "message": rendered,
                "state": {"values": {}},
                "actions": [action],
            }),
            Some(target),
        );
        self.interact(Kind::Interactive, &trigger_id, "block_actions", &payload);
        Some(trigger_id)
    }

    /// The element `action_id` as it is told, with what was chosen of it.
    fn action(
        &self,
        state: &mut State,
        blocks: &Value,
        (action_id, value): (&str, Option<&str>),
    ) -> Option<Value> {
        let (block_id, mut action) = find_action(blocks, action_id)?;
        action["block_id"] = block_id;
        action["action_ts"] = json!(state.next_ts(self.clock.now_us()));
        choose(&mut action, value);
        Some(action)
    }

    /// A person uses an element of a modal or Home tab, having entered `values` so far.
    pub fn press_in_view(
        &self,
        state: &mut State,
        view: &View,
        element: (&str, Option<&str>),
        values: &Value,
    ) -> Option<String> {
        let action = self.action(state, &view.content["blocks"], element)?;
        let trigger_id = self.trigger(state, &view.user, None, Some(&view.id));
        let more = json!({
            "container": {"type": "view", "view_id": view.id},
            "view": view.render(values),
            "actions": [action],
        });
        let payload = self.interactive(state, "block_actions", &view.user, &trigger_id, more, None);
        self.interact(Kind::Interactive, &trigger_id, "block_actions", &payload);
        Some(trigger_id)
    }

    /// A person closes a modal; the app hears it if it has asked to. False when there is none.
    pub fn dismiss(&self, state: &mut State, view_id: &str) -> bool {
        let Some(view) = state.modals.get(view_id).cloned() else { return false };
        self.close_modal(state, view_id);
        if view.content["notify_on_close"] == true {
            let trigger_id = self.trigger(state, &view.user, None, None);
            let more = json!({"view": view.render(&json!({})), "is_cleared": false});
            let payload =
                self.interactive(state, "view_closed", &view.user, &trigger_id, more, None);
            self.interact(Kind::Interactive, &trigger_id, "view_closed", &payload);
        }
        true
    }

    /// A person submits a modal with these values, as Slack's `state.values`.
    pub fn submit(&self, state: &mut State, view_id: &str, values: &Value) -> Option<String> {
        let view = state.modals.get(view_id)?.clone();
        let trigger_id = self.trigger(state, &view.user, None, Some(view_id));
        if let Some(trigger) = state.triggers.get_mut(&trigger_id) {
            trigger.submitted = true;
        }
        let payload = self.interactive(
            state,
            "view_submission",
            &view.user,
            &trigger_id,
            json!({
                "view": view.render(values),
                "response_urls": [],
            }),
            None,
        );
        self.interact(Kind::Interactive, &trigger_id, "view_submission", &payload);
        Some(trigger_id)
    }

    /// A person sends a slash command.
    pub fn command(
        &self,
        state: &mut State,
        channel: &str,
        user: &str,
        (command, text): (&str, &str),
    ) -> String {
        let trigger_id = self.trigger(state, user, Some(channel), None);
        let target = ResponseUrl {
            channel: channel.to_owned(),
            user: user.to_owned(),
            message: None,
            thread_ts: None,
            made_us: self.clock.now_us(),
            uses_left: RESPONSE_URL_USES_MAX,
        };
        let payload = json!({
            "token": VERIFICATION_TOKEN, "team_id": TEAM, "team_domain": TEAM_DOMAIN,
            "channel_id": channel, "channel_name": channel_name(state, channel),
            "user_id": user, "user_name": user_name(state, user),
            "command": command, "text": text, "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self.response_url(state, target), "trigger_id": trigger_id,
        });
        self.interact(Kind::SlashCommands, &trigger_id, command, &payload);
        trigger_id
    }

    fn interactive(
        &self,
        state: &mut State,
        kind: &str,
        user: &str,
        trigger_id: &str,
        more: Value,
        target: Option<ResponseUrl>,
    ) -> Value {
        let name = user_name(state, user);
        let mut payload = json!({
            "type": kind,
            "user": {"id": user, "username": name, "name": name, "team_id": TEAM},
            "api_app_id": APP, "token": VERIFICATION_TOKEN, "trigger_id": trigger_id,
            "team": {"id": TEAM, "domain": TEAM_DOMAIN},
            "enterprise": null, "is_enterprise_install": false,
        });
        if let Some(target) = target {
            payload["response_url"] = json!(self.response_url(state, target));
        }
        if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
            payload.extend(more);
        }
        payload
    }

    fn trigger(
        &self,
        state: &mut State,
        user: &str,
        channel: Option<&str>,
        view: Option<&str>,
    ) -> String {
        let made_us = self.clock.now_us();
        let trigger = Trigger {
            user: user.to_owned(),
            made_us,
            channel: channel.map(str::to_owned),
            view: view.map(str::to_owned),
            submitted: false,
            used: false,
        };
        // Time leads the id, so that the oldest is forgotten first.
        let id = format!("{made_us}.{}", fresh_id(""));
        state.triggers.insert(id.clone(), trigger);
        keep(&mut state.triggers, TRIGGERS_MAX);
        id
    }

    fn response_url(&self, state: &mut State, target: ResponseUrl) -> String {
        let secret = format!("{}-{}", self.clock.now_us(), fresh_id(""));
        let address = format!("http://{}/response/{secret}", self.authority);
        state.response_urls.insert(secret, target);
        keep(&mut state.response_urls, TRIGGERS_MAX);
        address
    }

    fn interact(&self, kind: Kind, trigger_id: &str, about: &str, payload: &Value) {
        let delivery = Delivery::new(kind, trigger_id.to_owned(), about.to_owned(), payload);
        self.journal.link([self.link.offer(delivery, self.clock.now_us())]);
    }

    /// A person opens the app's Home or Messages tab.
    pub fn open_home(&self, state: &mut State, channel: &str, user: &str, tab: &str) {
        let at: Ts = state.next_ts(self.clock.now_us());
        let mut event = json!({
            "type": "app_home_opened", "user": user, "channel": channel, "tab": tab,
            "event_ts": at,
        });
        if let Some(view) = state.homes.get(user).filter(|_| tab == "home") {
            event["view"] = view.render(&json!({}));
        }
        self.tell("app_home_opened", event);
    }
}

/// The element with this `action_id` and the block it stands in.
fn find_action(blocks: &Value, action_id: &str) -> Option<(Value, Value)> {
    for block in blocks.as_array()? {
        let elements = block["elements"].as_array().into_iter().flatten();
        let found = elements
            .chain([&block["accessory"], &block["element"]])
            .find(|element| element["action_id"] == action_id);
        if let Some(element) = found {
            return Some((block["block_id"].clone(), element.clone()));
        }
    }
    None
}

/// What the person chose, where the element leaves a choice.
fn choose(action: &mut Value, value: Option<&str>) {
    match action["type"].as_str() {
        Some("feedback_buttons") => {
            let chosen = ["positive_button", "negative_button"]
                .into_iter()
                .map(|button| action[button].clone())
                .find(|button| value.is_none_or(|value| button["value"] == value));
            if let Some(button) = chosen {
                action["text"] = button["text"].clone();
                action["value"] = button["value"].clone();
            }
        }
        Some("static_select" | "radio_buttons" | "overflow") => {
            let options = action["options"].as_array().cloned().unwrap_or_default();
            let chosen = options
                .into_iter()
                .find(|option| value.is_none_or(|value| option["value"] == value));
            action["selected_option"] = chosen.unwrap_or_default();
        }
        Some(_) | None => {
            if let Some(value) = value {
                action["value"] = json!(value);
            }
        }
    }
}

fn channel_name(state: &State, channel: &str) -> String {
    let found = state.channels.get(channel);
    found.map_or_else(String::new, |channel| match &channel.kind {
        channel::Kind::Direct(_) => "directmessage".into(),
        channel::Kind::Private => "privategroup".into(),
        channel::Kind::Public | channel::Kind::Group => channel.name.clone(),
    })
}

fn user_name(state: &State, user: &str) -> String {
    state.users.get(user).map_or_else(String::new, |user| user.name.clone())
}
