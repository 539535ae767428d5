//! The routes of the API: authorisation, scripted steps, chat, models.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::adversary;
use super::body::{Plan, pause};
use super::chat;
use super::completion::{Call, Completion, Reply};
use super::control;
use super::embeddings;
use super::error::ApiError;
use super::journal::{Ending, OpenRequest};
use super::request::ChatRequest;
use super::script::{Endpoint, ScriptedCall, Step};
use super::server::Shared;

/// The longest request body, in bytes; a transcript of some millions of tokens.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The models listed; any other name is accepted too.
const MODELS: [&str; 3] = ["offline", "offline-embedding", adversary::MODEL];
/// When the listed models were made, in Unix seconds: the day the offline model was written.
const MODELS_CREATED: i64 = 1_795_219_200;

/// The API under `/v1` and the control API under `/sim`.
pub(super) fn router(shared: Arc<Shared>) -> axum::Router {
    let api = axum::Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{id}", get(model))
        .route("/v1/chat/completions", post(chat_completions))
        .route("/v1/embeddings", post(embed))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(Arc::clone(&shared), authorise));
    api.merge(control::routes()).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(shared)
}

async fn authorise(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let given = bearer(request.headers());
    match &shared.options.api_key {
        Some(key) if given != Some(key) => ApiError::unauthorised(given).into_response(),
        Some(_) | None => next.run(request).await,
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn unknown_route(method: Method, uri: Uri) -> ApiError {
    ApiError::unknown_route(method.as_str(), uri.path())
}

async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError::wrong_method(method.as_str(), uri.path())
}

async fn models() -> impl IntoResponse {
    let data: Vec<Value> = MODELS.iter().map(|id| described(id)).collect();
    Json(json!({"object": "list", "data": data}))
}

async fn model(Path(id): Path<String>) -> impl IntoResponse {
    Json(described(&id))
}

fn described(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": MODELS_CREATED, "owned_by": "athenaeum"})
}

async fn chat_completions(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let step = shared.script.next(Endpoint::Chat);
    let mut open = shared.journal.open("/v1/chat/completions", &body, step.is_some());
    if let Some(refusal) = scripted_refusal(&shared, step.as_ref()).await {
        return refused(&mut open, refusal);
    }
    let request = match ChatRequest::read(&body) {
        Ok(request) => request,
        Err(error) => return refused(&mut open, error.into_response()),
    };
    let reply = step.as_ref().and_then(scripted_reply).unwrap_or_else(|| {
        let seed = step.as_ref().and_then(|step| step.adversary);
        match seed.or_else(|| shared.adversary()).or_else(|| adversary::named(&request.model)) {
            Some(seed) => adversary::reply(&request, seed),
            None => chat::reply(&request),
        }
    });
    let finish_reason = step.as_ref().and_then(|step| step.finish_reason.clone());
    let completion = Completion::new(&request, reply, finish_reason);
    let (kind, plan) = if request.stream {
        let chunk_delay = step.as_ref().map(|step| Duration::from_millis(step.chunk_delay_ms));
        let delay =
            chunk_delay.filter(|delay| !delay.is_zero()).unwrap_or(shared.options.piece_delay);
        let chunks = completion.chunks(request.include_usage);
        ("text/event-stream; charset=utf-8", Plan::events(&chunks, delay, step.as_ref()))
    } else {
        ("application/json", Plan::document(&completion.whole(), step.as_ref()))
    };
    open.status(StatusCode::OK.as_u16());
    ([(header::CONTENT_TYPE, kind)], plan.into_body(open, shared.shutdown.clone())).into_response()
}

async fn embed(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let step = shared.script.next(Endpoint::Embeddings);
    let mut open = shared.journal.open("/v1/embeddings", &body, step.is_some());
    if let Some(refusal) = scripted_refusal(&shared, step.as_ref()).await {
        return refused(&mut open, refusal);
    }
    match embeddings::response(&body) {
        Ok(document) => {
            open.status(StatusCode::OK.as_u16());
            let body =
                Plan::document(&document, step.as_ref()).into_body(open, shared.shutdown.clone());
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => refused(&mut open, error.into_response()),
    }
}

fn refused(open: &mut OpenRequest, response: Response) -> Response {
    open.status(response.status().as_u16());
    open.end(Ending::Refused);
    response
}

/// Waits as the step says, and returns its error response if it has one.
async fn scripted_refusal(shared: &Shared, step: Option<&Step>) -> Option<Response> {
    let step = step?;
    let overloaded = || ApiError::scripted(StatusCode::SERVICE_UNAVAILABLE, None, None);
    let delay = Duration::from_millis(step.delay_ms);
    if !delay.is_zero() && !pause(delay, &shared.shutdown).await {
        return Some(overloaded().into_response());
    }
    let status = StatusCode::from_u16(step.status?).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = ApiError::scripted(status, step.code.clone(), step.retry_after_s);
    let mut response = error.into_response();
    if let Some(body) = &step.body {
        response.headers_mut().remove(header::CONTENT_LENGTH);
        *response.body_mut() = body.clone().into();
    }
    Some(response)
}

fn scripted_reply(step: &Step) -> Option<Reply> {
    if !step.tool_calls.is_empty() {
        return Some(Reply::Calls(step.tool_calls.iter().map(scripted_call).collect()));
    }
    step.answer.clone().map(Reply::Text)
}

fn scripted_call(call: &ScriptedCall) -> Call {
    let arguments = match call.arguments.as_str() {
        Some(raw) => raw.to_owned(),
        None if call.arguments.is_null() => "{}".to_owned(),
        None => call.arguments.to_string(),
    };
    let made = Call::new(call.name.clone(), arguments);
    Call { id: call.id.clone().unwrap_or(made.id), ..made }
}
