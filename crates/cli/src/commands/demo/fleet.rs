//! The processes of a demo: ingest and two workers.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use service::shutdown::Signals;
use tokio::time::Instant;
use uuid::Uuid;

use super::ChildEnded;
use super::child::Child;
use super::outside::{Outside, is_set};
use crate::exit::Usage;
use crate::output::note;

const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How often children are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// How long a child has for one answer about its health.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// One person waits; nobody wants to wait 25 s for the end.
const DRAIN_SECONDS: &str = "5";

const INGEST: &str = "athenaeum-ingest";
const WORKER: &str = "athenaeum-worker";

pub(super) struct Fleet {
    children: Vec<Child>,
}

impl Fleet {
    pub fn start(outside: &Outside) -> anyhow::Result<Self> {
        let binaries = binaries()?;
        let (ingest, worker) = (ingest(outside), worker(outside)?);
        let mut children = Vec::new();
        for (address, name) in free_addresses::<3>()?.into_iter().zip([INGEST, WORKER, WORKER]) {
            let (set, unset): (_, &[&str]) = match name {
                INGEST => (&ingest, &["OPENAI_API_KEY", "ATHENAEUM_SECRET"]),
                _ => (&worker, &["SLACK_APP_TOKEN"]),
            };
            children.push(Child::start(&binaries, name, address, set, unset)?);
        }
        Ok(Fleet { children })
    }

    /// Waits until every child says that it is ready.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let client = reqwest::Client::builder().timeout(HEALTH_TIMEOUT).no_proxy().build()?;
        let deadline = Instant::now() + READY_TIMEOUT;
        for index in 0..self.children.len() {
            while let Err(reason) = asked(&client, self.children[index].health).await {
                if let Some(ended) = self.dead()? {
                    return Err(ended.into());
                }
                if Instant::now() > deadline {
                    let (name, seconds) = (self.children[index].name, READY_TIMEOUT.as_secs());
                    anyhow::bail!("{name} is not ready after {seconds} s: {reason}");
                }
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// Waits until a child ends.
    pub async fn first_death(&mut self) -> anyhow::Result<ChildEnded> {
        loop {
            if let Some(ended) = self.dead()? {
                return Ok(ended);
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Lets them drain, then makes sure that they are gone. A second signal makes sure at once.
    pub async fn stop(mut self, signals: &Signals) {
        self.children.iter().for_each(Child::terminate);
        for child in &mut self.children {
            match signals.hard.run_until_cancelled(child.join()).await {
                Some(true) => {}
                Some(false) => note(&format!("{} did not end and was killed.", child.name)),
                None => child.kill().await,
            }
        }
    }

    pub fn health_addresses(&self) -> Vec<String> {
        self.children.iter().map(|child| child.health.to_string()).collect()
    }

    fn dead(&mut self) -> anyhow::Result<Option<ChildEnded>> {
        for child in &mut self.children {
            if let Some(status) = child.ended()? {
                return Ok(Some(ChildEnded { name: child.name, status }));
            }
        }
        Ok(None)
    }
}

/// Whether the child at `address` is ready, and if not, why, as it says itself.
async fn asked(client: &reqwest::Client, address: SocketAddr) -> Result<(), String> {
    let url = format!("http://{address}/readyz");
    let answer = client.get(url).send().await.map_err(|_| "it does not answer yet".to_owned())?;
    match answer.status().is_success() {
        true => Ok(()),
        false => Err(answer.text().await.unwrap_or_default()),
    }
}

/// The folder of this executable, where its sisters are.
fn binaries() -> anyhow::Result<PathBuf> {
    let executable = std::env::current_exe().context("this program's own file is gone")?;
    let folder = executable.parent().context("this program's own file has no folder")?;
    Ok(folder.to_owned())
}

/// Ports that nobody uses; all are held until all are found.
fn free_addresses<const N: usize>() -> anyhow::Result<Vec<SocketAddr>> {
    let listeners: Vec<_> =
        (0..N).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>();
    addresses.context("no free port was found")
}

fn ingest(outside: &Outside) -> Vec<(&'static str, String)> {
    let mut set = common(outside);
    if outside.slack_api_url().is_some() {
        set.push(("SLACK_APP_TOKEN", "xapp-local".to_owned()));
    }
    set
}

fn worker(outside: &Outside) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut set = common(outside);
    if let Some(url) = outside.model_base_url() {
        set.push(("OPENAI_BASE_URL", url));
        // The offline model's tokens cost nothing.
        if !is_set("ATHENAEUM_USER_TOKENS_PER_DAY") {
            set.push(("ATHENAEUM_USER_TOKENS_PER_DAY", "0".to_owned()));
        }
    }
    if !is_set("ATHENAEUM_SECRET") {
        if outside.slack_api_url().is_none() {
            let why = "ATHENAEUM_SECRET is unset: with a real Slack it must stay the same from run \
                       to run, or earlier replies are not recognised; set it to 16 characters or \
                       more";
            return Err(Usage(why.to_owned()).into());
        }
        set.push(("ATHENAEUM_SECRET", Uuid::new_v4().to_string()));
    }
    Ok(set)
}

fn common(outside: &Outside) -> Vec<(&'static str, String)> {
    let mut set = Vec::new();
    if let Some(url) = outside.slack_api_url() {
        set.push(("SLACK_API_URL", url));
        set.push(("SLACK_BOT_TOKEN", "xoxb-local".to_owned()));
    }
    for (name, value) in [("RUST_LOG", "warn"), ("ATHENAEUM_DRAIN_SECONDS", DRAIN_SECONDS)] {
        if !is_set(name) {
            set.push((name, value.to_owned()));
        }
    }
    set
}
