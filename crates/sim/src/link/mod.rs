//! A bad line to Postgres: a TCP proxy that reads just enough of the protocol to know a COMMIT.
//!
//! A link that breaks around COMMIT leaves its client without knowledge: cut before, nothing was
//! stored; cut after, everything was; the client's error is the same. Tests need both on purpose.
//! Beyond that the line can be slow, drip, fall silent, be reset or refuse.
//!
//! TLS is declined, so that the frames can be read.

mod commits;
mod frames;
mod pump;
mod state;

pub use commits::{Commit, CommitKind};
pub use state::{Break, Counts, Cut, Weather};

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use state::Shared;

/// A running proxy; it ends, and its connections with it, when dropped.
#[derive(Debug)]
pub struct Link {
    addr: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Link {
    /// Listens on a port of its own and leads to `target`. Nothing happens until a fault is asked
    /// for.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(target: SocketAddr) -> io::Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let shared = Arc::new(Shared::new(target));
        let task = tokio::spawn(accept(listener, addr, Arc::clone(&shared)));
        Ok(Link { addr, shared, task })
    }

    /// As [`Link::start`], in front of the server that a URL names by address.
    ///
    /// # Errors
    /// When the URL names none, or no port can be had.
    pub async fn to(url: &str) -> io::Result<Link> {
        let url = url::Url::parse(url).map_err(io::Error::other)?;
        let host = url.host_str().ok_or_else(|| io::Error::other("expected a host in the URL"))?;
        let target = tokio::net::lookup_host((host, url.port().unwrap_or(5432))).await?.next();
        Link::start(target.ok_or_else(|| io::Error::other("the host has no address"))?).await
    }

    /// Where clients connect.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A server's URL, led through this proxy.
    ///
    /// # Panics
    /// When `url` is no URL with a host.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let through = url::Url::parse(url).ok().and_then(|mut url| {
            url.set_host(Some(&self.addr.ip().to_string())).ok()?;
            url.set_port(Some(self.addr.port())).ok()?;
            Some(url.to_string())
        });
        through.unwrap_or_else(|| panic!("expected a URL with a host"))
    }

    /// Cuts the connection of the `skip`-th commit from now on, 0 being the next, of those that
    /// `wanted` picks. One such order stands at a time; a new one replaces it.
    pub fn arm(
        &self,
        cut: Cut,
        skip: u32,
        wanted: impl Fn(&Commit) -> bool + Send + Sync + 'static,
    ) {
        self.shared.arm(cut, skip, Box::new(wanted));
    }

    /// Takes a standing order back; whether there was one that had not come true.
    pub fn disarm(&self) -> bool {
        self.shared.disarm()
    }

    /// How the line behaves from now on, for new and for standing connections.
    pub fn set_weather(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// Ends every standing connection now.
    pub fn break_all(&self, how: Break) {
        self.shared.breaks.send_modify(|breaks| *breaks = (breaks.0 + 1, how));
    }

    /// What happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until what happened is `enough`.
    pub async fn until(&self, enough: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        // The sender lives in `shared`, which lives here.
        counts.wait_for(enough).await.map_or_else(|_| Counts::default(), |counts| *counts)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How soon a listener that could not be bound again is tried once more.
const REBIND_PAUSE: Duration = Duration::from_millis(20);

/// Serves connections for ever; they end with this task.
async fn accept(listener: TcpListener, addr: SocketAddr, shared: Arc<Shared>) {
    let mut weather = shared.weather.subscribe();
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    loop {
        if *weather.borrow_and_update() == Weather::Refuse {
            listener = None;
            if weather.changed().await.is_err() {
                return;
            }
            continue;
        }
        let Some(listening) = &listener else {
            listener = TcpListener::bind(addr).await.ok();
            if listener.is_none() {
                tokio::time::sleep(REBIND_PAUSE).await;
            }
            continue;
        };
        tokio::select! {
            accepted = listening.accept() => if let Ok((client, _)) = accepted {
                shared.count(|counts| counts.accepted += 1);
                connections.spawn(pump::serve(client, Arc::clone(&shared)));
            },
            changed = weather.changed() => if changed.is_err() { return },
            Some(_) = connections.join_next() => {}
        }
    }
}
