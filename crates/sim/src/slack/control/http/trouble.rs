//! Faults, sockets, settings and time.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{Control, SocketAction},
    Reply,
};
use crate::slack::{faults::Fault, options::Settings};

pub(super) fn routes() -> Router<Control> {
    Router::new()
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/settings", post(settings))
        .route("/sockets", post(sockets))
        .route("/requests", post(requests))
        .route("/raw", post(raw))
        .route("/events", post(event))
        .route("/clock", post(clock))
}

#[derive(Deserialize)]
struct Requests {
    #[serde(default)]
    url: Option<String>,
}

async fn requests(State(control): State<Control>, Json(body): Json<Requests>) -> Reply {
    control.request_url(body.url);
    Ok(Json(json!({})))
}

async fn add_fault(State(control): State<Control>, Json(fault): Json<Fault>) -> Reply {
    control.fault(fault);
    Ok(Json(json!({})))
}

async fn faults(State(control): State<Control>) -> Reply {
    Ok(Json(json!({"faults": control.faults()})))
}

async fn clear_faults(State(control): State<Control>) -> Reply {
    control.clear_faults();
    faults(State(control)).await
}

/// What is not named stays as it is.
async fn settings(State(control): State<Control>, Json(change): Json<Value>) -> Response {
    let mut merged = json!(control.settings());
    if let (Some(merged), Value::Object(change)) = (merged.as_object_mut(), change) {
        merged.extend(change);
    }
    match serde_json::from_value::<Settings>(merged) {
        Ok(settings) => {
            control.configure(|current| current.clone_from(&settings));
            Json(json!(settings)).into_response()
        }
        Err(error) => {
            (StatusCode::BAD_REQUEST, Json(json!({"error": error.to_string()}))).into_response()
        }
    }
}

#[derive(Deserialize)]
struct OnSockets {
    #[serde(flatten)]
    action: SocketAction,
    #[serde(default)]
    connection: Option<u64>,
}

async fn sockets(State(control): State<Control>, Json(body): Json<OnSockets>) -> Reply {
    Ok(Json(json!({"met": control.sockets(&body.action, body.connection)})))
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    frame: Value,
    #[serde(default)]
    base64: Option<String>,
}

async fn raw(State(control): State<Control>, Json(body): Json<Raw>) -> Reply {
    let bytes = match (body.base64, body.frame) {
        (Some(base64), _) => STANDARD.decode(base64).unwrap_or_default(),
        (None, Value::String(text)) => text.into_bytes(),
        (None, json) => json.to_string().into_bytes(),
    };
    Ok(Json(json!({"sent": control.raw(bytes)})))
}

#[derive(Deserialize)]
struct Advance {
    advance_s: f64,
}

async fn clock(State(control): State<Control>, Json(body): Json<Advance>) -> Response {
    let Ok(by) = Duration::try_from_secs_f64(body.advance_s) else {
        let error = json!({"error": "advance_s: expected seconds, not below 0"});
        return (StatusCode::BAD_REQUEST, Json(error)).into_response();
    };
    control.advance(by);
    Json(json!({"now_us": control.clock().now_us()})).into_response()
}

#[derive(Deserialize)]
struct Told {
    event: Value,
}

async fn event(State(control): State<Control>, Json(body): Json<Told>) -> Reply {
    control.event(&body.event);
    Ok(Json(json!({})))
}
