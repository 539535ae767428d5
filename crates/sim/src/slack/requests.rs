//! The app's request URL: what would go over a socket goes there as signed HTTP requests.
//!
//! Shapes: <https://docs.slack.dev/apis/events-api/using-http-request-urls/>. A request that is not
//! answered 2xx within the deadline is sent again as an envelope would be.

use std::{sync::Arc, time::Duration, time::SystemTime};

use bytes::Bytes;
use hmac::{Hmac, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use url::form_urlencoded;

use super::{
    acknowledgement,
    connection::{FRAMES_QUEUED_MAX, Frame, Opened, Switches},
    envelope::Kind,
    world::World,
};

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// An envelope as a socket would carry it.
#[derive(Deserialize)]
struct Wire {
    envelope_id: String,
    #[serde(rename = "type")]
    kind: Kind,
    payload: Value,
    #[serde(default)]
    retry_attempt: u32,
    #[serde(default)]
    retry_reason: String,
}

/// Delivers to `base` (`http://HOST:PORT/slack`) until `stop`. It takes the place of one socket; when
/// that is told to go, the next one takes over.
pub(super) async fn run(world: Arc<World>, base: String, stop: CancellationToken) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    while !stop.is_cancelled() {
        let (frames, queue) = mpsc::channel(FRAMES_QUEUED_MAX);
        let switches = Switches { cut: stop.child_token(), ..Switches::default() };
        let now_us = world.clock.now_us();
        let Some(Opened { id, sent }) = world.link.open(frames, &switches, false, now_us) else {
            return;
        };
        world.journal.socket(id, "opened", Some("requests"));
        world.journal.link(sent);
        let requests = TaskTracker::new();
        let deliver = deliver(&world, id, &client, &base, queue, &requests);
        switches.cut.run_until_cancelled(deliver).await;
        world.link.closed(id);
        world.journal.socket(id, "closed", None);
        requests.close();
        requests.wait().await;
    }
}

async fn deliver(
    world: &Arc<World>,
    connection: u64,
    client: &Client<HttpConnector, Full<Bytes>>,
    base: &str,
    mut queue: mpsc::Receiver<Frame>,
    requests: &TaskTracker,
) {
    while let Some(frame) = queue.recv().await {
        let text = match frame {
            Frame::Text(text) => text,
            Frame::Raw(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Frame::Close => return,
        };
        // Hellos and disconnects are for sockets.
        let Ok(wire) = serde_json::from_str::<Wire>(&text) else { continue };
        let (world, client) = (Arc::clone(world), client.clone());
        let base = base.to_owned();
        let deadline = world.options.socket.ack_deadline;
        requests.spawn(async move {
            let envelope_id = wire.envelope_id.clone();
            let secret = world.options.signing_secret.clone();
            match post(&client, &base, &secret, wire, deadline).await {
                Answer::Taken(payload) => {
                    let ack = json!({"envelope_id": envelope_id, "payload": payload});
                    acknowledgement::receive(&world, connection, ack.to_string().as_bytes());
                }
                Answer::NoRetry => world.journal.link(world.link.give_up(&envelope_id)),
                Answer::Missed(reason) => {
                    world.link.blame(&envelope_id, reason);
                    world.journal.socket(connection, "missed", Some(reason));
                }
            }
        });
    }
}

/// What became of a request.
enum Answer {
    Taken(Value),
    /// Not taken, and it is not to come again (`X-Slack-No-Retry: 1`).
    NoRetry,
    /// Not taken in time, and why.
    Missed(&'static str),
}

/// What the app answered within the deadline.
async fn post(
    client: &Client<HttpConnector, Full<Bytes>>,
    base: &str,
    secret: &str,
    wire: Wire,
    deadline: Duration,
) -> Answer {
    let Some(request) = request(base, secret, wire) else { return Answer::Missed("unknown_error") };
    let sending = async {
        let Ok(answer) = client.request(request).await else {
            return Answer::Missed("connection_failed");
        };
        if !answer.status().is_success() {
            let header = answer.headers().get("x-slack-no-retry");
            let no_retry = header.is_some_and(|value| value == "1");
            return if no_retry { Answer::NoRetry } else { Answer::Missed("http_error") };
        }
        match Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await {
            Ok(read) => Answer::Taken(serde_json::from_slice(&read.to_bytes()).unwrap_or_default()),
            Err(_) => Answer::Missed("http_error"),
        }
    };
    let missed = Answer::Missed("http_timeout");
    tokio::time::timeout(deadline, sending).await.unwrap_or(missed)
}

/// The signed request that carries an envelope.
fn request(base: &str, secret: &str, wire: Wire) -> Option<Request<Full<Bytes>>> {
    let (place, content, body) = match wire.kind {
        Kind::EventsApi => ("events", "application/json", wire.payload.to_string()),
        Kind::Interactive => {
            ("interactions", FORM, form([("payload", wire.payload.to_string().as_str())]))
        }
        Kind::SlashCommands => {
            let fields = wire.payload.as_object().into_iter().flatten();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let fields: Vec<(&str, String)> =
                fields.map(|(name, value)| (name.as_str(), text(value))).collect();
            ("commands", FORM, form(fields.iter().map(|(name, value)| (*name, value.as_str()))))
        }
    };
    let timestamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    let mut request = Request::post(format!("{base}/{place}"))
        .header(header::CONTENT_TYPE, content)
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", signature(secret, timestamp, &body)?);
    if wire.retry_attempt > 0 {
        request = request
            .header("x-slack-retry-num", wire.retry_attempt)
            .header("x-slack-retry-reason", wire.retry_reason);
    }
    request.body(Full::from(body)).ok()
}

const FORM: &str = "application/x-www-form-urlencoded";

fn form<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// <https://docs.slack.dev/authentication/verifying-requests-from-slack/>.
fn signature(secret: &str, timestamp: u64, body: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("v0:{timestamp}:{body}").as_bytes());
    Some(format!("v0={:x}", mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Slack's own page.
    #[test]
    fn a_request_is_signed_as_slack_documents_it() {
        let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
                    channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&\
                    command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2F\
                    commands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=\
                    398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        let signed = signature("8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618, body);
        let expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
        assert_eq!(signed.as_deref(), Some(expected));
    }
}
