//! One Web API call: in its turn, a connection that dies with us, a timeout, and no second try.

mod files;
mod respond;

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, RETRY_AFTER};
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use slack_morphism::errors::SlackClientError;
use slack_morphism::hyper_tokio::SlackClientHyperConnector;
use slack_morphism::{SlackApiToken, SlackClient};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tower::Service;

use crate::budget::{self, Bucket, Budget, Purpose};
use crate::error::{Cause, RETRY_AFTER_DEFAULT, SlackError};

/// How long a connection to Slack may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long sent bytes may stay unacknowledged before the kernel gives the connection up.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);

type Connector = HttpsConnector<AbruptConnector>;

/// Makes calls with one token. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    client: SlackClient<SlackClientHyperConnector<Connector>>,
    /// For the one call whose answer's headers matter, which slack-morphism does not show.
    plain: Client<Connector, Full<Bytes>>,
    token: Arc<SlackApiToken>,
    api_url: Arc<str>,
    timeout: Duration,
    /// Who grants calls; without one, Slack alone limits them.
    budget: Option<Arc<dyn Budget>>,
}

impl Caller {
    /// # Errors
    /// [`SlackError::Setup`] when the address is none, or no root certificates are found.
    pub(crate) fn new(
        api_url: &str,
        token: &SecretString,
        timeout: Duration,
    ) -> Result<Self, SlackError> {
        let api_url = api_url.trim_end_matches('/');
        let connector = connector(api_url)?;
        let plain = Client::builder(TokioExecutor::new()).build(connector.clone());
        let connector =
            SlackClientHyperConnector::with_connector(connector).with_slack_api_url(api_url);
        Ok(Caller {
            client: SlackClient::new(connector),
            plain,
            token: Arc::new(SlackApiToken::new(token.expose_secret().to_owned().into())),
            api_url: api_url.into(),
            timeout,
            budget: None,
        })
    }

    /// Asks for every call from now on.
    pub(crate) fn asking(self, budget: Arc<dyn Budget>) -> Self {
        Caller { budget: Some(budget), ..self }
    }

    /// A call in its turn whose arguments travel as JSON.
    pub(crate) async fn post(&self, method: &str, body: &Value) -> Result<Value, SlackError> {
        let purpose = budget::of(method).map_or(Purpose::Answer, |(_, purpose)| purpose);
        self.post_for(purpose, purpose.patience(), method, body).await
    }

    /// As [`Caller::post`], for a purpose that the method does not tell.
    pub(crate) async fn post_for(
        &self,
        purpose: Purpose,
        patience: Duration,
        method: &str,
        body: &Value,
    ) -> Result<Value, SlackError> {
        if let Some((bucket, _)) = budget::of(method) {
            self.turn(method, &[bucket], purpose, patience).await?;
        }
        self.post_now(method, body).await
    }

    /// As [`Caller::post`], its turn taken before.
    pub(crate) async fn post_now(&self, method: &str, body: &Value) -> Result<Value, SlackError> {
        let session = self.client.open_session(&self.token);
        let call = session.http_session_api.http_post::<_, Value>(method, body, None);
        let answer = self.answer(method, call).await;
        self.heed(answer).await
    }

    /// A call in its turn whose arguments travel in the address.
    pub(crate) async fn get(
        &self,
        method: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Value, SlackError> {
        let purpose = budget::of(method).map_or(Purpose::Answer, |(_, purpose)| purpose);
        self.get_for(purpose, method, arguments).await
    }

    /// As [`Caller::get`], for a purpose that the method does not tell.
    pub(crate) async fn get_for(
        &self,
        purpose: Purpose,
        method: &str,
        arguments: &[(&str, &str)],
    ) -> Result<Value, SlackError> {
        if let Some((bucket, _)) = budget::of(method) {
            self.turn(method, &[bucket], purpose, purpose.patience()).await?;
        }
        let arguments: Vec<_> =
            arguments.iter().map(|(name, value)| (*name, Some(*value))).collect();
        let session = self.client.open_session(&self.token);
        let call = session.http_session_api.http_get::<Value, _, _>(method, &arguments, None);
        let answer = self.answer(method, call).await;
        self.heed(answer).await
    }

    /// Waits until a call has its turn in all its buckets, the narrowest first: whoever is sent away there
    /// takes nothing from the others, which would leave those who come through without.
    pub(crate) async fn turn(
        &self,
        method: &str,
        buckets: &[Bucket],
        purpose: Purpose,
        patience: Duration,
    ) -> Result<(), SlackError> {
        let Some(budget) = &self.budget else { return Ok(()) };
        let until = Instant::now() + patience;
        for bucket in buckets {
            let left = until.saturating_duration_since(Instant::now());
            let turn = budget.turn(bucket, purpose, left).await;
            turn.map_err(|after| SlackError::RateLimited { method: method.to_owned(), after })?;
        }
        Ok(())
    }

    /// Tells everyone of Slack's 429.
    async fn heed(&self, answer: Result<Value, SlackError>) -> Result<Value, SlackError> {
        if let (Err(SlackError::RateLimited { method, after }), Some(budget)) =
            (&answer, &self.budget)
            && let Some((bucket, _)) = budget::of(method)
        {
            budget.refused(&bucket, *after).await;
        }
        answer
    }

    /// A call without arguments, and the token's scopes, which only a header tells.
    pub(crate) async fn post_for_scopes(
        &self,
        method: &str,
    ) -> Result<(Value, Vec<String>), SlackError> {
        let call = self.plain_post(method);
        timeout(self.timeout, call).await.unwrap_or_else(|_| Err(late(method)))
    }

    async fn answer(
        &self,
        method: &str,
        call: impl Future<Output = Result<Value, SlackClientError>>,
    ) -> Result<Value, SlackError> {
        match timeout(self.timeout, call).await {
            Err(_) => Err(late(method)),
            Ok(Err(error)) => Err(classify(method, error)),
            Ok(Ok(answer)) => accepted(method, answer),
        }
    }

    async fn plain_post(&self, method: &str) -> Result<(Value, Vec<String>), SlackError> {
        let bearer = format!("Bearer {}", self.token.token_value.0);
        let request = Request::post(format!("{}/{method}", self.api_url))
            .header(AUTHORIZATION, bearer)
            .body(Full::default())
            .map_err(|error| setup("a token of printable characters", Some(error.into())))?;
        let response = self
            .plain
            .request(request)
            .await
            .map_err(|error| connection(method, Some(error.into())))?;
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let scopes = header("x-oauth-scopes").unwrap_or_default();
        match status {
            200 => {}
            429 => {
                let seconds = header(RETRY_AFTER.as_str()).and_then(|text| text.parse().ok());
                let after = seconds.map_or(RETRY_AFTER_DEFAULT, Duration::from_secs);
                return Err(SlackError::RateLimited { method: method.to_owned(), after });
            }
            _ => return Err(SlackError::of_status(method, status)),
        }
        let body = response.into_body().collect().await;
        let body = body.map_err(|error| unknown(method, "answer_cut", Some(error.into())))?;
        let answer = serde_json::from_slice(&body.to_bytes()).unwrap_or_else(|_| json!({}));
        let scopes = scopes.split(',').map(str::trim).filter(|scope| !scope.is_empty());
        Ok((accepted(method, answer)?, scopes.map(str::to_owned).collect()))
    }
}

/// Slack's word for success is `ok: true`; a proxy's page in its place proves nothing.
fn accepted(method: &str, answer: Value) -> Result<Value, SlackError> {
    match (answer["ok"].as_bool(), answer["error"].as_str()) {
        (Some(true), _) => Ok(answer),
        (Some(false), Some(code)) => Err(SlackError::of_code(method, code.to_owned())),
        _ => Err(unknown(method, "not_slacks_answer", None)),
    }
}

/// Slack-morphism's errors hold response bodies, so only what is known to be harmless is kept.
fn classify(method: &str, error: SlackClientError) -> SlackError {
    match error {
        SlackClientError::ApiError(error) => SlackError::of_code(method, error.code),
        SlackClientError::RateLimitError(error) => SlackError::RateLimited {
            method: method.to_owned(),
            after: error.retry_after.unwrap_or(RETRY_AFTER_DEFAULT),
        },
        SlackClientError::HttpError(error) => {
            SlackError::of_status(method, error.status_code.as_u16())
        }
        SlackClientError::HttpProtocolError(error) => {
            connection(method, error.cause.map(|cause| cause as Cause))
        }
        SlackClientError::ProtocolError(_) => unknown(method, "answer_not_json", None),
        SlackClientError::SystemError(_) | SlackClientError::EndOfStream(_) => {
            unknown(method, "answer_cut", None)
        }
        SlackClientError::SocketModeProtocolError(_) => unknown(method, "protocol", None),
    }
}

/// A connection that never stood has sent nothing; one that broke may have.
fn connection(method: &str, cause: Option<Cause>) -> SlackError {
    type ClientError = hyper_util::client::legacy::Error;
    match cause {
        Some(source) if source.downcast_ref().is_some_and(ClientError::is_connect) => {
            SlackError::NotSent { method: method.to_owned(), source }
        }
        cause => unknown(method, "connection_broke", cause),
    }
}

fn late(method: &str) -> SlackError {
    unknown(method, "timeout", None)
}

fn unknown(method: &str, what: &str, source: Option<Cause>) -> SlackError {
    SlackError::Unknown { method: method.to_owned(), what: what.to_owned(), source }
}

fn setup(expected: &str, source: Option<Cause>) -> SlackError {
    SlackError::Setup { expected: format!("expected {expected}"), source }
}

fn connector(api_url: &str) -> Result<Connector, SlackError> {
    let uri: Uri = api_url.parse().map_err(|error: hyper::http::uri::InvalidUri| {
        setup("SLACK_API_URL to be an http(s) address", Some(error.into()))
    })?;
    let provider = ring::default_provider();
    let tls = match uri.scheme_str() {
        Some("https") => {
            HttpsConnectorBuilder::new().with_provider_and_native_roots(provider).map_err(
                |error| setup("root certificates; install ca-certificates", Some(error.into())),
            )?
        }
        // A local Slack needs no certificates, and a bare container may have none.
        Some("http") => HttpsConnectorBuilder::new().with_tls_config(
            ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(|error| setup("ring to know TLS", Some(error.into())))?
                .with_root_certificates(RootCertStore::empty())
                .with_no_client_auth(),
        ),
        _ => return Err(setup("SLACK_API_URL to begin with https:// or http://", None)),
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
    let abrupt = AbruptConnector(tcp);
    Ok(tls.https_or_http().enable_http1().enable_http2().wrap_connector(abrupt))
}

/// Opens TCP connections with SO_LINGER 0: what a dead process had not yet sent is thrown away,
/// so that nothing of it reaches Slack after another worker took over.
#[derive(Clone)]
struct AbruptConnector(HttpConnector);

impl Service<Uri> for AbruptConnector {
    type Response = TokioIo<TcpStream>;
    type Error = Cause;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Cause>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Cause>> {
        self.0.poll_ready(context).map_err(boxed)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let stream = connecting.await.map_err(boxed)?;
            stream.inner().set_zero_linger()?;
            Ok(stream)
        })
    }
}

fn boxed(error: impl Error + Send + Sync + 'static) -> Cause {
    Box::new(error)
}
