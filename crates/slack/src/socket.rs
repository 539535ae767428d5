//! Our own Socket Mode loop: several overlapping connections, acknowledgements as commits return.
//!
//! Each slot keeps one connection. When Slack announces a connection's end, or shortly before the end
//! of the life that its `hello` spoke of, the slot opens the successor and waits for its `hello` before
//! the old one finishes its acknowledgements and closes (make before break). A connection that closes, errs or goes silent is replaced with jittered
//! backoff. What no retry heals (a refused token, Socket Mode switched off) is reported as a fault
//! and tried again only every [`Bounds::fault_retry`].

mod connection;
mod failure;
mod liveness;
mod open;
mod room;
mod slot;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caller::Caller;
use crate::error::SlackError;
use crate::frame::Frame;
use room::Room;

/// The largest WebSocket frame or message that is read, in bytes; tungstenite's own bound for a
/// frame is 16 MiB. A larger one closes its connection.
pub const FRAME_BYTES_MAX: usize = 32 * 1024 * 1024;

/// What all frames whose commits are pending may weigh, over all connections, in KiB. When it is
/// reached, reading pauses.
pub const IN_FLIGHT_KIB_MAX: u32 = 128 * 1024;

/// What one frame weighs at least, in KiB: bounds the count of pending frames to 2,048.
pub const IN_FLIGHT_KIB_MIN: u32 = 64;

const _: () = assert!(FRAME_BYTES_MAX > 16 * 1024 * 1024, "raised above tungstenite's own");
const _: () = assert!(FRAME_BYTES_MAX > event::limits::RAW_BYTES_MAX, "heads need whole frames");
const _: () = assert!(FRAME_BYTES_MAX / 1024 <= IN_FLIGHT_KIB_MAX as usize, "one frame fits");

/// Where to connect, and how patiently.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// `https://slack.com/api`, or a local Slack's base; without a trailing slash.
    pub api_url: String,
    /// The app's token, `xapp-…`.
    pub app_token: SecretString,
    /// How many connections to keep; Slack allows 10 per app, over all processes.
    pub sockets: usize,
    /// Times, for tests to shorten.
    pub bounds: Bounds,
}

impl SocketOptions {
    /// Two connections under the usual bounds.
    #[must_use]
    pub fn new(api_url: &str, app_token: SecretString) -> Self {
        SocketOptions {
            api_url: api_url.to_owned(),
            app_token,
            sockets: 2,
            bounds: Bounds::default(),
        }
    }
}

/// Every time that the loop waits for something.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// For `apps.connections.open`, and again for the WebSocket's handshake.
    pub connect: Duration,
    /// For Slack's `hello` after the handshake.
    pub hello: Duration,
    /// Between our own pings.
    pub ping_every: Duration,
    /// For the pong.
    pub pong: Duration,
    /// Without anything from a server that has pinged before.
    pub silence: Duration,
    /// For one write.
    pub write: Duration,
    /// For the commits that are pending when a connection is to close.
    pub drain: Duration,
    /// For the other side's close.
    pub close: Duration,
    /// Before the first reconnect attempt that follows a failure; doubles, with jitter.
    pub backoff_min: Duration,
    /// The longest delay between reconnect attempts, jitter aside.
    pub backoff_max: Duration,
    /// How long a connection must have stood for its end to count as the first failure.
    pub stable_after: Duration,
    /// Between attempts while Slack refuses us for good.
    pub fault_retry: Duration,
    /// Before the end that Slack announced at the start, when it spoke of one.
    pub renew_before: Duration,
    /// Between the first connections of the slots, so that they do not expire together.
    pub stagger: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            connect: Duration::from_secs(10),
            hello: Duration::from_secs(10),
            ping_every: Duration::from_secs(5),
            pong: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            write: Duration::from_secs(5),
            drain: Duration::from_secs(10),
            close: Duration::from_secs(2),
            backoff_min: Duration::from_millis(500),
            backoff_max: Duration::from_secs(30),
            stable_after: Duration::from_secs(30),
            fault_retry: Duration::from_secs(60),
            renew_before: Duration::from_secs(30),
            stagger: Duration::from_secs(3),
        }
    }
}

/// How the connections stand.
#[derive(Clone, Debug, Default)]
pub struct SocketStatus {
    /// Connections that said hello and are not closing.
    pub open: usize,
    /// When the last frame came, hellos included.
    pub last_frame: Option<Instant>,
    /// Envelopes and unreadable frames received.
    pub frames: u64,
    /// Acknowledgements written.
    pub acks: u64,
    /// Connections that said hello, over the whole run.
    pub hellos: u64,
    /// What keeps us from connecting, when only an operator can heal it: Slack's code.
    pub fault: Option<String>,
}

/// What to do about a frame's acknowledgement.
#[derive(Clone, Debug, PartialEq)]
pub enum Ack {
    /// Acknowledge it: it is durable.
    Now,
    /// Acknowledge it with an answer, where the envelope accepts one.
    With(Value),
    /// Stay silent, so that Slack delivers it again.
    Withheld,
}

/// Receives every frame but hellos and disconnects.
#[async_trait]
pub trait FrameHandler: Send + Sync + 'static {
    /// Keeps a frame and says whether it may be acknowledged. Called concurrently; the
    /// acknowledgement is written as soon as this returns. Must come to an end by itself.
    async fn frame(&self, raw: Vec<u8>, frame: Frame) -> Ack;
}

/// What all slots and connections share.
struct Shared {
    caller: Caller,
    sockets: usize,
    bounds: Bounds,
    handler: Arc<dyn FrameHandler>,
    room: Room,
    status: watch::Sender<SocketStatus>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

/// Keeps the connections until shutdown: then it stops reading, writes the acknowledgements of
/// what is being committed, and closes.
///
/// # Errors
/// [`SlackError::Setup`] when the client cannot be made. Everything else is retried.
pub async fn run(
    options: SocketOptions,
    handler: Arc<dyn FrameHandler>,
    shutdown: CancellationToken,
    status: watch::Sender<SocketStatus>,
) -> Result<(), SlackError> {
    let SocketOptions { api_url, app_token, sockets, bounds } = options;
    let shared = Arc::new(Shared {
        caller: Caller::new(&api_url, &app_token, bounds.connect)?,
        sockets,
        bounds,
        handler,
        room: Room::new(),
        status,
        shutdown,
        tasks: TaskTracker::new(),
    });
    for number in 0..shared.sockets {
        shared.tasks.spawn(slot::keep(Arc::clone(&shared), number));
    }
    shared.tasks.close();
    shared.tasks.wait().await;
    Ok(())
}
