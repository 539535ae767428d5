//! What people do besides writing: press, submit, command, open, rename, stop.

use serde::Deserialize;
use serde_json::Value;

use super::{
    Control, ControlError,
    people::{check_member, find, find_root},
};
use crate::slack::{message::Message, state::State};

/// A button that a person presses.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Press {
    /// The channel's id; of no use in a view.
    #[serde(default)]
    pub channel: String,
    /// The message; of no use in a view.
    #[serde(default)]
    pub ts: String,
    /// The open modal or Home tab that it stands in, instead of a message.
    #[serde(default)]
    pub view_id: Option<String>,
    /// The person's id.
    pub user: String,
    /// Which element of the message or view.
    pub action_id: String,
    /// What was entered in the view so far, as Slack's `state.values`.
    #[serde(default)]
    pub values: Value,
    /// What to choose, where the element leaves a choice.
    #[serde(default)]
    pub value: Option<String>,
}

impl Control {
    /// A person presses a button; returns the `trigger_id`.
    pub fn press(&self, press: &Press) -> Result<String, ControlError> {
        let mut state = self.world.state();
        if let Some(view_id) = &press.view_id {
            return self.press_in_view(&mut state, view_id, press);
        }
        check_member(&state, &press.channel, &press.user)?;
        let message = whispered(&state, press)
            .map_or_else(|| find(&state, &press.channel, &press.ts), Ok)?
            .clone();
        let who = (press.user.as_str(), press.action_id.as_str());
        self.world
            .press(&mut state, &press.channel, &message, who, press.value.as_deref())
            .ok_or_else(|| ControlError::Element {
                ts: press.ts.clone(),
                action_id: press.action_id.clone(),
            })
    }

    fn press_in_view(
        &self,
        state: &mut State,
        view_id: &str,
        press: &Press,
    ) -> Result<String, ControlError> {
        let view = state.view(view_id).filter(|view| view.user == press.user).cloned();
        let view = view.ok_or_else(|| ControlError::View(view_id.to_owned()))?;
        let element = (press.action_id.as_str(), press.value.as_deref());
        let pressed = self.world.press_in_view(state, &view, element, &press.values);
        pressed.ok_or_else(|| ControlError::Element {
            ts: view_id.to_owned(),
            action_id: press.action_id.clone(),
        })
    }

    /// A person closes a modal without submitting it.
    pub fn close(&self, view_id: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        if self.world.dismiss(&mut state, view_id) {
            return Ok(());
        }
        Err(ControlError::View(view_id.to_owned()))
    }

    /// A person gives the agent session of a thread another title.
    pub fn rename_session(
        &self,
        channel: &str,
        ts: &str,
        user: &str,
        title: &str,
    ) -> Result<(), ControlError> {
        let mut state = self.world.state();
        check_member(&state, channel, user)?;
        let root = find_root(&state, channel, ts)?;
        if self.world.retitle_session(&mut state, (channel, root), user, title) {
            return Ok(());
        }
        Err(ControlError::Session(ts.to_owned()))
    }

    /// A person submits a modal, with Slack's `state.values`; returns the `trigger_id`.
    pub fn submit(&self, view_id: &str, values: &Value) -> Result<String, ControlError> {
        let mut state = self.world.state();
        self.world
            .submit(&mut state, view_id, values)
            .ok_or_else(|| ControlError::View(view_id.to_owned()))
    }

    /// A person sends a slash command; returns the `trigger_id`.
    pub fn command(
        &self,
        channel: &str,
        user: &str,
        command: &str,
        text: &str,
    ) -> Result<String, ControlError> {
        let mut state = self.world.state();
        check_member(&state, channel, user)?;
        Ok(self.world.command(&mut state, channel, user, (command, text)))
    }

    /// A person opens the app's `home` or `messages` tab.
    pub fn open_home(&self, user: &str, tab: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        let channel = state.direct_with(user).map(|channel| channel.id.clone());
        let channel = channel.ok_or_else(|| ControlError::User(user.to_owned()))?;
        self.world.open_home(&mut state, &channel, user, tab);
        Ok(())
    }

    /// A person stops the agent in a thread: open streams end and the app is told.
    pub fn stop_session(&self, channel: &str, ts: &str, user: &str) -> Result<(), ControlError> {
        let mut state = self.world.state();
        check_member(&state, channel, user)?;
        let root = find_root(&state, channel, ts)?;
        self.world.stop_session(&mut state, channel, root, user);
        Ok(())
    }
}

/// The message that only the person who presses sees.
fn whispered<'a>(state: &'a State, press: &Press) -> Option<&'a Message> {
    let key = (press.channel.clone(), press.ts.parse().ok()?);
    let (user, message) = state.whispers.get(&key)?;
    (*user == press.user).then_some(message)
}
