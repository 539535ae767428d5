//! The doctor, on a healthy set-up and on sick ones.

use serde_json::Value;
use sim::model::OfflineModel;
use sim::slack::LocalSlack;

use crate::fixture::Fixture;

const PROMPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../prompts");

fn level<'a>(diagnosis: &'a Value, check: &str) -> &'a str {
    let findings = diagnosis["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.map_or("absent", |finding| finding["level"].as_str().unwrap())
}

#[tokio::test]
async fn a_healthy_set_up_has_nothing_to_mend() {
    let fixture = Fixture::new().await;
    let slack = LocalSlack::start(sim::slack::Options::default()).await.unwrap();
    let model = OfflineModel::start(sim::model::Options::default()).await.unwrap();
    let (slack_url, model_url) = (slack.api_url(), model.base_url());
    let healthy = [
        ("SLACK_API_URL", slack_url.as_str()),
        ("SLACK_APP_TOKEN", "xapp-local"),
        ("SLACK_BOT_TOKEN", "xoxb-local"),
        ("OPENAI_BASE_URL", model_url.as_str()),
        ("ATHENAEUM_SECRET", "a secret for this test alone"),
        ("ATHENAEUM_PROMPTS_DIR", PROMPTS),
    ];
    let ran = fixture.athenaeum_with(&["doctor", "--json"], &healthy).await;
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let diagnosis = ran.json();
    for check in [
        "configuration",
        "database.schema",
        "database.server",
        "database.storage",
        "slack.bot_token",
        "slack.scopes",
        "slack.conversations",
        "slack.app_token",
        "prompts",
        "queue.dead_letters",
    ] {
        assert_eq!(level(&diagnosis, check), "ok", "{check} in {diagnosis:#}");
    }
    assert_eq!(level(&diagnosis, "queue.workers"), "warn", "none is running");
    assert_eq!(level(&diagnosis, "slack.admins"), "warn", "none is named");
    insta::assert_json_snapshot!("doctor", diagnosis["findings"][0]);

    let mut wrong = healthy;
    wrong[1].1 = "xapp-wrong";
    wrong[2].1 = "xoxb-wrong";
    wrong[3].1 = "http://127.0.0.1:1/v1";
    let ran = fixture.athenaeum_with(&["doctor", "--json"], &wrong).await;
    assert_eq!(ran.code, 1);
    let diagnosis = ran.json();
    for check in ["slack.bot_token", "slack.app_token", "model"] {
        assert_eq!(level(&diagnosis, check), "fail", "{check} in {diagnosis:#}");
    }
    let text = fixture.athenaeum_with(&["doctor"], &wrong).await.stdout;
    assert!(text.contains("FAIL  slack.bot_token") && text.contains("      → copy"), "{text}");
    slack.stop().await;
    model.stop().await;
}

#[tokio::test]
async fn a_database_without_a_schema_is_found_out() {
    let database = service::testing::Database::create_empty().await;
    let set = [("DATABASE_URL", database.url()), ("ATHENAEUM_PROMPTS_DIR", PROMPTS)];
    let ran = crate::fixture::athenaeum(&["doctor", "--json"], &set).await;
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert_eq!(level(&ran.json(), "database.schema"), "fail");
    assert_eq!(level(&ran.json(), "configuration.SLACK_BOT_TOKEN"), "warn");
}
