//! What a failing model means for the answer. Every failure costs exactly one request.

use std::time::Duration;

use agent::{Agent, AgentError, AgentOptions, Fault};
use sim::model::{Ending, OfflineModel, Options, Step};
use tokio_util::sync::CancellationToken;

use crate::harness::{Bench, Steps, bench_with, documents, options, question};

async fn bare() -> Bench {
    bench_with(documents(), None).await
}

async fn failure(step: Step) -> AgentError {
    let bench = bare().await;
    bench.model.script([step]);
    let error = bench.ask("Well?").await.unwrap_err();
    assert_eq!(bench.model.requests().len(), 1, "nothing is retried here: {error:?}");
    bench.close().await;
    error
}

fn message(error: &AgentError) -> String {
    event::ErrorChain::of(error).0.join(": ")
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let error = failure(Step::status(429).retry_after(7)).await;
    assert_eq!(error.fault(), Fault::RateLimited { after: Duration::from_secs(7) });
    let error = failure(Step::status(429)).await;
    let after = agent::model::RETRY_AFTER_DEFAULT;
    assert_eq!(error.fault(), Fault::RateLimited { after });
    let error = failure(Step::status(429).retry_after(86_400)).await;
    let after = agent::model::RETRY_AFTER_MAX;
    assert_eq!(error.fault(), Fault::RateLimited { after });
}

#[tokio::test]
async fn a_spent_quota_is_for_the_operator() {
    let spent = Step { code: Some("insufficient_quota".into()), ..Step::status(429) };
    assert_eq!(failure(spent).await.fault(), Fault::Permanent);
}

#[tokio::test]
async fn a_failing_server_may_heal_and_a_refusing_one_will_not() {
    for status in [500, 502, 503, 529] {
        assert_eq!(failure(Step::status(status)).await.fault(), Fault::Transient, "{status}");
    }
    for status in [400, 401, 404] {
        assert_eq!(failure(Step::status(status)).await.fault(), Fault::Permanent, "{status}");
    }
    assert!(message(&failure(Step::status(401)).await).contains("check OPENAI_API_KEY"));
}

#[tokio::test]
async fn odd_error_bodies_are_no_obstacle() {
    for body in [r#"{"error":{"message":"no","code":42}}"#, r#"{"detail":"no"}"#, "no", ""] {
        let step = Step { body: Some(body.into()), ..Step::status(500) };
        assert_eq!(failure(step).await.fault(), Fault::Transient, "{body}");
    }
}

#[tokio::test]
async fn a_stream_that_ends_early_is_no_answer() {
    for step in [
        Step::answer("one two three four").cut_after(2),
        Step::answer("one two three four").break_after(2),
        Step { error_after_chunks: Some(2), ..Step::answer("one two three four") },
        Step { malformed_after_chunks: Some(2), ..Step::answer("one two three four") },
    ] {
        let told = format!("{step:?}");
        let error = failure(step).await;
        assert!(matches!(error, AgentError::Model(_)), "{told}: {error:?}");
        assert_eq!(error.fault(), Fault::Transient, "{told}: {error:?}");
    }
}

#[tokio::test]
async fn silence_ends_the_wait() {
    let error = failure(Step::answer("one two three").stall_after(2)).await;
    assert!(message(&error).contains("said nothing for 1 s"), "{error:?}");
    let error = failure(Step::answer("late").delay(Duration::from_secs(60))).await;
    assert_eq!(error.fault(), Fault::Transient, "{error:?}");
}

#[tokio::test]
async fn a_dripping_stream_ends_at_the_total_timeout() {
    let bench = bare().await;
    let long = "word ".repeat(500);
    bench.model.script([Step::answer(long).chunk_delay(Duration::from_millis(500))]);
    let error = bench.ask("Slowly?").await.unwrap_err();
    assert!(message(&error).contains("not complete after 5 s"), "{error:?}");
    bench.close().await;
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let model = OfflineModel::start(Options::default()).await.unwrap();
    let answer_timeout = Duration::from_millis(100);
    let agent = Agent::new(AgentOptions { answer_timeout, ..options(&model.base_url()) }).unwrap();
    model.script([Step::answer("late").delay(Duration::from_secs(60))]);
    let asked = question("Well?");
    let error = agent.answer(&asked, &Steps::default(), CancellationToken::new()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, AgentError::TooLong { .. }), "{error:?}");
    assert_eq!(error.fault(), Fault::Permanent);
    model.stop().await;
}

#[tokio::test]
async fn cancelling_ends_the_stream_at_once() {
    let bench = bare().await;
    bench.model.script([Step::answer("one two three").stall_after(1)]);
    let cancel = CancellationToken::new();
    let asked = question("Well?");
    let steps = Steps::default();
    let answer = bench.agent.answer(&asked, &steps, cancel.clone());
    let stop = async {
        bench.model.until(|requests| requests.iter().any(|r| r.status == Some(200))).await;
        cancel.cancel();
    };
    let (answer, ()) = tokio::join!(answer, stop);
    assert_eq!(answer.unwrap_err().fault(), Fault::Cancelled);
    let left = |requests: &[sim::model::Recorded]| {
        requests.iter().any(|request| request.ending == Ending::ClientLeft)
    };
    tokio::time::timeout(crate::harness::PATIENCE, bench.model.until(left)).await.unwrap();
    bench.close().await;
}

#[tokio::test]
async fn no_server_at_all_may_heal() {
    let agent = Agent::new(options("http://127.0.0.1:1/v1")).unwrap();
    let asked = question("Anyone?");
    let error = agent.answer(&asked, &Steps::default(), CancellationToken::new()).await;
    let error = error.unwrap_err();
    assert_eq!(error.fault(), Fault::Transient, "{error:?}");
    assert!(message(&error).contains("could not be reached"), "{error:?}");
    assert_eq!(agent.probe_model().await.unwrap_err().fault(), Fault::Transient);
}

#[tokio::test]
async fn a_probe_costs_no_answer() {
    let bench = bare().await;
    bench.agent.probe_model().await.unwrap();
    let chats = bench.model.requests();
    assert!(chats.iter().all(|request| !request.path.contains("chat")));
    bench.close().await;
}

#[test]
fn settings_that_cannot_work_are_refused_at_once() {
    let error = Agent::new(options("api.openai.com")).err().unwrap();
    assert_eq!(error.fault(), Fault::Permanent);
    assert!(message(&error).contains("OPENAI_BASE_URL: expected"), "{error:?}");
    let mut broken = options("http://127.0.0.1:1/v1");
    broken.model.api_key = Some("line\nbreak".to_owned().into());
    let error = Agent::new(broken).err().unwrap();
    assert!(message(&error).contains("OPENAI_API_KEY"), "{error:?}");
    assert!(!message(&error).contains("break"), "a key is never shown");
}
