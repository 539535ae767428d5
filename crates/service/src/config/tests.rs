use std::collections::BTreeMap;
use std::path::Path;

use secrecy::ExposeSecret;

use super::*;

const WORKER: &[(&str, &str)] = &[
    ("DATABASE_URL", "postgres://ada:hunter2@db/athenaeum"),
    ("SLACK_BOT_TOKEN", "xoxb-1"),
    ("OPENAI_API_KEY", "sk-1"),
    ("ATHENAEUM_SECRET", "0123456789abcdef"),
    ("ATHENAEUM_PROMPTS_DIR", "src"),
];

/// Reads a worker's configuration from `base` with `changes` on top; an empty value unsets.
fn worker_with(changes: &[(&str, &str)]) -> Result<WorkerConfig, Faults> {
    let table: BTreeMap<&str, &str> = WORKER.iter().chain(changes).copied().collect();
    WorkerConfig::read(&|name| table.get(name).map(|value| (*value).to_owned()))
}

fn only_fault(changes: &[(&str, &str)]) -> String {
    let faults = worker_with(changes).unwrap_err().0;
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].to_string()
}

#[test]
fn the_minimum_is_enough_and_the_rest_has_defaults() {
    let config = worker_with(&[]).unwrap();
    assert_eq!(config.slots, 16);
    assert_eq!(config.slack_api_url, "https://slack.com/api");
    assert_eq!(config.model.base_url, "https://api.openai.com/v1");
    assert_eq!(config.health_addr.to_string(), "127.0.0.1:8082");
    assert_eq!(config.drain, Duration::from_secs(25));
    assert!(!config.database.allow_unsafe);
    assert_eq!(config.mcp_config, None);
    assert_eq!(config.secret.expose_secret(), "0123456789abcdef");
}

#[test]
fn all_faults_are_told_at_once_by_name() {
    let faults = WorkerConfig::read(&|name| {
        let bad = [("ATHENAEUM_WORKER_SLOTS", "many"), ("ATHENAEUM_HEALTH_ADDR", "8082")];
        bad.iter().find(|(bad, _)| *bad == name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap_err();
    let named: Vec<_> = faults.0.iter().map(|fault| fault.variable).collect();
    assert_eq!(
        named,
        [
            "DATABASE_URL",
            "SLACK_BOT_TOKEN",
            "OPENAI_API_KEY",
            "ATHENAEUM_SECRET",
            "ATHENAEUM_WORKER_SLOTS",
            "ATHENAEUM_PROMPTS_DIR",
            "ATHENAEUM_HEALTH_ADDR",
        ]
    );
    assert!(faults.to_string().starts_with("the configuration has 7 faults:\n  DATABASE_URL: "));
}

#[test]
fn a_fault_says_what_was_expected_and_found_and_what_to_do() {
    for (name, value, expected, found) in [
        ("ATHENAEUM_WORKER_SLOTS", "0", "a whole number from 1 to 1024", "\"0\""),
        ("ATHENAEUM_WORKER_SLOTS", "1025", "a whole number from 1 to 1024", "\"1025\""),
        ("ATHENAEUM_DRAIN_SECONDS", "-1", "a whole number from 0 to 3600", "\"-1\""),
        ("SLACK_API_URL", "slack.com/api", "an http:// or https:// URL", "\"slack.com/api\""),
        ("ATHENAEUM_MCP_CONFIG", "/nowhere", "a file", "nothing at \"/nowhere\""),
        ("ATHENAEUM_PROMPTS_DIR", "build.rs", "a folder", "something else at \"build.rs\""),
        ("ATHENAEUM_UNSAFE_DATABASE", "maybe", "true or false", "\"maybe\""),
        (
            "ATHENAEUM_ADMINS",
            "U1,@ada",
            "Slack ids that begin with U or W, separated by commas",
            "\"U1,@ada\"",
        ),
        (
            "ATHENAEUM_REACTIONS",
            "-1=explode",
            "EMOJI=ask_why|delete, separated by commas",
            "\"-1=explode\"",
        ),
        ("DATABASE_URL", "mysql://db", "a postgres:// URL", "a URL that starts with mysql:"),
    ] {
        let advice = VARIABLES.iter().find(|known| known.name == name).unwrap().advice;
        let told = format!("{name}: expected {expected}, found {found}; {advice}");
        assert_eq!(only_fault(&[(name, value)]), told);
    }
}

#[test]
fn what_one_person_may_use_is_limited_unless_it_is_set_to_nothing() {
    let limits = worker_with(&[]).unwrap().user_limits;
    assert_eq!((limits.messages_per_minute, limits.tokens_per_day), (Some(60), Some(100_000)));
    assert_eq!(limits.tool_calls_per_day.of("search_docs"), None);
    let none =
        [("ATHENAEUM_USER_MESSAGES_PER_MINUTE", "0"), ("ATHENAEUM_USER_TOKENS_PER_DAY", "0")];
    assert_eq!(worker_with(&none).unwrap().user_limits, UserLimits::default());
    let tools = ("ATHENAEUM_USER_TOOL_CALLS_PER_DAY", "search_docs=2, *=7");
    let caps = worker_with(&[tools]).unwrap().user_limits.tool_calls_per_day;
    assert_eq!((caps.of("search_docs"), caps.of("weather")), (Some(2), Some(7)));
    for odd in ["search_docs", "=3", "a=-1", "a=b"] {
        let told = only_fault(&[("ATHENAEUM_USER_TOOL_CALLS_PER_DAY", odd)]);
        assert!(told.contains("expected TOOL=COUNT pairs"), "{told}");
    }
}

#[test]
fn a_secret_is_shown_neither_in_a_fault_nor_in_debug() {
    for (name, value) in [
        ("SLACK_BOT_TOKEN", "hunter2"),
        ("ATHENAEUM_SECRET", "hunter2"),
        ("DATABASE_URL", "mysql://ada:hunter2@db"),
        ("DATABASE_URL", "hunter2"),
    ] {
        assert!(!only_fault(&[(name, value)]).contains("hunter2"));
    }
    assert!(!format!("{:?}", worker_with(&[]).unwrap()).contains("hunter2"));
}

#[test]
fn an_empty_value_is_an_unset_one() {
    assert!(only_fault(&[("SLACK_BOT_TOKEN", " ")]).contains("found nothing"));
    assert_eq!(worker_with(&[("ATHENAEUM_WORKER_SLOTS", "")]).unwrap().slots, 16);
}

#[test]
fn lists_are_read_with_or_without_blanks() {
    let config = worker_with(&[("ATHENAEUM_ADMINS", " U1, W2 ,")]).unwrap();
    assert_eq!(config.admins.into_iter().collect::<Vec<_>>(), ["U1", "W2"]);
    let bound = |text: &str| worker_with(&[("ATHENAEUM_REACTIONS", text)]).unwrap().reactions;
    let expected =
        [("-1".to_owned(), ReactionAction::AskWhy), ("x".to_owned(), ReactionAction::Delete)];
    assert_eq!(bound(":-1:=ask_why, x = delete"), BTreeMap::from(expected));
    assert_eq!(bound("").len(), 3, "those that stand when nothing is said");
    assert!(bound("none").is_empty());
}

#[test]
fn a_server_of_ones_own_needs_no_key() {
    let own = [("OPENAI_API_KEY", ""), ("OPENAI_BASE_URL", "http://127.0.0.1:11434/v1/")];
    let model = worker_with(&own).unwrap().model;
    assert!(model.api_key.is_none());
    assert_eq!(model.base_url, "http://127.0.0.1:11434/v1");
    assert!(only_fault(&[("OPENAI_API_KEY", "")]).contains("OPENAI_BASE_URL is unset"));
}

#[test]
fn events_come_over_sockets_or_as_requests_and_requests_need_a_secret() {
    let read = |changes: &[(&str, &str)]| {
        let table: BTreeMap<&str, &str> = WORKER.iter().chain(changes).copied().collect();
        IngestConfig::read(&|name| table.get(name).map(|value| (*value).to_owned()))
    };
    let named =
        |faults: Faults| -> Vec<_> { faults.0.iter().map(|fault| fault.variable).collect() };
    assert_eq!(named(read(&[]).unwrap_err()), ["SLACK_APP_TOKEN"]);
    let sockets = read(&[("SLACK_APP_TOKEN", "xapp-1"), ("SLACK_SIGNING_SECRET", "s")]).unwrap();
    assert!(sockets.app_token.is_some() && sockets.requests.is_none());
    let addr = ("ATHENAEUM_EVENTS_ADDR", "127.0.0.1:8083");
    assert_eq!(named(read(&[addr]).unwrap_err()), ["SLACK_SIGNING_SECRET"]);
    let requests = read(&[addr, ("SLACK_SIGNING_SECRET", "s")]).unwrap();
    assert!(requests.app_token.is_none());
    assert_eq!(requests.requests.unwrap().addr.to_string(), "127.0.0.1:8083");
}

#[test]
fn the_doctor_hears_of_a_shared_fault_once_and_keeps_what_is_right() {
    let config = DoctorConfig::read(&|name| {
        let table = [("SLACK_APP_TOKEN", "xapp-1"), ("ATHENAEUM_DRAIN_SECONDS", "x")];
        table.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    });
    let count = |name| config.faults.0.iter().filter(|fault| fault.variable == name).count();
    assert_eq!(count("DATABASE_URL"), 1);
    assert_eq!(count("ATHENAEUM_DRAIN_SECONDS"), 1);
    assert!(config.app_token.is_some());
    assert!(config.bot_token.is_none());
}

#[test]
fn every_variable_is_described_and_has_advice() {
    for variable in VARIABLES {
        assert!(!variable.description.is_empty() && !variable.advice.is_empty(), "{variable:?}");
    }
}

/// `.env.sample` holds `NAME=VALUE` lines, commented out where the default serves.
#[test]
fn the_sample_names_every_variable_with_its_default_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.env.sample");
    let sample = std::fs::read_to_string(path).unwrap();
    let listed: BTreeMap<&str, &str> = sample
        .lines()
        .filter_map(|line| line.trim_start_matches(['#', ' ']).split_once('='))
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let known: BTreeMap<&str, &Variable> =
        VARIABLES.iter().map(|known| (known.name, *known)).collect();
    assert_eq!(listed.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    for (name, variable) in known {
        if let Some(default) = variable.default {
            assert_eq!(listed[name], default, "{name}");
        }
    }
}
