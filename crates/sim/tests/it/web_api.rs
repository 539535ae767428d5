//! Tokens, scopes, arguments and error shapes.

use serde_json::{Value, json};

use crate::desk::{ADA, BOT, Desk, GENERAL};

#[tokio::test]
async fn auth_test_names_the_bot_and_its_scopes() {
    let desk = Desk::start().await;
    let answer = desk.request("auth.test", "xoxb-local").send().await.unwrap();
    let scopes = answer.headers()["x-oauth-scopes"].to_str().unwrap().to_owned();
    assert!(scopes.split(',').any(|scope| scope == "chat:write"));
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        (&body["ok"], &body["team_id"], &body["user_id"], &body["bot_id"]),
        (&json!(true), &json!("T0LOCAL"), &json!(BOT), &json!("B0ATHENA"))
    );
}

#[tokio::test]
async fn each_wrong_token_is_refused_in_its_own_way() {
    let desk = Desk::start().await;
    let check = async |method: &str, token: Option<&str>, error: &str| {
        let url = format!("{}/{method}", desk.slack.api_url());
        let mut request = desk.http.post(url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(body, json!({"ok": false, "error": error}), "{method} {token:?}");
    };
    check("auth.test", None, "not_authed").await;
    check("auth.test", Some("xoxb-other"), "invalid_auth").await;
    check("auth.test", Some("xapp-local"), "not_allowed_token_type").await;
    check("apps.connections.open", Some("xoxb-local"), "not_allowed_token_type").await;
}

#[tokio::test]
async fn the_app_token_is_taken_from_the_header_only() {
    let desk = Desk::start().await;
    let url = format!("{}/apps.connections.open", desk.slack.api_url());
    let form = desk.http.post(url).form(&[("token", "xapp-local")]);
    let body: Value = form.send().await.unwrap().json().await.unwrap();
    assert_eq!(body["error"], "not_authed");
}

#[tokio::test]
async fn arguments_come_as_query_form_or_json() {
    let desk = Desk::start().await;
    let url = format!("{}/users.info", desk.slack.api_url());
    let pairs = [("token", "xoxb-local"), ("user", ADA)];
    let found = [
        desk.http.get(&url).query(&pairs).send().await.unwrap(),
        desk.http.post(&url).form(&pairs).send().await.unwrap(),
        desk.request("users.info", "xoxb-local").json(&json!({"user": ADA})).send().await.unwrap(),
    ];
    for answer in found {
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["user"]["id"], ADA, "{body}");
    }
}

#[tokio::test]
async fn a_missing_scope_names_what_was_needed_and_provided() {
    let desk = Desk::start().await;
    desk.control.configure(|settings| settings.scopes = ["users:read".to_owned()].into());
    let args = json!({"channel": GENERAL, "text": "hi"});
    let body = desk.refused("missing_scope", "chat.postMessage", args).await;
    assert_eq!((&body["needed"], &body["provided"]), (&json!("chat:write"), &json!("users:read")));
}

#[tokio::test]
async fn what_is_malformed_or_unknown_is_said() {
    let desk = Desk::start().await;
    let body = desk.refused("unknown_method", "chat.nothing", json!({})).await;
    assert_eq!(body["req_method"], "chat.nothing");
    let broken = desk.request("chat.postMessage", "xoxb-local");
    let broken = broken.header("content-type", "application/json").body("{");
    let body: Value = broken.send().await.unwrap().json().await.unwrap();
    assert_eq!(body["error"], "invalid_json");
    let body =
        desk.refused("invalid_arguments", "reactions.add", json!({"timestamp": "1.0"})).await;
    assert!(body["response_metadata"]["messages"][0].as_str().unwrap().contains("name"));
}

#[tokio::test]
async fn a_file_goes_up_and_comes_back() {
    let desk = Desk::start().await;
    let root = desk.say("send it");
    let place = json!({"filename": "notes.txt", "length": 5});
    let place = desk.done("files.getUploadURLExternal", place).await;
    let upload = desk.http.post(place["upload_url"].as_str().unwrap()).body("hello");
    assert!(upload.send().await.unwrap().status().is_success());
    let finished = json!({"files": [{"id": place["file_id"], "title": "Notes"}],
        "channel_id": GENERAL, "thread_ts": root, "initial_comment": "here"});
    desk.done("files.completeUploadExternal", finished).await;
    let info = desk.done("files.info", json!({"file": place["file_id"]})).await;
    let address = info["file"]["url_private_download"].as_str().unwrap();
    let get = async |token: &str| {
        let request = desk.http.get(address).header("authorization", format!("Bearer {token}"));
        request.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(get("xoxb-local").await, "hello");
    // A refused token gets Slack's login page with status 200, not an error.
    assert!(get("xoxb-other").await.contains("Sign in"));
    let said = desk.control.messages(GENERAL, Some(&root)).unwrap();
    assert_eq!(said[1]["files"][0]["title"], "Notes");
}
