//! What every test starts from: a local Slack, a caller of its Web API, a socket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sim::slack::{Clock, Control, LocalSlack, Options};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

pub const GENERAL: &str = "C0GENERAL";
pub const ADA: &str = "U0ADA";
pub const GRACE: &str = "U0GRACE";
pub const BOT: &str = "U0ATHENA";

/// Far above what a step needs, also on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// A local Slack on a clock that stands still, and a client with the bot's token.
pub struct Desk {
    pub slack: LocalSlack,
    pub control: Control,
    pub http: reqwest::Client,
}

impl Desk {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = Options { clock: Clock::test(), ..options };
        let slack = LocalSlack::start(options).await.unwrap();
        let control = slack.control();
        Self { slack, control, http: reqwest::Client::new() }
    }

    pub fn request(&self, method: &str, token: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/{method}", self.slack.api_url());
        self.http.post(url).header("authorization", format!("Bearer {token}"))
    }

    /// Calls with the bot's token and JSON.
    pub async fn call(&self, method: &str, args: Value) -> Value {
        let answer = self.request(method, "xoxb-local").json(&args).send().await.unwrap();
        answer.json().await.unwrap()
    }

    /// Calls, and fails unless Slack did it.
    pub async fn done(&self, method: &str, args: Value) -> Value {
        let answer = self.call(method, args).await;
        assert_eq!(answer["ok"], true, "{method}: {answer}");
        answer
    }

    /// Calls, and fails unless Slack refused with this code.
    pub async fn refused(&self, code: &str, method: &str, args: Value) -> Value {
        let answer = self.call(method, args).await;
        assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!(code)), "{method}");
        answer
    }

    pub fn say(&self, text: &str) -> String {
        self.control.say(GENERAL, ADA, text).unwrap()
    }

    pub fn advance(&self, seconds: u64) {
        self.control.advance(Duration::from_secs(seconds));
    }

    /// Opens a socket and reads its hello.
    pub async fn socket(&self) -> Socket {
        let mut socket = self.connect("").await;
        assert_eq!(socket.frame().await["type"], "hello");
        socket
    }

    /// Opens a socket and reads nothing.
    pub async fn connect(&self, more: &str) -> Socket {
        let answer = self.request("apps.connections.open", "xapp-local").send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let url = format!("{}{more}", answer["url"].as_str().unwrap());
        Socket(connect_async(url).await.unwrap().0)
    }
}

/// The app's end of a socket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next text frame.
    pub async fn frame(&mut self) -> Value {
        match self.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a text frame, found {other:?}"),
        }
    }

    /// The next frame that is no ping.
    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        loop {
            match tokio::time::timeout(DEADLINE, self.0.next()).await.unwrap() {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => return other,
            }
        }
    }

    /// Reads until the server is gone.
    pub async fn ended(&mut self) {
        while let Some(Ok(_)) = self.next().await {}
    }

    pub async fn ack(&mut self, envelope: &Value) {
        self.answer(json!({"envelope_id": envelope["envelope_id"]})).await;
    }

    pub async fn answer(&mut self, ack: Value) {
        self.0.send(Message::text(ack.to_string())).await.unwrap();
    }
}

/// The event of an envelope.
pub fn event(envelope: &Value) -> &Value {
    &envelope["payload"]["event"]
}
