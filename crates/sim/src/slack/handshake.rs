//! How a Socket Mode connection begins: its address with a ticket, and the WebSocket handshake.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::{
    socket,
    workspace::APP,
    world::{World, fresh_id},
};

/// The largest message an app may send, in bytes: acknowledgements are small.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// The address of the next connection.
pub(super) fn fresh_address(world: &World, authority: &str) -> Value {
    let ticket = fresh_id("");
    world.link.issue_ticket(ticket.clone());
    json!(format!("ws://{authority}/link/?ticket={ticket}&app_id={APP}"))
}

/// The query of the address that `apps.connections.open` gives out.
#[derive(Deserialize)]
pub(super) struct LinkQuery {
    #[serde(default)]
    ticket: String,
    #[serde(default)]
    debug_reconnects: bool,
}

/// `GET /link/?ticket=…`: becomes a WebSocket.
pub(super) async fn upgrade(
    State(world): State<Arc<World>>,
    Query(query): Query<LinkQuery>,
    mut request: Request,
) -> Response {
    let Some(accept) = accept_key(request.headers()) else {
        return (StatusCode::UPGRADE_REQUIRED, "expected a WebSocket handshake").into_response();
    };
    let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return (StatusCode::UPGRADE_REQUIRED, "this connection cannot be upgraded")
            .into_response();
    };
    if !world.link.redeem_ticket(&query.ticket) {
        return (StatusCode::FORBIDDEN, "expected an unused ticket from apps.connections.open")
            .into_response();
    }
    let tasks = world.tasks.clone();
    tasks.spawn(async move {
        if let Ok(upgraded) = upgrade.await {
            let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX));
            let io = TokioIo::new(upgraded);
            let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
            socket::serve(&world, socket, query.debug_reconnects).await;
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Body::empty())
        .unwrap_or_default()
}

fn accept_key(headers: &HeaderMap) -> Option<String> {
    let is_websocket = headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_websocket)?;
    Some(derive_accept_key(key.as_bytes()))
}
