//! `athenaeum health`: what a container without curl asks.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::arguments::Health;
use crate::exit::Exit;
use crate::output::Output;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Healthy {
    address: String,
    healthy: bool,
    status: u16,
}

pub(crate) async fn run(health: Health, output: &Output) -> anyhow::Result<Exit> {
    let address = health.address;
    let client = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).no_proxy().build()?;
    let asked = client.get(format!("http://{address}/healthz")).send().await;
    let answer = asked.map_err(reqwest::Error::without_url);
    let status = answer.with_context(|| format!("nothing healthy answers at {address}"))?.status();
    let healthy = status.is_success();
    let view = Healthy { address, healthy, status: status.as_u16() };
    output.result(&view, || match healthy {
        true => "healthy".to_owned(),
        false => format!("unhealthy: status {status}"),
    })?;
    Ok(if healthy { Exit::Done } else { Exit::Failed })
}
