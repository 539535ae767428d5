//! The Web API: `/api/{method}`, from arguments to answer.

mod agents;
pub(super) mod args;
mod assistant;
pub(super) mod blocks;
mod chat;
mod chunks;
mod content;
mod conversations;
mod files;
mod history;
mod identity;
mod methods;
mod page;
mod reactions;
pub(super) mod refusal;
mod search;
mod sessions;
mod streams;
mod usergroups;
mod users;
mod views;

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use self::{
    args::{Args, Arrival},
    methods::{Method, Token},
    refusal::Refusal,
};
use super::{faults::FaultKind, journal::What, limits::Tier, world::World};

/// The largest body of a call, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A call that has passed all checks, on its way through its method.
pub(super) struct Call<'a> {
    pub world: &'a World,
    pub args: &'a Args,
    /// The address the caller reached us by, for addresses in answers.
    pub authority: &'a str,
    pub now_us: i64,
}

/// What a method answers with, besides `"ok": true`.
pub(super) type Answer = Result<Value, Refusal>;

/// `GET` or `POST /api/{method}`.
pub(super) async fn serve(
    State(world): State<Arc<World>>,
    Path(method): Path<String>,
    request: Request,
) -> Response {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let fault = world.faults.take(&method);
    if let Some(FaultKind::Delay { delay_ms }) = &fault {
        tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let (mut args, read) = match Args::read(&parts.uri, &parts.headers, body).await {
        Ok((args, arrival)) => (args, Ok(arrival)),
        Err(refusal) => (Args::default(), Err(refusal)),
    };
    let arrived = Arrived { method: &method, headers: &parts.headers, args: &args };
    let answer = match prevented(fault.as_ref()) {
        Some(refusal) => Err(refusal),
        None => read.and_then(|arrival| arrived.run(&world, arrival)),
    };
    change_members(&world, fault.as_ref());
    let applied = answer.is_ok();
    let error = answer.as_ref().err().map(|refusal| refusal.error.clone());
    let response = respond(&world, &method, answer, fault.as_ref());
    if let Some(FaultKind::DelayAfterApplying { delay_ms }) = &fault {
        tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
    }
    world.journal.enter(What::Call {
        method,
        args: Value::Object(std::mem::take(&mut args.0)),
        status: response.status().as_u16(),
        error,
        fault: fault.map(|fault| fault.name()),
        applied,
        took_us: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
    });
    response
}

/// The refusal that a fault puts in the place of the call.
fn prevented(fault: Option<&FaultKind>) -> Option<Refusal> {
    match fault? {
        FaultKind::RateLimit { retry_after_s } => Some(Refusal::rate_limited(*retry_after_s)),
        FaultKind::Error { error, .. } => Some(Refusal::new(error)),
        FaultKind::ErrorAfterApplying
        | FaultKind::CutAfterApplying
        | FaultKind::Delay { .. }
        | FaultKind::DelayAfterApplying { .. }
        | FaultKind::JoinAfterwards { .. }
        | FaultKind::LeaveAfterwards { .. } => None,
    }
}

/// Makes what was just read untrue.
fn change_members(world: &World, fault: Option<&FaultKind>) {
    match fault {
        Some(FaultKind::JoinAfterwards { channel, user }) => {
            world.join(&mut world.state(), channel, user, None);
        }
        Some(FaultKind::LeaveAfterwards { channel, user }) => {
            world.leave(&mut world.state(), channel, user, None);
        }
        Some(
            FaultKind::RateLimit { .. }
            | FaultKind::ErrorAfterApplying
            | FaultKind::CutAfterApplying
            | FaultKind::Error { .. }
            | FaultKind::Delay { .. }
            | FaultKind::DelayAfterApplying { .. },
        )
        | None => {}
    }
}

/// Adds a warning to an answer, after those that it has.
pub(super) fn warn(answer: &mut Value, warning: &str) {
    let mut warnings =
        answer["response_metadata"]["warnings"].as_array().cloned().unwrap_or_default();
    warnings.push(json!(warning));
    let names: Vec<&str> = warnings.iter().filter_map(Value::as_str).collect();
    answer["warning"] = json!(names.join(","));
    answer["response_metadata"]["warnings"] = json!(warnings);
}

struct Arrived<'a> {
    method: &'a str,
    headers: &'a HeaderMap,
    args: &'a Args,
}

impl Arrived<'_> {
    fn run(&self, world: &World, arrival: Arrival) -> Answer {
        let Some(method) = methods::find(self.method) else {
            return Err(Refusal::new("unknown_method"));
        };
        self.authorise(world, method, arrival.field_token.as_deref())?;
        let now_us = world.clock.now_us();
        if world.settings().enforce_limits {
            let channel = self.args.text("channel").filter(|_| method.tier == Tier::Posting);
            world
                .limits
                .take(method.name, method.tier, channel.as_deref(), now_us)
                .map_err(Refusal::rate_limited)?;
        }
        let host = self.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let authority = host.unwrap_or(&world.authority);
        let mut answer = (method.run)(&Call { world, args: self.args, authority, now_us })?;
        if arrival.lacks_charset {
            warn(&mut answer, "missing_charset");
        }
        Ok(answer)
    }

    fn authorise(
        &self,
        world: &World,
        method: &Method,
        field_token: Option<&str>,
    ) -> Result<(), Refusal> {
        let header_token = self
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer"));
        let token = match method.token {
            Token::None => return Ok(()),
            // An app-level token is only taken from the header.
            Token::App => header_token,
            Token::Bot => header_token.or(field_token),
        };
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Refusal::new("not_authed"))?;
        let (wanted, other) = match method.token {
            Token::App => (&world.options.app_token, &world.options.bot_token),
            Token::Bot | Token::None => (&world.options.bot_token, &world.options.app_token),
        };
        if token == other {
            return Err(Refusal::new("not_allowed_token_type"));
        }
        if token != wanted {
            return Err(Refusal::new("invalid_auth"));
        }
        method.check_scopes(&world.settings().scopes)
    }
}

fn respond(world: &World, method: &str, answer: Answer, fault: Option<&FaultKind>) -> Response {
    let mut status = StatusCode::OK;
    let mut retry_after_s = None;
    let body = match answer {
        Ok(mut answer) => {
            answer["ok"] = json!(true);
            answer
        }
        Err(refusal) => {
            retry_after_s = refusal.retry_after_s;
            let mut body = refusal.body();
            if refusal.error == "unknown_method" {
                body["req_method"] = json!(method);
            }
            body
        }
    };
    if retry_after_s.is_some() {
        status = StatusCode::TOO_MANY_REQUESTS;
    }
    let mut response = match fault {
        Some(FaultKind::ErrorAfterApplying) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response();
        }
        Some(FaultKind::CutAfterApplying) => return broken_off(&body),
        Some(FaultKind::Error { status: given, .. }) => {
            status = StatusCode::from_u16(*given).unwrap_or(status);
            Response::new(Body::from(body.to_string()))
        }
        Some(
            FaultKind::RateLimit { .. }
            | FaultKind::Delay { .. }
            | FaultKind::DelayAfterApplying { .. }
            | FaultKind::JoinAfterwards { .. }
            | FaultKind::LeaveAfterwards { .. },
        )
        | None => Response::new(Body::from(body.to_string())),
    };
    *response.status_mut() = status;
    put_headers(world, method, response.headers_mut(), retry_after_s);
    response
}

fn put_headers(world: &World, method: &str, headers: &mut HeaderMap, retry_after_s: Option<u64>) {
    headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    let Some(method) = methods::find(method).filter(|method| method.token == Token::Bot) else {
        return;
    };
    let scopes: Vec<String> = world.settings().scopes.iter().cloned().collect();
    for (name, list) in
        [("x-oauth-scopes", scopes.join(",")), ("x-accepted-oauth-scopes", method.scopes.join(","))]
    {
        if let Ok(value) = HeaderValue::from_str(&list) {
            headers.insert(name, value);
        }
    }
}

/// An answer whose connection breaks before its last byte.
fn broken_off(body: &Value) -> Response {
    let bytes = Bytes::from(body.to_string());
    let length = bytes.len();
    let half = bytes.slice(..length / 2);
    let parts =
        futures::stream::iter([Ok(half), Err(std::io::Error::other("broken off on purpose"))]);
    let mut response = Response::new(Body::from_stream(parts));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
