//! The control API: JSON over HTTP under `/sim`, for tests in any language and for the page.
//!
//! What is asked for wrongly is answered with 400 and `{"error": "…"}`.
//!
//! | Request | Body or query | Answer |
//! |---|---|---|
//! | `POST /sim/messages` | `{channel, user, text, thread_ts?, broadcast?, files?: [{name, text \| base64}]}` | `{ts}` |
//! | `GET /sim/messages` | `?channel=&thread_ts=` | `{messages: […]}`, oldest first |
//! | `POST /sim/edit` | `{channel, ts, text}` | `{}` |
//! | `POST /sim/delete` | `{channel, ts}` | `{}` |
//! | `POST /sim/react` | `{channel, ts, user, name, remove?: true}` | `{changed}` |
//! | `POST /sim/press` | `{channel, ts, user, action_id, value?}` | `{trigger_id}` |
//! | `POST /sim/command` | `{channel, user, command, text}` | `{trigger_id}` |
//! | `POST /sim/submit` | `{view_id, values}` | `{trigger_id}` |
//! | `POST /sim/home` | `{user, tab: "home" \| "messages"}` | `{}` |
//! | `POST /sim/stop` | `{channel, thread_ts, user}`: the stop button of an agent session | `{}` |
//! | `POST /sim/faults` | `{method, fault, count?, retry_after_s?, delay_ms?, error?, status?}` | `{}` |
//! | `GET`, `DELETE /sim/faults` | | `{faults}` |
//! | `POST /sim/settings` | any part of the settings | the settings |
//! | `POST /sim/sockets` | `{action: "disconnect" \| "drop" \| "half_open" \| "deaf" \| "lose_acks", reason?, count?, connection?}` | `{met}` |
//! | `POST /sim/requests` | `{url?}`: the app's request URL, `http://HOST:PORT/slack`; sockets again without | `{}` |
//! | `POST /sim/raw` | `{frame}`: a text, any JSON, or `{base64}` for what is no UTF-8 | `{sent}` |
//! | `POST /sim/clock` | `{advance_s}` | `{now_us}` |
//! | `GET /sim/state` | | people, channels, sessions, sockets, settings |
//! | `GET /sim/journal` | `?since=` | `{entries: […]}` |
//! | `GET /sim/feed` | | server-sent events, see [`super::super::feed`] |

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::BroadcastStream;

use super::{Control, ControlError, Press, Send, SocketAction};
use crate::slack::{faults::Fault, options::Settings, world::World};

type Reply = Result<Json<Value>, ControlError>;

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({"error": self.to_string()}))).into_response()
    }
}

/// The routes under `/sim`.
pub(in crate::slack) fn router(world: Arc<World>) -> Router {
    Router::new()
        .route("/messages", get(messages).post(send))
        .route("/edit", post(edit))
        .route("/delete", post(delete))
        .route("/react", post(react))
        .route("/press", post(press))
        .route("/command", post(command))
        .route("/submit", post(submit))
        .route("/home", post(home))
        .route("/stop", post(stop))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/settings", post(settings))
        .route("/sockets", post(sockets))
        .route("/requests", post(requests))
        .route("/raw", post(raw))
        .route("/clock", post(clock))
        .route("/state", get(state))
        .route("/journal", get(journal))
        .route("/feed", get(feed))
        .with_state(Control { world })
}

async fn send(State(control): State<Control>, Json(body): Json<Send>) -> Reply {
    Ok(Json(json!({"ts": control.send(body)?})))
}

#[derive(Deserialize)]
struct Place {
    channel: String,
    #[serde(default)]
    thread_ts: Option<String>,
}

async fn messages(State(control): State<Control>, Query(place): Query<Place>) -> Reply {
    let thread_ts = place.thread_ts.as_deref().filter(|ts| !ts.is_empty());
    Ok(Json(json!({"messages": control.messages(&place.channel, thread_ts)?})))
}

#[derive(Deserialize)]
struct OnMessage {
    channel: String,
    #[serde(alias = "thread_ts")]
    ts: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    remove: bool,
}

async fn edit(State(control): State<Control>, Json(body): Json<OnMessage>) -> Reply {
    control.edit(&body.channel, &body.ts, &body.text)?;
    Ok(Json(json!({})))
}

async fn delete(State(control): State<Control>, Json(body): Json<OnMessage>) -> Reply {
    control.delete(&body.channel, &body.ts)?;
    Ok(Json(json!({})))
}

async fn react(State(control): State<Control>, Json(body): Json<OnMessage>) -> Reply {
    let name = body.name.trim_matches(':');
    let changed = control.react(&body.channel, &body.ts, &body.user, name, !body.remove)?;
    Ok(Json(json!({"changed": changed})))
}

async fn stop(State(control): State<Control>, Json(body): Json<OnMessage>) -> Reply {
    control.stop_session(&body.channel, &body.ts, &body.user)?;
    Ok(Json(json!({})))
}

async fn press(State(control): State<Control>, Json(body): Json<Press>) -> Reply {
    Ok(Json(json!({"trigger_id": control.press(&body)?})))
}

#[derive(Deserialize)]
struct Command {
    channel: String,
    user: String,
    command: String,
    #[serde(default)]
    text: String,
}

async fn command(State(control): State<Control>, Json(body): Json<Command>) -> Reply {
    let trigger_id = control.command(&body.channel, &body.user, &body.command, &body.text)?;
    Ok(Json(json!({"trigger_id": trigger_id})))
}

#[derive(Deserialize)]
struct Submit {
    view_id: String,
    #[serde(default)]
    values: Value,
}

async fn submit(State(control): State<Control>, Json(body): Json<Submit>) -> Reply {
    Ok(Json(json!({"trigger_id": control.submit(&body.view_id, &body.values)?})))
}

#[derive(Deserialize)]
struct Home {
    user: String,
    #[serde(default = "home_tab")]
    tab: String,
}

fn home_tab() -> String {
    "home".into()
}

async fn home(State(control): State<Control>, Json(body): Json<Home>) -> Reply {
    control.open_home(&body.user, &body.tab)?;
    Ok(Json(json!({})))
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

async fn state(State(control): State<Control>) -> Json<Value> {
    Json(control.state())
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    since: u64,
}

async fn journal(State(control): State<Control>, Query(query): Query<Since>) -> Json<Value> {
    Json(json!({"entries": control.journal_since(query.since)}))
}

async fn feed(
    State(control): State<Control>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = BroadcastStream::new(control.feed()).map(|change| {
        let change = change.as_deref().unwrap_or(r#"{"type":"resync"}"#).to_owned();
        Ok(Event::default().data(change))
    });
    let stopped = control.world.shutdown.clone().cancelled_owned();
    Sse::new(changes.take_until(stopped)).keep_alive(KeepAlive::default())
}
