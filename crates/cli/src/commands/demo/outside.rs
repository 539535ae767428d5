//! The outside world of a demo: a local Slack and an offline model, or the real ones.

use std::net::{Ipv4Addr, SocketAddr};

use sim::model::OfflineModel;
use sim::slack::LocalSlack;

use crate::arguments::Demo;
use crate::commands::sim::{local_slack, offline_model};
use crate::exit::Usage;
use crate::output::note;

/// What the demo itself serves; `None` where the real one is used.
pub(super) struct Outside {
    slack: Option<LocalSlack>,
    model: Option<OfflineModel>,
}

impl Outside {
    pub async fn start(demo: &Demo) -> anyhow::Result<Self> {
        let slack = match (is_set("SLACK_APP_TOKEN"), is_set("SLACK_BOT_TOKEN")) {
            (true, true) => None,
            (false, false) => {
                Some(local_slack(local(demo.port.unwrap_or(0)), demo.data.clone()).await?)
            }
            (app, _) => return Err(one_token(app).into()),
        };
        let model = match is_set("OPENAI_API_KEY") || is_set("OPENAI_BASE_URL") {
            true => None,
            false => Some(offline_model(local(0)).await?),
        };
        if slack.is_none() {
            note("Using the Slack of SLACK_APP_TOKEN and SLACK_BOT_TOKEN.");
        }
        if model.is_none() {
            note("Using the model of OPENAI_API_KEY and OPENAI_BASE_URL.");
        }
        Ok(Outside { slack, model })
    }

    pub fn page_url(&self) -> Option<String> {
        self.slack.as_ref().map(LocalSlack::page_url)
    }

    pub fn slack_api_url(&self) -> Option<String> {
        self.slack.as_ref().map(LocalSlack::api_url)
    }

    pub fn model_base_url(&self) -> Option<String> {
        self.model.as_ref().map(OfflineModel::base_url)
    }

    pub async fn stop(self) {
        if let Some(slack) = self.slack {
            slack.stop().await;
        }
        if let Some(model) = self.model {
            model.stop().await;
        }
    }
}

pub(super) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn one_token(app: bool) -> Usage {
    let (set, unset) = match app {
        true => ("SLACK_APP_TOKEN", "SLACK_BOT_TOKEN"),
        false => ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"),
    };
    Usage(format!("{set} is set and {unset} is not: set both for a real Slack, or none"))
}
