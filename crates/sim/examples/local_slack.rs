//! A local Slack and an offline model on fixed ports, to look at and to point clients at.
//!
//! `cargo run -p sim --example local_slack`, then open the address it prints. The suites of
//! `tests/clients` run against it too: see the README there. Another port for the local Slack can
//! be named after `--`; the model takes the one after it.

#![expect(
    clippy::print_stdout,
    reason = "an example tells its addresses to the person who runs it"
)]

use std::net::SocketAddr;

use sim::model::{self, OfflineModel};
use sim::slack::{self, LocalSlack};

/// The local Slack's port unless another is named; the model's is the next.
const PORT: u16 = 8090;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = match std::env::args().nth(1) {
        Some(port) => port.parse().map_err(std::io::Error::other)?,
        None => PORT,
    };
    let slack = slack::Options { addr: loopback(port), ..slack::Options::default() };
    let slack = LocalSlack::start(slack).await?;
    let model =
        model::Options { addr: loopback(port.saturating_add(1)), ..model::Options::default() };
    let model = OfflineModel::start(model).await?;
    println!("page         {}", slack.page_url());
    println!("Slack API    {}   (tokens xoxb-local and xapp-local)", slack.api_url());
    println!("OpenAI API   {}", model.base_url());
    println!("Ctrl-C stops both.");
    tokio::signal::ctrl_c().await?;
    slack.stop().await;
    Ok(())
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}
