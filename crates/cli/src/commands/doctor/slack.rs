//! Slack's tokens and scopes.

use std::collections::BTreeSet;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use service::config::DoctorConfig;
use slack::api::CALL_TIMEOUT;
use slack::{Api, ApiOptions, Failure, SlackError};

use super::{Finding, chain};

/// Without these no mention is answered.
const SCOPES_NEEDED: &[&str] = &["app_mentions:read", "chat:write"];

/// Without these an answer is poorer: no thread context, no sign at once, no name, no DMs, and an
/// earlier reply cannot be found again; or nothing is read up after an outage, no reaction is heard,
/// nobody can command the bot, and no file is read or sent.
const SCOPES_WANTED: &[&str] = &[
    "assistant:write",
    "channels:history",
    "channels:read",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "mpim:history",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "users:read",
];

const SCOPES_FIX: &str = "add them under OAuth & Permissions, or take docs/slack-manifest.yaml, and \
                          install the app again";

const APP_TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn examine(config: &DoctorConfig) -> Vec<Finding> {
    let Some(api_url) = &config.slack_api_url else { return Vec::new() };
    let mut findings = Vec::new();
    if let Some(token) = &config.bot_token {
        findings.extend(bot(api_url, token).await);
    }
    if let Some(token) = &config.app_token {
        findings.push(app(api_url, token).await);
    }
    findings.push(admins(&config.admins));
    findings
}

fn admins(admins: &BTreeSet<String>) -> Finding {
    const CHECK: &str = "slack.admins";
    match admins.len() {
        0 => {
            let fix = "set ATHENAEUM_ADMINS for the workers to the user ids of those who may";
            Finding::warn(CHECK, "nobody may command the bot by /athenaeum", fix)
        }
        count => Finding::ok(CHECK, format!("{count} named")),
    }
}

async fn bot(api_url: &str, token: &SecretString) -> Vec<Finding> {
    let options =
        ApiOptions { api_url: api_url.to_owned(), bot_token: token.clone(), timeout: CALL_TIMEOUT };
    let api = match Api::new(options) {
        Ok(api) => api,
        Err(error) => return vec![refused(error)],
    };
    match api.auth_test().await {
        Ok(identity) => {
            let found = format!("bot {} in workspace {}", identity.user_id, identity.team_id);
            let mut findings = vec![Finding::ok("slack.bot_token", found)];
            findings.extend(scopes(&identity.scopes));
            findings.push(conversations(&api).await);
            findings
        }
        Err(error) => vec![refused(error)],
    }
}

/// What is read up after an outage.
async fn conversations(api: &Api) -> Finding {
    const CHECK: &str = "slack.conversations";
    match api.conversations(None).await {
        Ok(page) if page.items.is_empty() => {
            Finding::warn(CHECK, "the bot is in none", "invite it: /invite @athenaeum in a channel")
        }
        Ok(page) => {
            let more = if page.next.is_some() { " or more" } else { "" };
            Finding::ok(CHECK, format!("the bot is in {}{more}", page.items.len()))
        }
        Err(error) => {
            let found = format!("{}; nothing is read up after an outage", chain(error));
            Finding::warn(CHECK, found, SCOPES_FIX)
        }
    }
}

fn refused(error: SlackError) -> Finding {
    let fix = match error.kind() {
        Failure::Auth { .. } => {
            "copy the token anew from api.slack.com/apps › your app › OAuth & Permissions"
        }
        Failure::Refused { .. } => "see SLACK_API_URL and the app's settings",
        Failure::RateLimited { .. } => "wait a minute and try again",
        Failure::NotSent | Failure::Unknown => {
            "see that this machine reaches SLACK_API_URL (proxy, firewall, certificates)"
        }
    };
    Finding::fail("slack.bot_token", chain(error), fix)
}

fn scopes(granted: &[String]) -> Vec<Finding> {
    const CHECK: &str = "slack.scopes";
    if granted.is_empty() {
        return vec![Finding::warn(CHECK, "Slack does not tell them", SCOPES_FIX)];
    }
    let missing = |list: &[&str]| -> Vec<String> {
        let lacks = |scope: &&&str| !granted.iter().any(|granted| granted == **scope);
        list.iter().filter(lacks).map(|scope| (*scope).to_owned()).collect()
    };
    let (needed, wanted) = (missing(SCOPES_NEEDED), missing(SCOPES_WANTED));
    let mut findings = Vec::new();
    if !needed.is_empty() {
        let found = format!("missing {}", needed.join(", "));
        findings.push(Finding::fail(CHECK, found, SCOPES_FIX));
    }
    if !wanted.is_empty() {
        let found = format!("missing {}; answers are poorer without", wanted.join(", "));
        findings.push(Finding::warn(CHECK, found, SCOPES_FIX));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "all that are needed"));
    }
    findings
}

/// Asks for a socket's address and does not use it.
async fn app(api_url: &str, token: &SecretString) -> Finding {
    const CHECK: &str = "slack.app_token";
    let reach = "see that this machine reaches SLACK_API_URL (proxy, firewall, certificates)";
    match open(api_url, token).await {
        Ok(answer) if answer["ok"] == true => Finding::ok(CHECK, "opens Socket Mode"),
        Ok(answer) => {
            let code = answer["error"].as_str().unwrap_or("no reason").to_owned();
            let fix = "make an app-level token with the scope connections:write, and switch Socket \
                       Mode on, at api.slack.com/apps › your app";
            Finding::fail(CHECK, format!("Slack refused apps.connections.open: {code}"), fix)
        }
        Err(error) => Finding::fail(CHECK, chain(error.without_url()), reach),
    }
}

async fn open(api_url: &str, token: &SecretString) -> reqwest::Result<Value> {
    let client = reqwest::Client::builder().timeout(APP_TOKEN_TIMEOUT).build()?;
    let request = client.post(format!("{api_url}/apps.connections.open"));
    request.bearer_auth(token.expose_secret()).send().await?.json().await
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn the_manifest_asks_for_every_scope_that_is_looked_for_and_no_other() {
        let manifest = include_str!("../../../../../docs/slack-manifest.yaml");
        let bot = manifest.split("    bot:\n").nth(1).unwrap();
        let bot = bot.split("settings:").next().unwrap();
        let asked: BTreeSet<&str> =
            bot.lines().filter_map(|line| line.trim().strip_prefix("- ")).collect();
        let looked_for: BTreeSet<&str> =
            SCOPES_NEEDED.iter().chain(SCOPES_WANTED).copied().collect();
        assert_eq!(asked, looked_for);
    }

    #[test]
    fn a_missing_scope_is_named_by_what_it_costs() {
        let all: Vec<String> =
            SCOPES_NEEDED.iter().chain(SCOPES_WANTED).map(|scope| (*scope).to_owned()).collect();
        let levels = |granted: &[String]| -> Vec<Level> {
            scopes(granted).iter().map(|finding| finding.level).collect()
        };
        assert_eq!(levels(&all), [Level::Ok]);
        assert_eq!(levels(&all[..SCOPES_NEEDED.len()]), [Level::Warn]);
        assert_eq!(levels(&all[SCOPES_NEEDED.len()..]), [Level::Fail]);
        assert_eq!(levels(&[]), [Level::Warn]);
        let found = &scopes(&all[1..])[0].found;
        assert!(found.contains("app_mentions:read"), "{found}");
    }
}
