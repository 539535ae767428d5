//! The offline model as a client sees it.

use std::time::Duration;

use serde_json::{Value, json};
use sim::model::{Ending, OfflineModel, Options, Step};

const DEADLINE: Duration = Duration::from_secs(10);

struct Client {
    model: OfflineModel,
    http: reqwest::Client,
}

impl Client {
    async fn start() -> Client {
        Client::with(Options::default()).await
    }

    async fn with(options: Options) -> Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let model = OfflineModel::start(options).await.unwrap();
        Client { model, http: reqwest::Client::new() }
    }

    async fn post(&self, path: &str, body: &Value) -> reqwest::Response {
        let url = format!("{}/{path}", self.model.base_url());
        self.http.post(url).json(body).send().await.unwrap()
    }

    async fn chat(&self, body: Value) -> Value {
        let response = self.post("chat/completions", &body).await;
        assert_eq!(response.status(), 200);
        response.json().await.unwrap()
    }

    /// The data of the events, and whether the stream ended without a transport error.
    async fn stream(&self, mut body: Value) -> (Vec<String>, bool) {
        body["stream"] = json!(true);
        let mut response = self.post("chat/completions", &body).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        let mut text = String::new();
        let clean = loop {
            match response.chunk().await {
                Ok(Some(bytes)) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        let events = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        (events.map(str::to_owned).collect(), clean)
    }

    async fn until_ended(&self, ending: Ending) {
        let ended = self.model.until(|all| all.last().is_some_and(|last| last.ending == ending));
        tokio::time::timeout(DEADLINE, ended).await.unwrap();
    }
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn asking(text: &str) -> Value {
    json!({"model": "offline", "messages": [user(text)]})
}

fn search_tool() -> Value {
    json!({"type": "function", "function": {"name": "search_docs", "parameters": {
        "type": "object",
        "properties": {"limit": {"type": "integer"}, "query": {"type": "string"}},
        "required": ["query"],
    }}})
}

fn contents(events: &[String]) -> String {
    let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let content =
        |chunk: Value| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    chunks.filter_map(content).collect()
}

#[tokio::test]
async fn a_question_is_searched_for_and_then_answered_from_what_was_found() {
    let client = Client::start().await;
    let mut body = asking("How are failed events replayed?");
    body["tools"] = json!([search_tool()]);
    let first = client.chat(body.clone()).await;
    let choice = &first["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "search_docs");
    assert_eq!(call["function"]["arguments"], r#"{"query":"failed events replayed"}"#);

    let found = "[1] README.md › Replay: Failed events are replayed with `athenaeum replay`.";
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(choice["message"].clone());
    messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": found}));
    let second = client.chat(body).await;
    let choice = &second["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("Failed events are replayed with `athenaeum replay`. [1]"), "{text}");
    let usage = &second["usage"];
    let sum =
        usage["prompt_tokens"].as_u64().unwrap() + usage["completion_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
}

#[tokio::test]
async fn the_last_user_message_of_a_thread_is_the_question() {
    let client = Client::start().await;
    let messages = json!([
        {"role": "system", "content": "You answer."},
        user("What is a lease?"),
        {"role": "assistant", "content": "A lease is a claim with an end. [1]"},
        {"role": "user", "content": [
            {"type": "text", "text": "And who takes backups?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ]},
    ]);
    let body = json!({"model": "any", "messages": messages, "tools": [search_tool()]});
    let reply = client.chat(body).await;
    let call = &reply["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call["function"]["arguments"], r#"{"query":"takes backups"}"#);
}

#[tokio::test]
async fn the_results_of_parallel_calls_are_all_used() {
    let client = Client::start().await;
    let call = |id: &str| {
        json!({"id": id, "type": "function",
        "function": {"name": "search_docs", "arguments": "{}"}})
    };
    let result =
        |id: &str, text: &str| json!({"role": "tool", "tool_call_id": id, "content": text});
    let messages = json!([
        user("How long is a lease, and what does the reaper do?"),
        {"role": "assistant", "content": null, "tool_calls": [call("a"), call("b")]},
        result("b", "[1] a.md › Lease: A lease lasts thirty seconds."),
        result("a", "[2] b.md › Reaper: The reaper runs every ten seconds."),
    ]);
    let reply = client.chat(json!({"model": "offline", "messages": messages})).await;
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("[1]") && text.contains("[2]"), "{text}");
}

#[tokio::test]
async fn without_tools_and_sources_it_says_so() {
    let client = Client::start().await;
    let reply = client.chat(asking("How are failed events replayed?")).await;
    let text = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("no sources") && text.contains("offline model"), "{text}");
}

#[tokio::test]
async fn a_stream_is_role_content_reason_usage_and_done() {
    let client = Client::start().await;
    client.model.script([Step::answer("One two three.")]);
    let mut body = asking("Count.");
    body["stream_options"] = json!({"include_usage": true});
    let (events, clean) = client.stream(body).await;
    assert!(clean);
    assert_eq!(contents(&events), "One two three.");
    assert_eq!(events.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> = events[..events.len() - 1]
        .iter()
        .map(|event| serde_json::from_str(event).unwrap())
        .collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks[chunks.len() - 2]["choices"][0]["finish_reason"], "stop");
    let usage = chunks.last().unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["completion_tokens"], 4);
    client.until_ended(Ending::Answered).await;
}

#[tokio::test]
async fn streamed_arguments_put_together_are_the_call() {
    let client = Client::start().await;
    client.model.script([Step::tool_call("search_docs", json!({"query": "a rather long query"}))]);
    let (events, _) = client.stream(asking("Search.")).await;
    let mut arguments = String::new();
    for event in events.iter().filter(|event| *event != "[DONE]") {
        let chunk: Value = serde_json::from_str(event).unwrap();
        let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
        arguments.push_str(call["function"]["arguments"].as_str().unwrap_or_default());
    }
    assert_eq!(arguments, r#"{"query":"a rather long query"}"#);
}

#[tokio::test]
async fn a_cut_stream_ends_cleanly_without_done_and_a_broken_one_does_not() {
    let client = Client::start().await;
    let answer = || Step::answer("One two three four.");
    client.model.script([answer().cut_after(3), answer().break_after(3)]);
    let (cut, clean) = client.stream(asking("Count.")).await;
    assert_eq!((cut.len(), clean), (3, true));
    let (_, clean) = client.stream(asking("Count.")).await;
    assert!(!clean);
    client.until_ended(Ending::Spoilt).await;
}

#[tokio::test]
async fn malformed_chunks_and_error_events_come_where_the_script_says() {
    let client = Client::start().await;
    client.model.script([
        Step { malformed_after_chunks: Some(2), ..Step::answer("One two.") },
        Step { error_after_chunks: Some(2), ..Step::answer("One two.") },
    ]);
    let (events, _) = client.stream(asking("Count.")).await;
    assert!(serde_json::from_str::<Value>(&events[2]).is_err());
    assert_eq!(events.last().unwrap(), "[DONE]");
    let (events, _) = client.stream(asking("Count.")).await;
    let error: Value = serde_json::from_str(&events[2]).unwrap();
    assert_eq!((events.len(), &error["error"]["type"]), (3, &json!("server_error")));
}

#[tokio::test]
async fn a_stalled_stream_is_ended_by_its_client_and_the_journal_shows_it() {
    let client = Client::start().await;
    client.model.script([Step::answer("One two.").stall_after(1)]);
    let mut body = asking("Count.");
    body["stream"] = json!(true);
    let mut response = client.post("chat/completions", &body).await;
    assert!(response.chunk().await.unwrap().is_some());
    drop(response);
    client.until_ended(Ending::ClientLeft).await;
}

#[tokio::test]
async fn a_refusal_carries_its_status_its_shape_and_retry_after() {
    let client = Client::start().await;
    client.model.script([Step::status(429).retry_after(7)]);
    let response = client.post("chat/completions", &asking("Hm?")).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["retry-after"].as_bytes()),
        (429, &b"7"[..])
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    client.until_ended(Ending::Refused).await;
}

#[tokio::test]
async fn a_delay_comes_before_the_headers() {
    let client = Client::start().await;
    let pause = Duration::from_millis(120);
    client.model.script([Step::answer("Late.").delay(pause)]);
    let asked = std::time::Instant::now();
    client.chat(asking("Hm?")).await;
    assert!(asked.elapsed() >= pause);
}

#[tokio::test]
async fn wrong_requests_are_refused_as_at_openai() {
    let client = Client::start().await;
    let tool = json!({"role": "tool", "tool_call_id": "x", "content": "?"});
    let calling =
        json!({"role": "assistant", "tool_calls": [{"id": "x", "function": {"name": "f"}}]});
    for (body, param) in [
        (json!({"messages": [user("?")]}), json!("model")),
        (json!({"model": "m"}), json!("messages")),
        (json!({"model": "m", "messages": []}), json!("messages")),
        (json!({"model": "m", "messages": [user("?"), tool]}), json!("messages")),
        (json!({"model": "m", "messages": [user("?"), calling]}), json!("messages")),
        (json!({"model": "m", "messages": "?"}), Value::Null),
    ] {
        let response = client.post("chat/completions", &body).await;
        assert_eq!(response.status(), 400, "{body}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(error["error"]["type"], "invalid_request_error", "{body}");
        assert_eq!(error["error"]["param"], param, "{body}");
    }
    assert_eq!(client.post("completions", &json!({})).await.status(), 404);
}

#[tokio::test]
async fn a_key_is_asked_for_only_when_one_is_configured() {
    let options = Options { api_key: Some("sk-local".into()), ..Options::default() };
    let client = Client::with(options).await;
    let models = format!("{}/models", client.model.base_url());
    for (key, status) in [(None, 401), (Some("sk-other"), 401), (Some("sk-local"), 200)] {
        let mut request = client.http.get(&models);
        if let Some(key) = key {
            request = request.bearer_auth(key);
        }
        assert_eq!(request.send().await.unwrap().status(), status, "{key:?}");
    }
    let open = Client::start().await;
    let models = format!("{}/models", open.model.base_url());
    assert_eq!(open.http.get(models).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn embeddings_of_like_texts_are_near_and_of_length_one() {
    let client = Client::start().await;
    let texts =
        ["Failed events are replayed.", "How to replay a failed event", "Backups run nightly."];
    let body = json!({"model": "text-embedding-3-small", "input": texts, "dimensions": 256});
    let reply: Value = client.post("embeddings", &body).await.json().await.unwrap();
    let vector = |at: usize| -> Vec<f64> {
        let values = reply["data"][at]["embedding"].as_array().unwrap();
        values.iter().map(|value| value.as_f64().unwrap()).collect()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (one, like, other) = (vector(0), vector(1), vector(2));
    assert_eq!(one.len(), 256);
    assert!((dot(&one, &one) - 1.0).abs() < 1e-5);
    assert!(dot(&one, &like) > 0.9);
    assert!(dot(&one, &other) < 0.3);
}

#[tokio::test]
async fn stopping_breaks_streams_off_and_frees_the_port() {
    let client = Client::start().await;
    client.model.script([Step::answer("One two.").stall_after(1)]);
    let mut body = asking("Count.");
    body["stream"] = json!(true);
    let mut response = client.post("chat/completions", &body).await;
    assert!(response.chunk().await.unwrap().is_some());
    let addr = client.model.addr();
    tokio::time::timeout(DEADLINE, client.model.stop()).await.unwrap();
    assert!(response.chunk().await.is_err());
    OfflineModel::start(Options { addr, ..Options::default() }).await.unwrap();
}
