//! `ask`, with a worker that answers by heart.

use event::{ErrorChain, Outcome};

use crate::fixture::{Fixture, once, reply};

/// Claims one question and ends it so.
async fn answer_one(fixture: &Fixture, outcome: Outcome) {
    let worker = fixture.worker().await;
    loop {
        let mut claims = fixture.queue.claim(worker, 1).await.unwrap();
        if let Some(claim) = claims.pop() {
            assert_eq!((claim.source.as_str(), claim.kind.as_str()), ("cli", "ask"));
            let body: serde_json::Value = serde_json::from_slice(&claim.raw).unwrap();
            assert_eq!(body, serde_json::json!({"text": "How?", "user": "ada"}));
            fixture.queue.settle(&claim, outcome, &once()).await.unwrap();
            return;
        }
    }
}

#[tokio::test]
async fn an_answer_comes_with_its_sources() {
    let fixture = Fixture::new().await;
    let done = Outcome::Done(Some(reply()));
    let (ran, ()) =
        tokio::join!(fixture.athenaeum(&["ask", "How?"]), answer_one(&fixture, done.clone()));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(
        ran.stdout,
        "From the command line [1], or by a filter [2].\n\nSources:\n\
         [1] docs/replay.md › Replay\n[2] Guide <https://example.com/guide>\n"
    );
    let (ran, ()) =
        tokio::join!(fixture.athenaeum(&["ask", "How?", "--json"]), answer_one(&fixture, done));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_json_snapshot!("ask", ran.json(), { ".id" => "[id]" });
}

#[tokio::test]
async fn a_question_that_dies_is_told_with_its_reason() {
    let fixture = Fixture::new().await;
    let dead = Outcome::Refused(ErrorChain::message("the key is wrong"));
    let (ran, ()) = tokio::join!(fixture.athenaeum(&["ask", "How?"]), answer_one(&fixture, dead));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("could not be answered: the key is wrong"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_question_that_nobody_answers_stays_in_the_queue() {
    let fixture = Fixture::new().await;
    let ran = fixture.athenaeum(&["ask", "How?", "--timeout", "1s"]).await;
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("No worker is running"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no answer within 1 s"), "{}", ran.stderr);
    let ready = fixture.athenaeum(&["events", "list", "--state", "ready", "--kind", "ask"]).await;
    assert_eq!(ready.code, 0);
}
