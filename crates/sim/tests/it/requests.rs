//! The app's request URL: events as signed requests.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::post,
};
use sim::slack::{Control, What};

use crate::desk::{DEADLINE, Desk};

/// The headers of each request that came.
type Seen = Arc<Mutex<Vec<HeaderMap>>>;

/// An app that refuses every event, with or without asking for it again.
async fn app(desk: &Desk, no_retry: bool) -> Seen {
    let seen = Seen::default();
    let refuse = move |State(seen): State<Seen>, headers: HeaderMap| async move {
        seen.lock().unwrap().push(headers);
        let no_retry = if no_retry { "1" } else { "0" };
        (StatusCode::INTERNAL_SERVER_ERROR, [("x-slack-no-retry", no_retry)]).into_response()
    };
    let routes = Router::new().route("/slack/events", post(refuse)).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    desk.control.request_url(Some(format!("http://{address}/slack")));
    let opened = |control: &Control| (control.sockets_open() == 1).then_some(());
    desk.control.wait(DEADLINE, opened).await.unwrap();
    seen
}

async fn until_seen(seen: &Seen, count: usize) {
    let waiting = async {
        while seen.lock().unwrap().len() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.unwrap();
}

#[tokio::test]
async fn a_refused_request_comes_again_with_its_number_and_reason() {
    let desk = Desk::start().await;
    let seen = app(&desk, false).await;
    desk.say("hello");
    until_seen(&seen, 1).await;
    // The answer may still be on its way back when the app has seen the request.
    let missed = |control: &Control| {
        let is_missed = |what: &What| matches!(what, What::Socket { change: "missed", .. });
        control.journal().iter().any(|entry| is_missed(&entry.what)).then_some(())
    };
    desk.control.wait(DEADLINE, missed).await.unwrap();
    desk.advance(3);
    until_seen(&seen, 2).await;
    let seen = seen.lock().unwrap();
    assert!(seen[0].contains_key("x-slack-signature"));
    assert!(!seen[0].contains_key("x-slack-retry-num"));
    assert_eq!(seen[1]["x-slack-retry-num"], "1");
    assert_eq!(seen[1]["x-slack-retry-reason"], "http_error");
}

#[tokio::test]
async fn an_app_can_say_that_a_request_is_not_to_come_again() {
    let desk = Desk::start().await;
    let _seen = app(&desk, true).await;
    desk.say("hello");
    let gave_up = |control: &Control| {
        let journal = control.journal();
        journal.iter().any(|e| matches!(e.what, What::GaveUp { .. })).then_some(())
    };
    desk.control.wait(DEADLINE, gave_up).await.unwrap();
    assert_eq!(desk.control.backlog(), (0, 0));
}
