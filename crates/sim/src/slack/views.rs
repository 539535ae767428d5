//! Modals and Home tabs.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    state::{State, keep},
    workspace::{APP, BOT, TEAM},
    world::{World, fresh_id},
};

/// How many modals are remembered.
const MODALS_MAX: usize = 1_000;

/// A view the app has opened or published.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct View {
    pub id: String,
    pub user: String,
    pub hash: String,
    /// What the app sent: type, title, blocks, …
    pub content: Value,
}

impl View {
    pub fn new(user: &str, content: Value) -> Self {
        let (id, hash) = (fresh_id("V"), fresh_id(""));
        Self { id, user: user.to_owned(), hash, content }
    }

    /// The view object, with what the person has entered.
    pub fn render(&self, values: &Value) -> Value {
        let mut view = self.content.clone();
        let given = json!({
            "id": self.id, "team_id": TEAM, "hash": self.hash, "app_id": APP, "bot_id": BOT,
            "app_installed_team_id": TEAM, "root_view_id": self.id, "previous_view_id": null,
            "state": {"values": values},
        });
        if let (Some(view), Value::Object(given)) = (view.as_object_mut(), given) {
            for (key, usual) in [
                ("private_metadata", json!("")),
                ("callback_id", json!("")),
                ("external_id", json!("")),
                ("close", Value::Null),
                ("submit", Value::Null),
                ("clear_on_close", json!(false)),
                ("notify_on_close", json!(false)),
            ] {
                view.entry(key).or_insert(usual);
            }
            view.extend(given);
        }
        view
    }
}

impl World {
    /// Shows a modal to its person.
    pub fn show_modal(&self, state: &mut State, view: View) -> Value {
        let rendered = view.render(&json!({}));
        self.feed.send(|| json!({"type": "view", "user": view.user, "view": rendered}));
        state.modals.insert(view.id.clone(), view);
        keep(&mut state.modals, MODALS_MAX);
        rendered
    }

    /// Shows a Home tab to its person.
    pub fn show_home(&self, state: &mut State, view: View) -> Value {
        let rendered = view.render(&json!({}));
        self.feed.send(|| json!({"type": "home", "user": view.user, "view": rendered}));
        state.homes.insert(view.user.clone(), view);
        rendered
    }

    pub fn close_modal(&self, state: &mut State, view_id: &str) {
        if let Some(view) = state.modals.remove(view_id) {
            self.feed
                .send(|| json!({"type": "view_closed", "user": view.user, "view_id": view_id}));
        }
    }
}
