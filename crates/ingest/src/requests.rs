//! The HTTP Events API: Slack's signed requests, answered once what they bring is committed.
//!
//! Slack waits three seconds for an answer and then tries again at once, after a minute and after
//! five: <https://docs.slack.dev/apis/events-api/#retries>. So a commit is tried for less than that
//! here, and a request that could not be kept is answered 503 and comes again.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use service::config::RequestsConfig;
use service::http;
use slack::request::{Admitted, Denied, Doorkeeper, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use slack::{Ack, FrameHandler, SocketStatus, frame};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::IngestError;
use crate::intake::Intake;

/// How long a request's commit is tried.
pub(crate) const COMMIT_PATIENCE: Duration = Duration::from_millis(2_500);

/// The largest body, in bytes; Slack's events are far below. Whose it is cannot be known before it is
/// read whole, so that strangers can fill this much for each request at once.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

/// Requests at once; further ones are answered 503 and come again.
const REQUESTS_MAX: usize = 128;

/// How long requests in hand may take at the end.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = assert!(COMMIT_PATIENCE.as_secs() < LEAVE_TIMEOUT.as_secs());

/// Takes the address.
pub(crate) async fn bind(config: &RequestsConfig) -> Result<TcpListener, IngestError> {
    let addr = config.addr;
    TcpListener::bind(addr).await.map_err(|source| IngestError::Requests { addr, source })
}

/// Serves until `soft`; what is in hand then is committed and answered.
pub(crate) async fn serve(
    listener: TcpListener,
    config: &RequestsConfig,
    intake: Intake,
    status: watch::Sender<SocketStatus>,
    soft: CancellationToken,
) {
    let door = Door {
        keeper: Doorkeeper::new(&config.signing_secret),
        room: Semaphore::new(REQUESTS_MAX),
        intake,
        status,
    };
    let app = Router::new()
        .route("/slack/events", post(take))
        .route("/slack/interactions", post(take))
        .route("/slack/commands", post(take))
        .with_state(Arc::new(door));
    let addr = listener.local_addr().ok();
    tracing::info!(?addr, "taking Slack's requests at /slack/{{events,interactions,commands}}");
    http::serve(listener, app, soft, LEAVE_TIMEOUT).await;
}

struct Door {
    keeper: Doorkeeper,
    room: Semaphore,
    intake: Intake,
    status: watch::Sender<SocketStatus>,
}

/// Why a request is answered with anything but 200. Its text goes back to whoever sent it.
enum Refusal {
    Denied(Denied),
    TooLarge,
    Slow,
    Full,
    NotStored,
}

impl Refusal {
    fn answer(&self) -> (StatusCode, &'static str, String) {
        match self {
            Refusal::Denied(denied) => (StatusCode::UNAUTHORIZED, "denied", denied.to_string()),
            Refusal::TooLarge => {
                let expected = format!("expected a body of at most {BODY_BYTES_MAX} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large", expected)
            }
            Refusal::Slow => {
                let expected =
                    format!("expected the whole body within {} s", BODY_PATIENCE.as_secs());
                (StatusCode::REQUEST_TIMEOUT, "slow", expected)
            }
            Refusal::Full => {
                let found = format!("{REQUESTS_MAX} requests are in hand; send it again later");
                (StatusCode::SERVICE_UNAVAILABLE, "full", found)
            }
            Refusal::NotStored => {
                let found = "it could not be stored; send it again".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, "not_stored", found)
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, reason, text) = self.answer();
        metrics::counter!("ingest_requests_refused_total", "reason" => reason).increment(1);
        let status_code = status.as_u16();
        match self {
            // Anybody can knock: the metric counts them, and the log stays readable.
            Refusal::Denied(_) | Refusal::TooLarge | Refusal::Slow => {
                tracing::debug!(status_code, reason = text, "a request was not taken");
            }
            Refusal::Full | Refusal::NotStored => {
                tracing::warn!(status_code, reason = text, "a request was not taken");
            }
        }
        (status, text).into_response()
    }
}

async fn take(State(door): State<Arc<Door>>, request: Request) -> Result<Response, Refusal> {
    let _room = door.room.try_acquire().map_err(|_| Refusal::Full)?;
    let (parts, body) = request.into_parts();
    let body = read(body).await?;
    let signature = header(&parts.headers, SIGNATURE_HEADER);
    let timestamp = header(&parts.headers, TIMESTAMP_HEADER);
    let admitted = door.keeper.admit(signature, timestamp, &body).map_err(Refusal::Denied)?;
    if admitted == Admitted::Again {
        metrics::counter!("ingest_requests_repeated_total").increment(1);
        return Ok(StatusCode::OK.into_response());
    }
    let frame = frame::read_request(&body);
    if let Some(word) = frame::challenge(&frame) {
        return Ok(word.to_owned().into_response());
    }
    door.status.send_modify(|status| {
        status.frames += 1;
        status.last_frame = Some(Instant::now());
    });
    let answer = match door.intake.frame(body, frame).await {
        Ack::Now => StatusCode::OK.into_response(),
        Ack::With(payload) => axum::Json(payload).into_response(),
        Ack::Withheld => return Err(Refusal::NotStored),
    };
    // Only what stands in the log is known again; anything else must be taken when it comes again.
    door.keeper.taken(signature.unwrap_or_default());
    door.status.send_modify(|status| status.acks += 1);
    Ok(answer)
}

async fn read(body: Body) -> Result<Vec<u8>, Refusal> {
    match timeout(BODY_PATIENCE, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => Ok(body.into()),
        Ok(Err(_)) => Err(Refusal::TooLarge),
        Err(_) => Err(Refusal::Slow),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
