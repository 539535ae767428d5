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
    /// The view that this one was pushed onto.
    #[serde(default)]
    pub previous: Option<String>,
    /// The first view of its stack; itself, if it is that.
    #[serde(default)]
    pub root: Option<String>,
    /// What the app sent: type, title, blocks, …
    pub content: Value,
}

impl View {
    pub fn new(user: &str, content: Value) -> Self {
        let (id, hash) = (fresh_id("V"), fresh_id(""));
        Self { id, user: user.to_owned(), hash, previous: None, root: None, content }
    }

    /// A view that lies on another until it is closed.
    pub fn pushed(onto: &Self, content: Value) -> Self {
        let root = onto.root.clone().unwrap_or_else(|| onto.id.clone());
        let previous = Some(onto.id.clone());
        Self { previous, root: Some(root), ..Self::new(&onto.user, content) }
    }

    /// The first view of its stack.
    pub fn root(&self) -> &str {
        self.root.as_deref().unwrap_or(&self.id)
    }

    /// The view object, with what the person has entered.
    pub fn render(&self, values: &Value) -> Value {
        let mut view = self.content.clone();
        let values = if values.is_object() { values.clone() } else { json!({}) };
        let given = json!({
            "id": self.id, "team_id": TEAM, "hash": self.hash, "app_id": APP, "bot_id": BOT,
            "app_installed_team_id": TEAM, "root_view_id": self.root(),
            "previous_view_id": self.previous,
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

    /// Closes a modal and those it lies on.
    pub fn close_stack(&self, state: &mut State, view_id: &str) {
        let Some(root) = state.modals.get(view_id).map(|view| view.root().to_owned()) else {
            return;
        };
        let ids: Vec<String> =
            state.modals.values().filter(|v| v.root() == root).map(|v| v.id.clone()).collect();
        for id in ids {
            self.close_modal(state, &id);
        }
    }

    pub fn close_modal(&self, state: &mut State, view_id: &str) {
        if let Some(view) = state.modals.remove(view_id) {
            self.feed
                .send(|| json!({"type": "view_closed", "user": view.user, "view_id": view_id}));
        }
    }
}
