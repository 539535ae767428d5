//! One Socket Mode connection: its handshake, what it reads and what it writes.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::derive_accept_key,
        protocol::{
            Role, WebSocketConfig,
            frame::{
                Frame as RawFrame,
                coding::{Data, OpCode},
            },
        },
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    acknowledgement,
    link::{FRAMES_QUEUED_MAX, Frame, Switches},
    workspace::APP,
    world::{World, fresh_id},
};

/// The largest message an app may send, in bytes: acknowledgements are small.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

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
            serve(&world, socket, query.debug_reconnects).await;
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

/// Runs a connection from `hello` until either side ends it.
async fn serve(world: &World, mut socket: Socket, debug_reconnects: bool) {
    let (frames, queue) = mpsc::channel(FRAMES_QUEUED_MAX);
    let switches = Switches { cut: world.shutdown.child_token(), ..Switches::default() };
    let opened = world.link.open(frames.clone(), &switches, debug_reconnects, world.clock.now_us());
    let Some(opened) = opened else {
        let _ = socket.send(Message::text(disconnect_frame("too_many_websockets"))).await;
        let _ = socket.close(None).await;
        world.journal.socket(0, "refused", Some("too_many_websockets"));
        return;
    };
    world.journal.socket(opened.id, "opened", None);
    // The queue is empty, so hello is the first frame; what waited follows it.
    let _ = frames.try_send(Frame::Text(hello_frame(opened.number, opened.lifetime)));
    let sent = world.link.deliver_waiting(world.clock.now_us());
    world.journal.link(sent);
    world.feed_sockets();

    let (sink, stream) = socket.split();
    let reading = read(world, opened.id, stream, &switches);
    let writing = write(world, sink, queue, &switches.freeze);
    tokio::select! {
        () = switches.cut.cancelled() => {}
        () = reading => {}
        () = writing => {}
    }
    world.link.closed(opened.id);
    world.journal.socket(opened.id, "closed", None);
    world.feed_sockets();
}

/// Reads acknowledgements until the client closes or falls silent.
async fn read(
    world: &World,
    connection: u64,
    mut stream: SplitStream<Socket>,
    switches: &Switches,
) {
    let silence_max = world.options.socket.silence_max;
    loop {
        // What is not read any more falls silent in the end.
        let next = tokio::select! {
            () = switches.freeze.cancelled() => return tokio::time::sleep(silence_max).await,
            () = switches.deafen.cancelled() => return tokio::time::sleep(silence_max).await,
            next = tokio::time::timeout(silence_max, stream.next()) => next,
        };
        match next {
            Ok(Some(Ok(Message::Text(text)))) => {
                acknowledgement::receive(world, connection, text.as_bytes());
            }
            Ok(Some(Ok(Message::Binary(bytes)))) => {
                acknowledgement::receive(world, connection, &bytes);
            }
            // After a close frame the stream ends by itself, once the reply to it is written.
            Ok(Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_),
            ))) => {}
            Ok(Some(Err(_)) | None) | Err(_) => return,
        }
    }
}

/// Writes what is queued, many frames to a flush, and pings.
async fn write(
    world: &World,
    mut sink: SplitSink<Socket, Message>,
    mut queue: mpsc::Receiver<Frame>,
    freeze: &CancellationToken,
) {
    let every = world.options.socket.ping_every;
    let mut pings = tokio::time::interval_at(Instant::now() + every, every);
    loop {
        let frame = tokio::select! {
            () = freeze.cancelled() => return std::future::pending().await,
            frame = queue.recv() => frame,
            _ = pings.tick() => {
                let ping = Message::Ping(Bytes::from_static(b"Ping from local"));
                if sink.send(ping).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let Some(mut frame) = frame else { return };
        loop {
            let message = match frame {
                Frame::Text(text) => Message::text(text),
                Frame::Raw(bytes) => {
                    Message::Frame(RawFrame::message(bytes, OpCode::Data(Data::Text), true))
                }
                Frame::Close => {
                    let _ = sink.close().await;
                    return;
                }
            };
            if sink.feed(message).await.is_err() {
                return;
            }
            match queue.try_recv() {
                Ok(next) => frame = next,
                Err(_) => break,
            }
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

fn hello_frame(connections: usize, lifetime: Duration) -> String {
    json!({
        "type": "hello",
        "num_connections": connections,
        "connection_info": {"app_id": APP},
        "debug_info": {
            "host": host(), "started": "2026-11-01 00:00:00.000", "build_number": 1,
            "approximate_connection_time": lifetime.as_secs(),
        },
    })
    .to_string()
}

/// The frame that asks a client to go.
pub(super) fn disconnect_frame(reason: &str) -> String {
    json!({"type": "disconnect", "reason": reason, "debug_info": {"host": host()}}).to_string()
}

fn host() -> &'static str {
    "applink-local"
}

/// The address of the next connection.
pub(super) fn fresh_address(world: &World, authority: &str) -> Value {
    let ticket = fresh_id("");
    world.link.issue_ticket(ticket.clone());
    json!(format!("ws://{authority}/link/?ticket={ticket}&app_id={APP}"))
}
