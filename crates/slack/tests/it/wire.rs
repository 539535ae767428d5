//! A Slack that does nothing by itself: tests accept its sockets and speak for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures::{SinkExt, StreamExt};
use secrecy::SecretString;
use slack::socket::Bounds;
use slack::{Ack, Frame, FrameHandler, SlackError, SocketOptions, SocketStatus};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};
use tokio_util::sync::CancellationToken;

use crate::soon;

/// Both servers: the Web API's one method and the WebSockets.
pub struct Wire {
    pub api_url: String,
    answers: Arc<Mutex<VecDeque<String>>>,
    calls: mpsc::UnboundedReceiver<Instant>,
    sockets: mpsc::UnboundedReceiver<TcpStream>,
}

impl Wire {
    pub async fn start() -> Self {
        let api = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api_url = format!("http://{}/api", api.local_addr().unwrap());
        let ws_url = format!("ws://{}/link?ticket=secret", web.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let (called, calls) = mpsc::unbounded_channel();
        let (accepted, sockets) = mpsc::unbounded_channel();
        tokio::spawn(serve_api(api, ws_url, Arc::clone(&answers), called));
        tokio::spawn(async move {
            while let Ok((stream, _)) = web.accept().await {
                let _ = accepted.send(stream);
            }
        });
        Wire { api_url, answers, calls, sockets }
    }

    /// Queues an answer for the next `apps.connections.open` in place of an address.
    pub fn answer_next(&self, status: &str, headers: &str, body: &str) {
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: \
             {length}\r\nconnection: close\r\n\r\n{body}"
        );
        self.answers.lock().unwrap().push_back(answer);
    }

    /// When the next `apps.connections.open` came.
    pub async fn call(&mut self) -> Instant {
        soon("apps.connections.open", self.calls.recv()).await.unwrap()
    }

    /// Calls that came and were not asked for yet.
    pub fn calls_left(&mut self) -> usize {
        std::iter::from_fn(|| self.calls.try_recv().ok()).count()
    }

    /// The next WebSocket, not greeted yet.
    pub async fn accept(&mut self) -> Peer {
        let stream = soon("a socket", self.sockets.recv()).await.unwrap();
        Peer { socket: accept_async(stream).await.unwrap() }
    }

    /// The next WebSocket, greeted.
    pub async fn greet(&mut self) -> Peer {
        let mut peer = self.accept().await;
        peer.say(r#"{"type":"hello","num_connections":1}"#).await;
        peer
    }
}

async fn serve_api(
    api: TcpListener,
    ws_url: String,
    answers: Arc<Mutex<VecDeque<String>>>,
    called: mpsc::UnboundedSender<Instant>,
) {
    while let Ok((mut stream, _)) = api.accept().await {
        let mut request = Vec::new();
        while !request.ends_with(b"{}") {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer).await {
                Ok(read) if read > 0 => request.extend_from_slice(&buffer[..read]),
                _ => break,
            }
        }
        let request = String::from_utf8_lossy(&request).to_lowercase();
        assert!(request.starts_with("post /api/apps.connections.open "), "{request}");
        assert!(request.contains("authorization: bearer xapp-test"), "the token is in the header");
        let _ = called.send(Instant::now());
        let body = format!(r#"{{"ok":true,"url":"{ws_url}"}}"#);
        let length = body.len();
        let answer = answers.lock().unwrap().pop_front().unwrap_or_else(|| {
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \
                 {length}\r\nconnection: close\r\n\r\n{body}"
            )
        });
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

/// Slack's end of one socket.
pub struct Peer {
    pub socket: WebSocketStream<TcpStream>,
}

impl Peer {
    pub async fn say(&mut self, frame: &str) {
        self.socket.send(Message::text(frame)).await.unwrap();
    }

    pub async fn envelope(&mut self, id: &str) {
        self.say(&format!(r#"{{"envelope_id":"{id}","type":"events_api","payload":{{}}}}"#)).await;
    }

    /// The envelope id of the next acknowledgement.
    pub async fn ack(&mut self) -> String {
        loop {
            let message = soon("an acknowledgement", self.socket.next()).await.unwrap().unwrap();
            if let Message::Text(text) = message {
                let ack: serde_json::Value = serde_json::from_str(&text).unwrap();
                return ack["envelope_id"].as_str().unwrap().to_owned();
            }
        }
    }

    /// Reads on until the other side closes; returns the acknowledgements that came before.
    pub async fn closed(&mut self) -> Vec<String> {
        let mut acks = Vec::new();
        while let Some(Ok(message)) = soon("the close", self.socket.next()).await {
            if let Message::Text(text) = message {
                let ack: serde_json::Value = serde_json::from_str(&text).unwrap();
                acks.push(ack["envelope_id"].as_str().unwrap().to_owned());
            }
        }
        acks
    }
}

/// A handler whose commits tests hold back: each frame waits for a permit.
pub struct Gate {
    pub commits: Semaphore,
    pub answer: Ack,
    arrivals: mpsc::UnboundedSender<(Option<String>, usize)>,
}

#[async_trait]
impl FrameHandler for Gate {
    async fn frame(&self, raw: Vec<u8>, frame: Frame) -> Ack {
        let id = frame.envelope_id().map(str::to_owned);
        let _ = self.arrivals.send((id, raw.len()));
        self.commits.acquire().await.unwrap().forget();
        self.answer.clone()
    }
}

/// The socket loop at work.
pub struct Loop {
    pub gate: Arc<Gate>,
    pub status: watch::Receiver<SocketStatus>,
    pub shutdown: CancellationToken,
    arrivals: mpsc::UnboundedReceiver<(Option<String>, usize)>,
    task: JoinHandle<Result<(), SlackError>>,
}

impl Loop {
    /// Starts with `sockets` connections, commits that return at once, and short bounds.
    pub fn start(wire: &Wire, sockets: usize, bounds: Bounds) -> Self {
        Self::with(wire, sockets, bounds, Semaphore::MAX_PERMITS, Ack::Now)
    }

    /// Starts with `commits` permits: further ones are for the test to give.
    pub fn with(wire: &Wire, sockets: usize, bounds: Bounds, commits: usize, answer: Ack) -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let commits = Semaphore::new(commits);
        let gate = Arc::new(Gate { commits, answer, arrivals: arrived });
        let status = watch::Sender::new(SocketStatus::default());
        let watching = status.subscribe();
        let shutdown = CancellationToken::new();
        let token = SecretString::from("xapp-test");
        let options = SocketOptions { sockets, bounds, ..SocketOptions::new(&wire.api_url, token) };
        let handler: Arc<dyn FrameHandler> = Arc::clone(&gate) as _;
        let task = tokio::spawn(slack::socket::run(options, handler, shutdown.clone(), status));
        Loop { gate, status: watching, shutdown, arrivals, task }
    }

    /// The envelope id and size of the next frame that reached the handler.
    pub async fn arrival(&mut self) -> (Option<String>, usize) {
        soon("a frame", self.arrivals.recv()).await.unwrap()
    }

    pub async fn until(&mut self, what: &str, reached: impl FnMut(&SocketStatus) -> bool) {
        soon(what, self.status.wait_for(reached)).await.unwrap();
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        soon("the end of the loop", self.task).await.unwrap().unwrap();
    }
}

/// Bounds short enough for a test, and long enough for a busy machine.
pub fn quick() -> Bounds {
    Bounds {
        backoff_min: Duration::from_millis(5),
        backoff_max: Duration::from_millis(50),
        stable_after: Duration::ZERO,
        stagger: Duration::ZERO,
        fault_retry: Duration::from_secs(3_600),
        close: Duration::from_millis(500),
        ..Bounds::default()
    }
}
