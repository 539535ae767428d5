//! What people do.

use axum::{
    Json, Router,
    extract::{Query, State},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{Control, Press, Send},
    Reply,
};

pub(super) fn routes() -> Router<Control> {
    Router::new()
        .route("/messages", get(messages).post(send))
        .route("/edit", post(edit))
        .route("/delete", post(delete))
        .route("/unfurl", post(unfurl))
        .route("/react", post(react))
        .route("/press", post(press))
        .route("/command", post(command))
        .route("/submit", post(submit))
        .route("/close", post(close))
        .route("/home", post(home))
        .route("/stop", post(stop))
        .route("/title", post(title))
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
    title: String,
    #[serde(default)]
    link: String,
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

async fn title(State(control): State<Control>, Json(body): Json<OnMessage>) -> Reply {
    control.rename_session(&body.channel, &body.ts, &body.user, &body.title)?;
    Ok(Json(json!({})))
}

async fn unfurl(State(control): State<Control>, Json(body): Json<OnMessage>) -> Reply {
    control.unfurl(&body.channel, &body.ts, &body.link)?;
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

async fn close(State(control): State<Control>, Json(body): Json<Submit>) -> Reply {
    control.close(&body.view_id)?;
    Ok(Json(json!({})))
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
