//! A slash command, read back from a stored frame: who commands what, and where the answer goes.

use serde_json::Value;

use crate::json::text;
use crate::mention::{MentionError, stored_payload, team};

/// The longest that a reason may be, in characters.
const REASON_CHARS_MAX: usize = 500;

/// A slash command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlashCommand {
    /// The workspace.
    pub team: String,
    /// Who commands.
    pub user: String,
    /// As it was typed: `/athenaeum`.
    pub command: String,
    /// What is to be done.
    pub order: Order,
    /// Where the answer goes, for half an hour; `None` when Slack names nowhere.
    pub response_url: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Work for this user no more.
    Ignore(String),
    /// Work for them again.
    Unignore(String),
    /// Let them command, too.
    Admin(String),
    /// Let them command no more.
    Unadmin(String),
    /// Begin no answers, for this reason.
    Pause(String),
    /// Begin answers again.
    Resume,
    /// Say how things stand.
    Status,
    /// Say what can be commanded.
    Help,
    /// A word that names a user and does not say whom.
    Whom(String),
    /// A word that means nothing.
    Unknown(String),
}

impl SlashCommand {
    /// Reads a stored event of [`crate::normalise::KIND_COMMAND`].
    ///
    /// # Errors
    /// When it is none.
    pub fn read(raw: &[u8]) -> Result<Self, MentionError> {
        let payload = stored_payload(raw)?;
        let part = |at| text(&payload, at).map(str::to_owned);
        let said = text(&payload, "/text").unwrap_or_default();
        Ok(SlashCommand {
            team: team_of(&payload).ok_or(MentionError { expected: "a workspace" })?,
            user: part("/user_id").ok_or(MentionError { expected: "a user" })?,
            command: part("/command").ok_or(MentionError { expected: "a command" })?,
            order: Order::parse(said),
            response_url: part("/response_url"),
        })
    }
}

fn team_of(payload: &Value) -> Option<String> {
    team(payload).or_else(|| text(payload, "/enterprise_id")).map(str::to_owned)
}

impl Order {
    /// Reads what follows the command.
    #[must_use]
    pub fn parse(said: &str) -> Self {
        let mut words = said.trim().splitn(2, char::is_whitespace);
        let word = words.next().unwrap_or_default().to_lowercase();
        let rest = words.next().unwrap_or_default().trim();
        let about = |order: fn(String) -> Order| match user(rest) {
            Some(user) => order(user),
            None => Order::Whom(word.clone()),
        };
        match word.as_str() {
            "" | "help" => Order::Help,
            "ignore" => about(Order::Ignore),
            "unignore" => about(Order::Unignore),
            "admin" => about(Order::Admin),
            "unadmin" => about(Order::Unadmin),
            "pause" => Order::Pause(rest.chars().take(REASON_CHARS_MAX).collect()),
            "resume" => Order::Resume,
            "status" => Order::Status,
            _ => Order::Unknown(word.chars().take(REASON_CHARS_MAX).collect()),
        }
    }
}

/// The user that a mention names, `<@U123|ada>`, or the bare id. Slack writes mentions so where the
/// command is set to escape them.
fn user(said: &str) -> Option<String> {
    let id = match said.strip_prefix("<@").and_then(|rest| rest.strip_suffix('>')) {
        Some(inner) => inner.split('|').next()?,
        None => said,
    };
    let is_id = id.len() > 1
        && id.starts_with(['U', 'W'])
        && id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    is_id.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn orders_are_read_as_people_type_them() {
        let owned = str::to_owned;
        for (said, expected) in [
            ("", Order::Help),
            ("  help me", Order::Help),
            ("ignore <@U1|ada>", Order::Ignore(owned("U1"))),
            ("Ignore  <@W2>", Order::Ignore(owned("W2"))),
            ("unignore U1", Order::Unignore(owned("U1"))),
            ("ignore @ada", Order::Whom(owned("ignore"))),
            ("ignore", Order::Whom(owned("ignore"))),
            ("admin <@U1>", Order::Admin(owned("U1"))),
            ("unadmin <@U1>", Order::Unadmin(owned("U1"))),
            ("pause the model is down", Order::Pause(owned("the model is down"))),
            ("pause", Order::Pause(String::new())),
            ("RESUME", Order::Resume),
            ("status", Order::Status),
            ("dance", Order::Unknown(owned("dance"))),
        ] {
            assert_eq!(Order::parse(said), expected, "{said:?}");
        }
    }

    #[test]
    fn a_command_is_read_from_a_frame_and_from_a_form() {
        let payload = json!({"team_id": "T1", "user_id": "U1", "command": "/athenaeum",
            "text": "status", "response_url": "https://hooks.slack.com/x"});
        let frame = json!({"envelope_id": "e", "type": "slash_commands", "payload": payload});
        let form = b"team_id=T1&user_id=U1&command=%2Fathenaeum&text=status\
                     &response_url=https%3A%2F%2Fhooks.slack.com%2Fx";
        let expected = SlashCommand {
            team: "T1".to_owned(),
            user: "U1".to_owned(),
            command: "/athenaeum".to_owned(),
            order: Order::Status,
            response_url: Some("https://hooks.slack.com/x".to_owned()),
        };
        assert_eq!(SlashCommand::read(frame.to_string().as_bytes()).unwrap(), expected);
        assert_eq!(SlashCommand::read(form).unwrap(), expected);
        assert!(SlashCommand::read(b"command=%2Fathenaeum").is_err());
    }
}
