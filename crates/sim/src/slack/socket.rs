//! One Socket Mode connection: what it reads and what it writes.

use std::{io, time::Duration};

use bytes::Bytes;
use futures::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc,
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        protocol::frame::{
            Frame as RawFrame,
            coding::{Data, OpCode},
        },
    },
};
use tokio_util::sync::CancellationToken;

use super::{
    acknowledgement,
    connection::{FRAMES_QUEUED_MAX, Frame, Opened, Switches},
    workspace::APP,
    world::World,
};

/// A WebSocket on an HTTP connection that was upgraded.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Runs a connection from `hello` until either side ends it.
pub(super) async fn serve(world: &World, mut socket: Socket, debug_reconnects: bool) {
    let (frames, queue) = mpsc::channel(FRAMES_QUEUED_MAX);
    let switches = Switches { cut: world.shutdown.child_token(), ..Switches::default() };
    let now_us = world.clock.now_us();
    let Some(Opened { id, sent }) = world.link.open(frames, &switches, debug_reconnects, now_us)
    else {
        let _ = socket.send(Message::text(disconnect_frame("too_many_websockets"))).await;
        let _ = socket.close(None).await;
        world.journal.socket(0, "refused", Some("too_many_websockets"));
        return;
    };
    world.journal.socket(id, "opened", None);
    world.journal.link(sent);
    world.feed_sockets();
    converse(world, id, socket, queue, &switches).await;
    world.link.closed(id);
    world.journal.socket(id, "closed", None);
    world.feed_sockets();
}

async fn converse(
    world: &World,
    id: u64,
    socket: Socket,
    queue: mpsc::Receiver<Frame>,
    switches: &Switches,
) {
    let (mut sink, mut stream) = socket.split();
    tokio::select! {
        // A switch that was thrown holds for the next frame already.
        biased;
        () = switches.cut.cancelled() => return,
        () = switches.freeze.cancelled() => {}
        () = read(world, id, &mut stream, &switches.deafen) => return,
        () = write(world, &mut sink, queue) => return,
    }
    // Half open: nothing is answered, not even a ping, until the client hangs up.
    let Ok(mut socket) = stream.reunite(sink) else { return };
    tokio::select! {
        () = switches.cut.cancelled() => {}
        _ = discard(socket.get_mut()) => {}
        () = tokio::time::sleep(world.options.socket.silence_max) => {}
    }
}

async fn discard(mut from: impl AsyncRead + Unpin) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while from.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Reads acknowledgements until the client closes or falls silent.
async fn read(
    world: &World,
    connection: u64,
    stream: &mut SplitStream<Socket>,
    deafen: &CancellationToken,
) {
    let silence_max = world.options.socket.silence_max;
    while let Ok(Some(Ok(message))) = tokio::time::timeout(silence_max, stream.next()).await {
        match message {
            Message::Text(_) | Message::Binary(_) if deafen.is_cancelled() => {}
            Message::Text(text) => acknowledgement::receive(world, connection, text.as_bytes()),
            Message::Binary(bytes) => acknowledgement::receive(world, connection, &bytes),
            // After a close frame the stream ends by itself, once the reply to it is written.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_) => {}
        }
    }
}

/// Writes what is queued, many frames to a flush, and pings.
async fn write(
    world: &World,
    sink: &mut SplitSink<Socket, Message>,
    mut queue: mpsc::Receiver<Frame>,
) {
    let every = world.options.socket.ping_every;
    let mut pings = tokio::time::interval_at(Instant::now() + every, every);
    loop {
        let frame = tokio::select! {
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

/// The first frame of a connection.
pub(super) fn hello_frame(connections: usize, lifetime: Duration) -> String {
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
