//! The methods: who may call them, how often, and what does them.

use std::collections::BTreeSet;

use super::{
    Answer, Call, assistant, blocks, chat, conversations, files, history, identity, reactions,
    refusal::Refusal, search, sessions, streams, usergroups, users, views,
};
use crate::slack::limits::Tier;

/// A method of the Web API.
pub(super) struct Method {
    pub name: &'static str,
    pub token: Token,
    /// Any one of these is enough; none are needed when it is empty.
    pub scopes: &'static [&'static str],
    pub tier: Tier,
    pub run: fn(&Call<'_>) -> Answer,
}

/// The token a method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    None,
    Bot,
    App,
}

impl Method {
    pub fn check_scopes(&self, provided: &BTreeSet<String>) -> Result<(), Refusal> {
        if self.token != Token::Bot
            || self.scopes.is_empty()
            || self.scopes.iter().any(|scope| provided.contains(*scope))
        {
            return Ok(());
        }
        Err(missing_scope(self.scopes, provided))
    }
}

/// Refuses unless the bot has this scope.
pub(super) fn require_scope(call: &Call<'_>, scope: &str) -> Result<(), Refusal> {
    let settings = call.world.settings();
    if settings.scopes.contains(scope) {
        Ok(())
    } else {
        Err(missing_scope(&[scope], &settings.scopes))
    }
}

/// `missing_scope`, with what was needed and what there is.
fn missing_scope(needed: &[&str], provided: &BTreeSet<String>) -> Refusal {
    let provided: Vec<&str> = provided.iter().map(String::as_str).collect();
    Refusal {
        needed: Some((needed.join(","), provided.join(","))),
        ..Refusal::new("missing_scope")
    }
}

pub(super) fn find(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.name == name)
}

const fn bot(
    name: &'static str,
    scopes: &'static [&'static str],
    tier: Tier,
    run: fn(&Call<'_>) -> Answer,
) -> Method {
    Method { name, token: Token::Bot, scopes, tier, run }
}

const WRITE: &[&str] = &["chat:write"];
const ASSISTANT: &[&str] = &["assistant:write", "chat:write"];
const READ: &[&str] = &["channels:read", "groups:read", "im:read", "mpim:read"];
const HISTORY: &[&str] = &["channels:history", "groups:history", "im:history", "mpim:history"];

const LEAVE: &[&str] = &["channels:manage", "groups:write", "im:write", "mpim:write"];

use Tier::{Four, Posting, Special, Three, Two};

static METHODS: &[Method] = &[
    Method { name: "api.test", token: Token::None, scopes: &[], tier: Four, run: identity::test },
    // Sources disagree between tiers 1 and 3; the newer ones say 3.
    Method {
        name: "apps.connections.open",
        token: Token::App,
        scopes: &["connections:write"],
        tier: Three,
        run: identity::open_connection,
    },
    bot("auth.test", &[], Special, identity::auth_test),
    bot("bots.info", &["users:read"], Three, identity::bot_info),
    bot("emoji.list", &["emoji:read"], Two, identity::emoji),
    bot("team.info", &["team:read"], Three, identity::team),
    bot("chat.postMessage", WRITE, Posting, chat::post),
    bot("chat.update", WRITE, Three, chat::update),
    bot("chat.delete", WRITE, Three, chat::delete),
    bot("chat.postEphemeral", WRITE, Four, chat::post_ephemeral),
    bot("chat.getPermalink", &[], Special, chat::permalink),
    bot("chat.startStream", WRITE, Two, streams::start),
    bot("chat.appendStream", WRITE, Four, streams::append),
    bot("chat.stopStream", WRITE, Two, streams::stop),
    bot("reactions.add", &["reactions:write"], Three, reactions::add),
    bot("reactions.remove", &["reactions:write"], Two, reactions::remove),
    bot("reactions.get", &["reactions:read"], Three, reactions::get),
    bot("conversations.list", READ, Two, conversations::list),
    bot("conversations.info", READ, Three, conversations::info),
    bot("conversations.members", READ, Four, conversations::members),
    bot("conversations.open", &["im:write", "mpim:write"], Three, conversations::open),
    bot("conversations.join", &["channels:join"], Three, conversations::join),
    bot("conversations.leave", LEAVE, Three, conversations::leave),
    bot("conversations.history", HISTORY, Three, history::history),
    bot("conversations.replies", HISTORY, Three, history::replies),
    bot("usergroups.list", &["usergroups:read"], Two, usergroups::list),
    bot("usergroups.users.list", &["usergroups:read"], Two, usergroups::members),
    bot("users.list", &["users:read"], Two, users::list),
    bot("users.info", &["users:read"], Four, users::info),
    bot("users.conversations", READ, Three, users::conversations),
    bot("users.profile.get", &["users.profile:read"], Four, users::profile),
    bot("assistant.threads.setStatus", ASSISTANT, Special, assistant::set_status),
    bot("assistant.threads.setTitle", ASSISTANT, Special, assistant::set_title),
    bot("assistant.threads.setSuggestedPrompts", ASSISTANT, Four, assistant::set_prompts),
    bot("assistant.search.context", &["search:read.public"], Special, search::context),
    bot("agents.sessions.setStatus", ASSISTANT, Three, sessions::set_status),
    bot("agents.sessions.rename", ASSISTANT, Three, sessions::rename),
    bot("files.getUploadURLExternal", &["files:write"], Four, files::get_upload_url),
    bot("files.completeUploadExternal", &["files:write"], Four, files::complete_upload),
    bot("files.info", &["files:read"], Four, files::info),
    bot("blocks.validate", &[], Three, blocks::validate),
    bot("views.open", &[], Four, views::open),
    bot("views.push", &[], Four, views::push),
    bot("views.publish", &[], Four, views::publish),
    bot("views.update", &[], Four, views::update),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_there_once() {
        let names: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
