//! The control API under `/sim`: what tests in other languages script and read.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use super::script::Step;
use super::server::Shared;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Steps {
    steps: Vec<Step>,
}

/// `/sim/script` (POST appends, GET counts, DELETE clears), `/sim/requests` (GET, DELETE) and
/// `/sim/adversary` (POST `{"seed": …}` begins, GET shows, DELETE ends).
pub(super) fn routes() -> axum::Router<Arc<Shared>> {
    axum::Router::new()
        .route("/sim/script", get(waiting).post(script).delete(clear_script))
        .route("/sim/requests", get(requests).delete(clear_requests))
        .route("/sim/adversary", get(adversary).post(begin_adversary).delete(end_adversary))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    #[serde(default)]
    seed: u64,
}

async fn begin_adversary(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Seed>(&body) {
        Ok(Seed { seed }) => {
            shared.set_adversary(Some(seed));
            adversary(State(shared)).await.into_response()
        }
        Err(error) => {
            let error = format!("expected {{\"seed\": 7}}, but {error}");
            (StatusCode::BAD_REQUEST, Json(json!({"ok": false, "error": error}))).into_response()
        }
    }
}

async fn adversary(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"ok": true, "seed": shared.adversary()}))
}

async fn end_adversary(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.set_adversary(None);
    adversary(State(shared)).await
}

async fn script(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Steps>(&body) {
        Ok(Steps { steps }) => {
            shared.script.push(steps);
            waiting(State(shared)).await.into_response()
        }
        Err(error) => {
            let error = format!("expected {{\"steps\": […]}} with known fields, but {error}");
            (StatusCode::BAD_REQUEST, Json(json!({"ok": false, "error": error}))).into_response()
        }
    }
}

async fn waiting(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"ok": true, "waiting": shared.script.waiting()}))
}

async fn clear_script(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"ok": true, "removed": shared.script.clear()}))
}

async fn requests(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"ok": true, "requests": shared.journal.all()}))
}

async fn clear_requests(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    shared.journal.clear();
    Json(json!({"ok": true}))
}
