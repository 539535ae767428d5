//! Opening one connection: an address from the Web API, the handshake, the `hello`.

use std::io;

use futures::StreamExt;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::{FRAME_BYTES_MAX, Shared};
use crate::error::SlackError;
use crate::frame::{self, Frame};
use crate::json::text;

/// The disconnect reason that means: Socket Mode was switched off in the app's settings.
pub(super) const LINK_DISABLED: &str = "link_disabled";

/// A WebSocket to Slack.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Opens a connection and waits until Slack says hello on it.
///
/// # Errors
/// The Web API's failures, and [`SlackError::Socket`] for the handshake's and the hello's.
pub(super) async fn open(shared: &Shared) -> Result<Socket, SlackError> {
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
    timeout(shared.bounds.hello, hello(&mut connected))
        .await
        .map_err(|_| socket("no hello came in time", None))??;
    Ok(connected)
}

async fn hello(connected: &mut Socket) -> Result<(), SlackError> {
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
                return Ok(());
            }
            Frame::Disconnect { reason } => return Err(refused(reason)),
            // Nothing may come before the hello; what does comes again, as it is not acknowledged.
            Frame::Envelope(_) | Frame::Unreadable { .. } => {}
        }
    }
    Err(socket("closed before its hello", None))
}

/// A disconnect's reason, as a failure: [`LINK_DISABLED`] is an operator's to heal.
pub(super) fn refused(reason: String) -> SlackError {
    match reason.as_str() {
        LINK_DISABLED => {
            SlackError::Refused { method: "apps.connections.open".to_owned(), code: reason }
        }
        _ => socket(&format!("disconnected: {reason}"), None),
    }
}

pub(super) fn socket(what: &str, source: Option<io::Error>) -> SlackError {
    SlackError::Socket { what: what.to_owned(), source }
}

/// A WebSocket's error without what it may quote: addresses hold tickets, bodies anything.
pub(super) fn ended(error: WsError) -> SlackError {
    match error {
        WsError::Io(error) => socket("the connection broke", Some(error)),
        WsError::Http(response) => socket(&format!("HTTP status {}", response.status()), None),
        WsError::Utf8(_) => socket("a text frame that is not UTF-8", None),
        WsError::Capacity(_) => socket(&format!("a frame above {FRAME_BYTES_MAX} bytes"), None),
        WsError::ConnectionClosed | WsError::AlreadyClosed => socket("closed", None),
        WsError::Protocol(error) => socket(&error.to_string(), None),
        WsError::Tls(_) => socket("TLS failed", None),
        WsError::Url(_) | WsError::HttpFormat(_) => socket("an address that is none", None),
        WsError::WriteBufferFull(_) | WsError::AttackAttempt => socket("protocol misused", None),
    }
}
