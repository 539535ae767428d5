//! How a connection fails, in words that hold neither addresses (they hold tickets) nor content.

use std::io;
use std::time::Duration;

use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Utf8Bytes};

use super::FRAME_BYTES_MAX;
use crate::error::SlackError;

/// The disconnect reason that means: Socket Mode was switched off in the app's settings.
pub(super) const LINK_DISABLED: &str = "link_disabled";

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

/// RFC 6455 §7.4.1: how a connection ends over a message that cannot be taken.
pub(super) fn farewell(error: &WsError) -> Option<CloseFrame> {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "tungstenite's enum; the rest broke no rule"
    )]
    let code = match error {
        WsError::Utf8(_) => CloseCode::Invalid,
        WsError::Capacity(_) => CloseCode::Size,
        WsError::Protocol(_) => CloseCode::Protocol,
        _ => return None,
    };
    Some(CloseFrame { code, reason: Utf8Bytes::default() })
}

/// Bounds a write.
pub(super) async fn within(
    limit: Duration,
    writing: impl Future<Output = Result<(), WsError>>,
) -> Result<(), SlackError> {
    match timeout(limit, writing).await {
        Ok(result) => result.map_err(ended),
        Err(_) => Err(socket("a write took too long", None)),
    }
}
