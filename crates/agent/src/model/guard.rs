//! Stands between the client and the wire: turns error statuses into our own errors, before the
//! client can log or lose them, and bounds what an answer may weigh.

use bytes::{Bytes, BytesMut};
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

/// The most bytes of one line of an answer's stream.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

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

/// The stream in whole lines, until it or one of its lines grows too large.
///
/// The reader behind it goes over an unfinished line again with every piece that arrives, which
/// takes a long line seconds; so it gets no unfinished ones. What follows the last line end is no
/// event (HTML Living Standard, "Server-sent events") and is dropped.
///
/// What is wrong with a stream is told within it, as an error event: the layers in between would
/// make "error decoding response body" of any error of ours.
fn bounded<S>(stream: S) -> impl Stream<Item = Result<Bytes, std::io::Error>>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Send + 'static,
{
    let bounded = stream.scan(Some(Lines::default()), |open, bytes| {
        let told = open.as_mut().map(|lines| match bytes {
            Ok(bytes) => lines.add(&bytes).map(|whole| whole.map(heard)),
            Err(error) => Err(format!("the connection broke: {}", error.without_url())),
        });
        std::future::ready(told.map(|told| match told {
            Ok(whole) => whole.map(Ok),
            Err(reason) => {
                *open = None;
                Some(Ok(ModelError::unreadable_event(&reason).into()))
            }
        }))
    });
    bounded.filter_map(std::future::ready)
}

/// A comment is a server's sign of life while its model thinks. The reader would swallow it, and
/// the wait for the next event would end; so it becomes an event that says nothing.
fn heard(whole: Bytes) -> Bytes {
    match whole.starts_with(b":") && whole.ends_with(b"\n\n") {
        true => Bytes::from_static(b"data: {}\n\n"),
        false => whole,
    }
}

#[derive(Default)]
struct Lines {
    answer_bytes: usize,
    unfinished: BytesMut,
}

impl Lines {
    /// Takes a piece; gives the lines that it completes, if any.
    fn add(&mut self, piece: &[u8]) -> Result<Option<Bytes>, String> {
        self.answer_bytes += piece.len();
        if self.answer_bytes > ANSWER_BYTES_MAX {
            return Err(format!("it is larger than {ANSWER_BYTES_MAX} bytes"));
        }
        let end = piece.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'));
        let (ended, rest) = piece.split_at(end.map_or(0, |end| end + 1));
        self.unfinished.extend_from_slice(ended);
        let whole = end.map(|_| self.unfinished.split().freeze());
        self.unfinished.extend_from_slice(rest);
        let longest = whole.iter().flat_map(|whole| whole.split(|byte| *byte == b'\n'));
        let longest = longest.map(<[u8]>::len).max().unwrap_or_default();
        if longest.max(self.unfinished.len()) > LINE_BYTES_MAX {
            return Err(format!("one of its lines is longer than {LINE_BYTES_MAX} bytes"));
        }
        Ok(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_refused_however_it_is_cut() {
        let half = vec![b'x'; LINE_BYTES_MAX / 2 + 1];
        let mut lines = Lines::default();
        assert_eq!(lines.add(&half), Ok(None));
        assert!(lines.add(&half).is_err());
        let whole = [&half[..], &half, b"\n"].concat();
        assert!(Lines::default().add(&whole).is_err());

        let mut lines = Lines::default();
        lines.add(&half).unwrap();
        assert_eq!(lines.add(b"\n").unwrap().unwrap().len(), half.len() + 1);
        assert_eq!(lines.add(&half), Ok(None));
    }

    #[test]
    fn a_large_answer_is_refused_though_its_lines_are_short() {
        let piece = b"data: x\n".repeat(1_000);
        let mut lines = Lines::default();
        assert!((0..=ANSWER_BYTES_MAX / piece.len()).any(|_| lines.add(&piece).is_err()));
    }

    #[test]
    fn no_byte_of_a_whole_line_is_lost_or_held_back() {
        let text = b"data: a\n\ndata: b\r\n\r\ndata: c";
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let given: Vec<u8> =
                text.chunks(size).filter_map(|piece| lines.add(piece).unwrap()).flatten().collect();
            assert_eq!(given, b"data: a\n\ndata: b\r\n\r\n", "{size}");
        }
    }
}
