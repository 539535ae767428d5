//! The control API: JSON over HTTP under `/sim`, for tests in any language and for the page.
//!
//! What is asked for wrongly is answered with 400 and `{"error": "…"}`.
//!
//! | Request | Body or query | Answer |
//! |---|---|---|
//! | `POST /sim/messages` | `{channel, user, text, thread_ts?, broadcast?, files?: [{name, text \| base64}], ts?, client_msg_id?}` | `{ts}` |
//! | `GET /sim/messages` | `?channel=&thread_ts=` | `{messages: […]}`, oldest first |
//! | `POST /sim/edit` | `{channel, ts, text}` | `{}` |
//! | `POST /sim/delete` | `{channel, ts}` | `{}` |
//! | `POST /sim/react` | `{channel, ts, user, name, remove?: true}` | `{changed}` |
//! | `POST /sim/unfurl` | `{channel, ts, link}`: a change that is no edit | `{}` |
//! | `POST /sim/press` | `{channel, ts, user, action_id, value?}`, or `{view_id, user, action_id, value?, values?}` | `{trigger_id}` |
//! | `POST /sim/command` | `{channel, user, command, text}` | `{trigger_id}` |
//! | `POST /sim/submit` | `{view_id, values}` | `{trigger_id}` |
//! | `POST /sim/close` | `{view_id}`: without submitting it | `{}` |
//! | `POST /sim/home` | `{user, tab: "home" \| "messages"}` | `{}` |
//! | `POST /sim/stop` | `{channel, thread_ts, user}`: the stop button of an agent session | `{}` |
//! | `POST /sim/title` | `{channel, thread_ts, user, title}`: a person renames an agent session | `{}` |
//! | `POST /sim/users` | `{id?, name, real_name?, tz?: [name, seconds], guest?: "no" \| "multi_channel" \| "single_channel", team?, deleted?}` | `{id}` |
//! | `POST /sim/channels` | `{id?, name, private?, members?, shared_with?: [team], archived?}`, or `{group: true, members}` | `{id}` |
//! | `POST /sim/members` | `{channel, user, inviter?, leave?: true}` | `{changed}` |
//! | `POST /sim/usergroups` | `{handle, users}` | `{id}` |
//! | `POST /sim/events` | `{event}`: of any type, subscribed or not | `{}` |
//! | `POST /sim/faults` | `{method, fault, count?, retry_after_s?, delay_ms?, error?, status?, channel?, user?}` | `{}` |
//! | `GET`, `DELETE /sim/faults` | | `{faults}` |
//! | `POST /sim/settings` | any part of the settings | the settings |
//! | `POST /sim/sockets` | `{action: "disconnect" \| "drop" \| "half_open" \| "deaf" \| "lose_acks", reason?, count?, connection?}` | `{met}` |
//! | `POST /sim/requests` | `{url?}`: the app's request URL, `http://HOST:PORT/slack`; sockets again without | `{}` |
//! | `POST /sim/raw` | `{frame}`: a text, any JSON, or `{base64}` for what is no UTF-8 | `{sent}` |
//! | `POST /sim/clock` | `{advance_s}` | `{now_us}` |
//! | `GET /sim/state` | | people, channels, sessions, sockets, settings |
//! | `GET /sim/journal` | `?since=` | `{entries: […]}` |
//! | `GET /sim/feed` | | server-sent events, see [`super::super::feed`] |

mod people;
mod trouble;
mod workspace;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::BroadcastStream;

use super::{Control, ControlError};
use crate::slack::world::World;

type Reply = Result<Json<Value>, ControlError>;

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, Json(json!({"error": self.to_string()}))).into_response()
    }
}

/// The routes under `/sim`.
pub(in crate::slack) fn router(world: Arc<World>) -> Router {
    people::routes()
        .merge(workspace::routes())
        .merge(trouble::routes())
        .route("/state", get(state))
        .route("/journal", get(journal))
        .route("/feed", get(feed))
        .with_state(Control { world })
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
