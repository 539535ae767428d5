//! `athenaeum sim`: the local Slack and the offline model as servers, for Compose.

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;
use service::shutdown;
use sim::model::OfflineModel;
use sim::slack::LocalSlack;

use crate::arguments::Sim;
use crate::exit::Exit;
use crate::output::{Output, note};

#[derive(Serialize)]
struct Addresses {
    page_url: String,
    slack_api_url: String,
    model_base_url: String,
}

pub(crate) async fn run(sim: Sim, output: &Output) -> anyhow::Result<Exit> {
    let signals = shutdown::on_signals()?;
    let slack = local_slack(sim.slack_addr, sim.data).await?;
    let model = offline_model(sim.model_addr).await?;
    let addresses = Addresses {
        page_url: slack.page_url(),
        slack_api_url: slack.api_url(),
        model_base_url: model.base_url(),
    };
    output.result(&addresses, || {
        format!(
            "Local Slack    {}\n  Web API      {} (tokens xoxb-local, xapp-local)\n\
             Offline model  {}",
            addresses.page_url, addresses.slack_api_url, addresses.model_base_url
        )
    })?;
    signals.soft.cancelled().await;
    note("Stopping …");
    slack.stop().await;
    model.stop().await;
    Ok(Exit::Done)
}

pub(crate) async fn local_slack(
    addr: std::net::SocketAddr,
    data_file: Option<PathBuf>,
) -> anyhow::Result<LocalSlack> {
    let options = sim::slack::Options { addr, data_file, ..sim::slack::Options::default() };
    LocalSlack::start(options).await.with_context(|| {
        format!("the local Slack cannot listen at {addr}; is another one running there?")
    })
}

pub(crate) async fn offline_model(addr: std::net::SocketAddr) -> anyhow::Result<OfflineModel> {
    let options = sim::model::Options { addr, ..sim::model::Options::default() };
    OfflineModel::start(options).await.with_context(|| {
        format!("the offline model cannot listen at {addr}; is another one running there?")
    })
}
