//! Opening one connection: an address from the Web API, the handshake, the `hello`.

use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::failure::{ended, refused, socket};
use super::{FRAME_BYTES_MAX, Shared};
use crate::error::SlackError;
use crate::frame::{self, Frame};
use crate::json::text;

/// A WebSocket to Slack.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection on which Slack has said hello.
pub(super) struct Opened {
    pub(super) socket: Socket,
    /// How long Slack means to keep it, when it says so.
    pub(super) lifetime: Option<Duration>,
}

/// Opens a connection and waits until Slack says hello on it.
///
/// # Errors
/// The Web API's failures, and [`SlackError::Socket`] for the handshake's and the hello's.
pub(super) async fn open(shared: &Shared) -> Result<Opened, SlackError> {
    let answer = shared.caller.post("apps.connections.open", &json!({})).await?;
    let address = text(&answer, "/url").ok_or_else(|| socket("no address given", None))?;
    let config = WebSocketConfig::default()
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .max_message_size(Some(FRAME_BYTES_MAX));
    let without_delay = true;
    let connecting = connect_async_with_config(address, Some(config), without_delay);
    let (mut connected, _) = timeout(shared.bounds.connect, connecting)
        .await
        .map_err(|_| socket("the handshake took too long", None))?
        .map_err(ended)?;
    let lifetime = timeout(shared.bounds.hello, hello(&mut connected))
        .await
        .map_err(|_| socket("no hello came in time", None))??;
    Ok(Opened { socket: connected, lifetime })
}

/// How long Slack means to keep the connection.
async fn hello(connected: &mut Socket) -> Result<Option<Duration>, SlackError> {
    while let Some(message) = connected.next().await {
        let raw = match message.map_err(ended)? {
            Message::Text(text) => text.as_bytes().to_vec(),
            Message::Binary(bytes) => bytes.to_vec(),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            Message::Close(_) => break,
        };
        match frame::read(&raw) {
            Frame::Hello { approximate_connection_time, connections } => {
                tracing::debug!(?approximate_connection_time, connections, "hello");
                return Ok(approximate_connection_time);
            }
            Frame::Disconnect { reason } => return Err(refused(reason)),
            // Nothing may come before the hello; what does comes again, as it is not acknowledged.
            Frame::Envelope(_) | Frame::Unreadable { .. } => {}
        }
    }
    Err(socket("closed before its hello", None))
}
