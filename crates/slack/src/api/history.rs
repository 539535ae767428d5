//! What was said and where, page by page: for whoever listens again after a silence.

use event::Timestamp;
use serde_json::Value;

use super::{Answer, Api};
use crate::json::text;

/// Conversations asked for at once.
const PAGE_CONVERSATIONS: &str = "200";

/// Messages asked for at once; internal apps may ask for up to 1,000.
const PAGE_MESSAGES: &str = "500";

/// A conversation that the bot is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// `C…`, `D…` or `G…`.
    pub id: String,
    /// As events name it: `channel`, `group`, `mpim` or `im`.
    pub kind: String,
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Leads to the next; `None` on the last.
    pub next: Option<String>,
}

impl Api {
    /// The conversations that the bot is a member of (`users.conversations`), archived ones left out.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`].
    pub async fn conversations(&self, cursor: Option<&str>) -> Answer<Page<Conversation>> {
        let mut arguments = vec![
            ("types", "public_channel,private_channel,mpim,im"),
            ("exclude_archived", "true"),
            ("limit", PAGE_CONVERSATIONS),
        ];
        arguments.extend(cursor.map(|cursor| ("cursor", cursor)));
        let answer = self.caller.get("users.conversations", &arguments).await?;
        Ok(page(&answer, "channels", conversation))
    }

    /// Messages of a conversation since `oldest`, newest first, without replies in threads
    /// (`conversations.history`), as Slack has them.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`].
    pub async fn history(
        &self,
        channel: &str,
        oldest: Timestamp,
        cursor: Option<&str>,
    ) -> Answer<Page<Value>> {
        self.messages("conversations.history", &[("channel", channel)], oldest, cursor).await
    }

    /// Replies in a thread since `oldest`, oldest first (`conversations.replies`), as Slack has them.
    /// Its root may be among them.
    ///
    /// # Errors
    /// See [`crate::SlackError::kind`].
    pub async fn replies(
        &self,
        channel: &str,
        root: &str,
        oldest: Timestamp,
        cursor: Option<&str>,
    ) -> Answer<Page<Value>> {
        let place = [("channel", channel), ("ts", root)];
        self.messages("conversations.replies", &place, oldest, cursor).await
    }

    async fn messages(
        &self,
        method: &str,
        place: &[(&str, &str)],
        oldest: Timestamp,
        cursor: Option<&str>,
    ) -> Answer<Page<Value>> {
        let oldest = oldest.to_slack();
        let mut arguments = place.to_vec();
        arguments.extend([("oldest", oldest.as_str()), ("inclusive", "true")]);
        arguments.push(("limit", PAGE_MESSAGES));
        arguments.extend(cursor.map(|cursor| ("cursor", cursor)));
        let answer = self.caller.get(method, &arguments).await?;
        Ok(page(&answer, "messages", |message| Some(message.clone())))
    }
}

fn page<T>(answer: &Value, field: &str, read: impl FnMut(&Value) -> Option<T>) -> Page<T> {
    let items = answer[field].as_array().into_iter().flatten().filter_map(read).collect();
    let next = text(answer, "/response_metadata/next_cursor").map(str::to_owned);
    Page { items, next }
}

fn conversation(channel: &Value) -> Option<Conversation> {
    let is = |flag: &str| channel[flag].as_bool().unwrap_or_default();
    let kind = match () {
        () if is("is_im") => "im",
        () if is("is_mpim") => "mpim",
        () if is("is_private") || is("is_group") => "group",
        () => "channel",
    };
    Some(Conversation { id: text(channel, "/id")?.to_owned(), kind: kind.to_owned() })
}
