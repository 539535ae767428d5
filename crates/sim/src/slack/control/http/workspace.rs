//! What the workspace is made of.

use axum::{Json, Router, extract::State, routing::post};
use serde::Deserialize;
use serde_json::json;

use super::{
    super::{Control, Crew, Person, Place},
    Reply,
};

pub(super) fn routes() -> Router<Control> {
    Router::new()
        .route("/users", post(user))
        .route("/channels", post(channel))
        .route("/members", post(member))
        .route("/usergroups", post(usergroup))
}

async fn user(State(control): State<Control>, Json(body): Json<Person>) -> Reply {
    Ok(Json(json!({"id": control.person(body)?})))
}

async fn channel(State(control): State<Control>, Json(body): Json<Place>) -> Reply {
    Ok(Json(json!({"id": control.place(body)?})))
}

async fn usergroup(State(control): State<Control>, Json(body): Json<Crew>) -> Reply {
    Ok(Json(json!({"id": control.usergroup(body)?})))
}

#[derive(Deserialize)]
struct Member {
    channel: String,
    user: String,
    #[serde(default)]
    inviter: Option<String>,
    #[serde(default)]
    leave: bool,
}

async fn member(State(control): State<Control>, Json(body): Json<Member>) -> Reply {
    let Member { channel, user, inviter, leave } = body;
    let changed = if leave {
        control.leave(&channel, &user)?
    } else {
        control.join(&channel, &user, inviter.as_deref())?
    };
    Ok(Json(json!({"changed": changed})))
}
