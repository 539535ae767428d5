//! Whole answers: question, tools, citations, limits.

use agent::{AgentError, Allowance, Fault, Utterance};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sim::model::{ScriptedCall, Step};
use tokio_util::sync::CancellationToken;

use crate::harness::{Steps, bench, bench_with, documents, question};

fn search(query: &str) -> Value {
    json!({"query": query})
}

fn roles(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["role"].as_str().unwrap()).collect()
}

fn text(message: &Value) -> &str {
    message["content"].as_str().unwrap()
}

#[tokio::test]
async fn an_answer_cites_the_document_that_it_rests_on() {
    let bench = bench().await;
    let steps = Steps::default();
    let asked = question("How are failed events replayed?");
    let answer = bench.agent.answer(&asked, &steps, CancellationToken::new()).await.unwrap();
    assert!(answer.text.contains("`athenaeum replay`. [1]"), "{}", answer.text);
    let sources: Vec<_> = answer.sources.iter().map(|source| source.label.as_str()).collect();
    assert_eq!(sources, ["guide.md › Replay"]);
    assert_eq!(answer.turns, 2);
    assert!(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
    let told = steps.0.lock().unwrap().clone();
    let expected = ["Thinking…", "Searching docs…", "Thinking…", "Writing the answer…"];
    assert_eq!(told, expected);
    let tasks = steps.1.lock().unwrap().clone();
    assert_eq!(tasks, ["1 Searching docs… Running 0", "1 Searching docs… Done 2"]);
    bench.close().await;
}

#[tokio::test]
async fn a_long_answer_is_told_as_it_is_cited_in_the_end() {
    let bench = bench().await;
    let call = ScriptedCall { name: "search_docs".into(), arguments: search("replay"), id: None };
    let found = Step { tool_calls: vec![call], ..Step::default() };
    let said = format!("{} So [1], and `not [1]`, and not so [9].", "A word. ".repeat(50));
    bench.model.script([found, Step::answer(&said)]);
    let steps = Steps::default();
    let asked = question("How are failed events replayed?");
    let answer = bench.agent.answer(&asked, &steps, CancellationToken::new()).await.unwrap();
    assert!(answer.text.ends_with("So [1], and `not [1]`, and not so."), "{}", answer.text);
    let told = steps.2.lock().unwrap().clone();
    assert!(answer.text.starts_with(&told) && told.len() > 300, "{told}");
    bench.close().await;
}

/// Lets nothing be called.
struct Spent;

impl Allowance for Spent {
    fn count<'a>(&'a self, tool: &'a str) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move { Err(format!("{tool} is used up until tomorrow")) })
    }
}

#[tokio::test]
async fn a_call_that_is_not_allowed_is_not_made_and_the_model_is_told_why() {
    let bench = bench().await;
    let (asked, steps) = (question("How are failed events replayed?"), Steps::default());
    let cancel = CancellationToken::new();
    let answer = bench.agent.answer_within(&asked, &steps, &Spent, cancel).await.unwrap();
    assert!(answer.sources.is_empty(), "{answer:?}");
    let told = bench.messages(1);
    let told = text(told.last().unwrap());
    assert!(told.contains("search_docs is used up until tomorrow"), "{told}");
    bench.close().await;
}

#[tokio::test]
async fn what_no_source_supports_is_said_to_be_unsupported() {
    let bench = bench().await;
    let answer = bench.ask("What is the capital of Mongolia?").await.unwrap();
    assert!(answer.text.starts_with("I cannot answer that"), "{}", answer.text);
    assert!(answer.sources.is_empty());
    bench.close().await;
}

#[tokio::test]
async fn the_thread_comes_before_the_question() {
    let bench = bench_with(documents(), None).await;
    bench.model.script([Step::answer("Yes.")]);
    let said = |speaker: &str, is_bot, text: &str| Utterance {
        speaker: speaker.into(),
        is_bot,
        text: text.into(),
    };
    let mut asked = question("And lanes?");
    asked.bot_user_id = Some("U0".into());
    asked.thread = vec![said("U1", false, "What is replay?"), said("U0", true, "A command.")];
    bench.agent.answer(&asked, &Steps::default(), CancellationToken::new()).await.unwrap();
    let messages = bench.messages(0);
    assert_eq!(roles(&messages), ["system", "user", "assistant", "user"]);
    assert!(text(&messages[0]).contains("You are talking with Ada."));
    assert_eq!(text(&messages[3]), "And lanes?");
    bench.close().await;
}

#[tokio::test]
async fn parallel_calls_are_all_answered_and_numbered_in_order() {
    let bench = bench().await;
    let call = |query: &str| ScriptedCall {
        name: "search_docs".into(),
        arguments: search(query),
        id: None,
    };
    let both = Step { tool_calls: vec![call("lanes"), call("replay")], ..Step::default() };
    bench.model.script([both, Step::answer("Replay [2], lanes [1], nothing [7].")]);
    let answer = bench.ask("Both?").await.unwrap();
    assert_eq!(answer.text, "Replay [1], lanes [2], nothing.");
    let labels: Vec<_> = answer.sources.iter().map(|source| source.label.as_str()).collect();
    assert_eq!(labels, ["guide.md › Replay", "guide.md › Lanes"]);
    let messages = bench.messages(1);
    assert_eq!(roles(&messages), ["system", "user", "assistant", "tool", "tool"]);
    assert!(text(&messages[3]).starts_with("[1] guide.md › Lanes: Events"));
    assert!(text(&messages[4]).starts_with("[2] guide.md › Replay: Failed"));
    bench.close().await;
}

#[tokio::test]
async fn an_unknown_tool_and_bad_arguments_are_told_to_the_model() {
    let bench = bench().await;
    bench.model.script([
        Step::tool_call("fly", json!({})),
        Step::tool_call("search_docs", Value::String("{broken".into())),
        Step::answer("I could not look that up."),
    ]);
    bench.ask("Hm?").await.unwrap();
    let last = bench.messages(2);
    assert!(text(&last[3]).contains("no such tool; expected one of: search_docs"));
    assert!(text(&last[5]).contains("not a JSON object"));
    assert_eq!(bench.model.requests()[1].body["tool_choice"], "auto");
    assert_eq!(bench.model.requests()[2].body["tool_choice"], "none");
    bench.close().await;
}

#[tokio::test]
async fn a_tools_own_complaint_is_told_to_the_model() {
    let bench = bench().await;
    let wrong = json!({"query": "lanes", "limit": 99});
    bench.model.script([Step::tool_call("search_docs", wrong), Step::answer("Sorry.")]);
    bench.ask("Lanes?").await.unwrap();
    let complaint = bench.messages(1)[3].clone();
    assert!(text(&complaint).contains("expected 1 to 20, found 99"), "{complaint}");
    bench.close().await;
}

#[tokio::test]
async fn a_model_that_loops_is_made_to_answer() {
    let bench = bench().await;
    let same = || Step::tool_call("search_docs", search("lanes"));
    bench.model.script([same(), same(), same(), Step::answer("One at a time [1].")]);
    let answer = bench.ask("Lanes?").await.unwrap();
    assert_eq!((answer.turns, answer.sources.len()), (4, 1));
    let last = bench.messages(3);
    assert!(text(&last[last.len() - 2]).contains("the same call was made before"));
    assert!(text(&last[last.len() - 1]).contains("No more tools can be called"));
    bench.close().await;
}

#[tokio::test]
async fn a_model_that_never_answers_is_stopped() {
    let bench = bench().await;
    let call = |number: usize| Step::tool_call("search_docs", search(&format!("lanes {number}")));
    bench.model.script((0..50).map(call));
    let error = bench.ask("Lanes?").await.unwrap_err();
    assert!(matches!(error, AgentError::Stopped { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Permanent);
    assert_eq!(bench.model.requests().len(), agent::Limits::default().turns_max);
    bench.close().await;
}

#[tokio::test]
async fn an_empty_answer_is_no_answer() {
    let bench = bench_with(documents(), None).await;
    bench.model.script([Step::answer(" ")]);
    assert_eq!(bench.ask("Hm?").await.unwrap_err().fault(), Fault::Transient);
    bench.close().await;
}

#[tokio::test]
async fn an_answer_that_the_model_broke_off_says_so() {
    let bench = bench_with(documents(), None).await;
    let half = Step { finish_reason: Some("length".into()), ..Step::answer("Half of it") };
    bench.model.script([half]);
    let answer = bench.ask("All of it?").await.unwrap();
    assert!(answer.text.starts_with("Half of it\n\n_(The model stopped here"), "{}", answer.text);
    bench.close().await;
}
