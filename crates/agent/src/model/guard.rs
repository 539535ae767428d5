//! Stands between the client and the wire: turns error statuses into our own errors, before the
//! client can log or lose them, and bounds what an answer may weigh.

use bytes::Bytes;
use chrono::Utc;
use futures::future::BoxFuture;
use futures::stream::{Stream, StreamExt as _};
use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use tower::Service;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;

use super::error::ModelError;
use super::patience::retry_after;

/// The most bytes of one answer on the wire, framing included.
pub const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The most bytes of one line of an answer's stream. The reader goes over an unfinished line again
/// with every piece that arrives, so this bounds its time as well.
pub const LINE_BYTES_MAX: usize = 256 * 1024;

/// The most bytes read of an error's body.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// The service that the client sends its requests through. It sends each once.
pub(super) fn service(
    http: reqwest::Client,
) -> impl Service<
    HttpRequestFactory,
    Response = Response,
    Error = OpenAIError,
    Future = BoxFuture<'static, Result<Response, OpenAIError>>,
> + Clone
+ Send
+ Sync
+ 'static {
    tower::service_fn(move |request: HttpRequestFactory| {
        let http = http.clone();
        let sent: BoxFuture<'static, _> = Box::pin(async move {
            let request = request.build().await?;
            let sent = http.execute(request).await.map_err(ModelError::network);
            let guarded = match sent {
                Ok(response) => guard(response).await,
                Err(error) => Err(error),
            };
            guarded.map_err(|error| OpenAIError::Boxed(Box::new(error)))
        });
        sent
    })
}

async fn guard(response: Response) -> Result<Response, ModelError> {
    let status = response.status().as_u16();
    if !response.status().is_success() {
        let wait = retry_after(response.headers(), Utc::now());
        let body = read(response, ERROR_BYTES_MAX).await.unwrap_or_default();
        return Err(ModelError::status(status, &String::from_utf8_lossy(&body), Some(wait)));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let body = match kind.is_some_and(|kind| kind.starts_with("application/json")) {
        true => as_stream(&read(response, ANSWER_BYTES_MAX).await?)?,
        false => reqwest::Body::wrap_stream(bounded(response.bytes_stream())),
    };
    Ok(http::Response::new(body).into())
}

/// Reads at most `bytes_max` of a body.
async fn read(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.map_err(ModelError::network)? {
        let room = bytes_max - body.len();
        body.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if body.len() == bytes_max {
            break;
        }
    }
    Ok(body)
}

/// A server that cannot stream answers in one piece; it then becomes a stream of one event.
fn as_stream(body: &[u8]) -> Result<reqwest::Body, ModelError> {
    let whole: Value = serde_json::from_slice(body)
        .map_err(|_| ModelError::Unreadable { reason: "it is not JSON".into() })?;
    Ok(format!("data: {whole}\n\ndata: [DONE]\n\n").into())
}

/// The stream, until it or one of its lines grows too large.
fn bounded<S>(stream: S) -> impl Stream<Item = Result<Bytes, std::io::Error>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
{
    let mut weight = Weight::default();
    stream.map(move |bytes| {
        let bytes = bytes.map_err(|error| std::io::Error::other(error.without_url()))?;
        weight.add(&bytes).map_err(std::io::Error::other)?;
        Ok(bytes)
    })
}

#[derive(Default)]
struct Weight {
    answer_bytes: usize,
    line_bytes: usize,
}

impl Weight {
    fn add(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.answer_bytes += bytes.len();
        if self.answer_bytes > ANSWER_BYTES_MAX {
            return Err(format!("it is larger than {ANSWER_BYTES_MAX} bytes"));
        }
        for (number, piece) in bytes.split(|byte| *byte == b'\n').enumerate() {
            self.line_bytes = if number == 0 { self.line_bytes + piece.len() } else { piece.len() };
            if self.line_bytes > LINE_BYTES_MAX {
                return Err(format!("one of its lines is longer than {LINE_BYTES_MAX} bytes"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_refused_however_it_is_cut() {
        let half = vec![b'x'; LINE_BYTES_MAX / 2 + 1];
        let mut weight = Weight::default();
        weight.add(&half).unwrap();
        assert!(weight.add(&half).is_err());

        let mut weight = Weight::default();
        weight.add(&half).unwrap();
        weight.add(b"\n").unwrap();
        weight.add(&half).unwrap();
    }

    #[test]
    fn a_large_answer_is_refused_though_its_lines_are_short() {
        let lines = b"data: x\n".repeat(1_000);
        let mut weight = Weight::default();
        assert!((0..=ANSWER_BYTES_MAX / lines.len()).any(|_| weight.add(&lines).is_err()));
    }
}
